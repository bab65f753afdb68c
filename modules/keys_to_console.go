package modules

import (
	"context"
	"errors"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/sshd"
	"cloudseed/modules/cloudconfig"
	"cloudseed/state"
)

type keysToConsoleKeys struct {
	SSH                *consoleKeys  `key:"ssh" doc:"What is shown of SSH on the console."`
	HiddenFingerprints *config.Value `key:"ssh_fp_console_blacklist" takes:"list(text)|text" doc:"The types of host keys, such as ssh-rsa, whose fingerprints are not shown."`
	HiddenKeys         *config.Value `key:"ssh_key_console_blacklist" takes:"list(text)|text" doc:"The types of host keys that are not shown."`

	hiddenFingerprints, hiddenKeys []string // what Check read of them
}

// consoleKeys are the keys of ssh.
type consoleKeys struct {
	Emit *bool `key:"emit_keys_to_console" default:"true" doc:"Show the guest's host keys and their fingerprints."`
}

var keysToConsole = Of[keysToConsoleKeys]{
	Name:       "keys_to_console",
	Stage:      FinalStage,
	Frequency:  state.PerInstance,
	Repeatable: true,
	Doc: "Shows the guest's SSH host keys on its console, and their fingerprints there and in the system's log, so that " +
		"who connects for the first time can tell that it is the right machine. Others call the program " +
		"/usr/libexec/cloud-init/write-ssh-key-fingerprints for the same.",
	Example: "ssh:\n  emit_keys_to_console: true\nssh_key_console_blacklist: [ssh-rsa]\n",
	Check:   checkKeysToConsole,
	Run:     runKeysToConsole,
}.Module()

func checkKeysToConsole(e *Env, keys *keysToConsoleKeys) {
	keys.hiddenFingerprints = hiddenTypes(e.At("ssh_fp_console_blacklist"))
	keys.hiddenKeys = hiddenTypes(e.At("ssh_key_console_blacklist"))
}

// knownHostKeyTypes are those that a guest of this family may have.
var knownHostKeyTypes = []string{"ssh-rsa", "ssh-dss", "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"}

// hiddenTypes reads a list of key types, or one, or several with commas between them. One
// that no key has, such as the "rsa" and the fingerprint of cloud-init's own examples, hides
// nothing.
func hiddenTypes(at config.Cursor) []string {
	var types []string
	for _, item := range at.Each() {
		if item.Kind() == config.List || item.Kind() == config.Map || item.IsNull() {
			item.Errorf("expected a type of host keys, got %s; skipped", config.KindInWords(item.Value()))
			continue
		}
		for _, kind := range cloudconfig.CommaList(item.Text()) {
			types = append(types, kind)
			if !slices.Contains(knownHostKeyTypes, kind) {
				item.Notef("no host key is of the type %q%s; it hides nothing", kind, config.DidYouMean("ssh-"+strings.TrimPrefix(kind, "ssh-"), knownHostKeyTypes))
			}
		}
	}
	return types
}

func runKeysToConsole(_ context.Context, e *Env, keys *keysToConsoleKeys) error {
	if keys.SSH != nil && keys.SSH.Emit != nil && !*keys.SSH.Emit {
		return nil
	}
	lines, err := sshd.ShowHostKeys(e.Host, keys.hiddenFingerprints, keys.hiddenKeys)
	if len(lines) > 0 {
		err = errors.Join(err, e.announce(strings.Join(lines, "\n")+"\n"))
	}
	return err
}
