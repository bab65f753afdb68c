package modules

import (
	"errors"
	"strings"
	"testing"
)

func TestHostKeysGoToTheConsole(t *testing.T) {
	t.Parallel()
	const both = "FINGERPRINTS KEYS"
	for name, row := range map[string]struct{ userData, want, report string }{
		"by default":                    {"{}", both, ""},
		"wanted":                        {"ssh: {emit_keys_to_console: true}", both, ""},
		"not wanted":                    {"ssh: {emit_keys_to_console: 'off'}", "", ""},
		"nothing about it":              {"ssh:", both, ""},
		"neither":                       {"ssh: {emit_keys_to_console: perhaps}", both, `error: user-data:1:29: ssh.emit_keys_to_console: expected a boolean, got "perhaps"`},
		"a key that there is not":       {"ssh: {emit_key_to_console: false}", both, `warning: user-data:1:7: ssh.emit_key_to_console: unknown key (did you mean emit_keys_to_console?); it was ignored`},
		"no fingerprints of a type":     {"ssh_fp_console_blacklist: [ssh-rsa, ssh-ed25519]", "KEYS", ""},
		"no keys of a type":             {"ssh_key_console_blacklist: [ssh-ed25519]", "FINGERPRINTS", ""},
		"types with a comma":            {"ssh_key_console_blacklist: 'ssh-rsa,ssh-ed25519'", "FINGERPRINTS", ""},
		"no types":                      {"ssh_key_console_blacklist: []\nssh_fp_console_blacklist:", both, ""},
		"the short name of a type":      {"ssh_key_console_blacklist: [rsa]", both, `note: user-data:1:29: ssh_key_console_blacklist.0: no host key is of the type "rsa" (did you mean ssh-rsa?); it hides nothing`},
		"what is no type":               {"ssh_fp_console_blacklist: [{}, ssh-ed25519]", "KEYS", `error: user-data:1:28: ssh_fp_console_blacklist.0: expected a type of host keys, got a mapping; skipped`},
		"a mapping in place of a list":  {"ssh_fp_console_blacklist: {ssh-ed25519: yes}", both, `error: user-data:1:27: ssh_fp_console_blacklist: expected a type of host keys, got a mapping; skipped`},
		"a fingerprint in place of one": {"ssh_fp_console_blacklist: [E25451E0221B5773DEBFF178ECDACB160995AA89]", both, `note: user-data:1:28: ssh_fp_console_blacklist.0: no host key is of the type "E25451E0221B5773DEBFF178ECDACB160995AA89"; it hides nothing`},
		"types that there were once":    {"ssh_fp_console_blacklist: [ssh-dss, ssh-ed25519]", "KEYS", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.userData)
			g.Put(t, "/etc/ssh/ssh_host_ed25519_key.pub", fingerprintKey+"\n")
			if report := strings.Join(g.run(t, keysToConsole), "\n"); report != row.report {
				t.Errorf("it reports %q, want %q", report, row.report)
			}
			var shown []string
			for _, what := range []string{"FINGERPRINTS", "KEYS"} {
				if strings.Contains(g.console, "-----BEGIN SSH HOST KEY "+what+"-----\n") && strings.Contains(g.console, "-----END SSH HOST KEY "+what+"-----\n") {
					shown = append(shown, what)
				}
			}
			if got := strings.Join(shown, " "); got != row.want {
				t.Errorf("the console has %s, want %s:\n%s", got, row.want, g.console)
			}
			if len(g.Effects()) > 0 || len(g.lines()) > 0 {
				t.Errorf("it changes %+v and runs %q", g.Effects(), g.lines())
			}
		})
	}
}

func TestAConsoleThatCannotBeWrittenToIsNoLoss(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "{}")
	g.Put(t, "/etc/ssh/ssh_host_ed25519_key.pub", fingerprintKey+"\n")
	var output strings.Builder
	g.env.Console, g.env.Output = func(string) error { return errors.New("no console") }, &output
	g.clean(t, keysToConsole)
	if !strings.Contains(output.String(), "\n"+fingerprintKey+"\n") {
		t.Errorf("the output is %q", output.String())
	}
}

func TestTheExampleOfKeysToConsoleIsDone(t *testing.T) {
	t.Parallel()
	g := newGuest(t, keysToConsole.Example)
	g.Put(t, "/etc/ssh/ssh_host_ed25519_key.pub", fingerprintKey+"\n")
	g.Put(t, "/etc/ssh/ssh_host_rsa_key.pub", "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQU= x\n")
	g.clean(t, keysToConsole)
	if !strings.Contains(g.console, "(RSA)\n") || strings.Contains(g.console, "\nssh-rsa ") || !strings.Contains(g.console, "\nssh-ed25519 ") {
		t.Errorf("the console has:\n%s", g.console)
	}
}
