package modules

import (
	"context"
	"fmt"
	"path"
	"strings"
	"unicode"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/guest/service"
	"cloudseed/host"
	"cloudseed/secret"
	"cloudseed/state"
)

type saltMinionKeys struct {
	Salt struct {
		Package    string        `key:"pkg_name" default:"salt-minion" doc:"The package to install."`
		Service    string        `key:"service_name" default:"salt-minion" doc:"The service."`
		Dir        string        `key:"config_dir" default:"/etc/salt" doc:"The directory of its files."`
		Conf       *config.Value `key:"conf" takes:"map(anything)" doc:"The content of the file minion there. With file_client: local there is no service; the state is applied once."`
		Grains     *config.Value `key:"grains" takes:"map(anything)" doc:"The content of the file grains there."`
		PublicKey  string        `key:"public_key" doc:"The minion's public key; with the private one only."`
		PrivateKey secret.String `key:"private_key" doc:"The minion's private key."`
		PKIDir     string        `key:"pki_dir" doc:"Where the keys go; otherwise pki/minion below config_dir, or pki where that is missing."`
	} `key:"salt_minion" doc:"The minion of Salt."`
}

var saltMinion = Of[saltMinionKeys]{
	Name:       "salt_minion",
	Stage:      FinalStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"salt_minion"},
	Repeatable: true,
	Doc:        "Installs the minion of Salt, writes its configuration and keys, and enables and restarts it.",
	Example:    "salt_minion:\n  conf:\n    master: salt.example.com\n  grains:\n    role: [web]\n",
	Check:      checkSaltMinion,
	Run:        runSaltMinion,
}.Module()

func checkSaltMinion(e *Env, keys *saltMinionKeys) {
	s := &keys.Salt
	for _, word := range []struct {
		key       string
		value     *string
		otherwise string
	}{{"pkg_name", &s.Package, "salt-minion"}, {"service_name", &s.Service, "salt-minion"}, {"config_dir", &s.Dir, "/etc/salt"}} {
		at := e.At("salt_minion." + word.key)
		switch {
		case strings.HasPrefix(*word.value, "-") || strings.ContainsFunc(*word.value, unicode.IsControl):
			at.Errorf("%q begins with \"-\" or holds a control character; using %s", *word.value, word.otherwise)
			*word.value = ""
		case *word.value != "" && word.key == "service_name" && service.Check(*word.value) != nil:
			at.Errorf("%v; using %s", service.Check(*word.value), word.otherwise)
			*word.value = ""
		}
		if *word.value == "" {
			*word.value = word.otherwise
		}
	}
	at := e.At("salt_minion")
	if public, private := s.PublicKey != "", !s.PrivateKey.IsEmpty(); public != private {
		at.Warnf("public_key and private_key go together; no key is written")
	}
}

func runSaltMinion(ctx context.Context, e *Env, keys *saltMinionKeys) error {
	s, h := keys.Salt, e.Host
	if err := e.install(ctx, s.Package); err != nil {
		return fmt.Errorf("cannot install the minion of Salt: %w", err)
	}
	dir := path.Join("/", s.Dir)
	if err := h.Mkdir(dir, 0o755, host.Owner{}); err != nil {
		return err
	}
	for _, file := range []struct {
		name string
		of   *config.Value
	}{{"minion", s.Conf}, {"grains", s.Grains}} {
		if file.of == nil {
			continue
		}
		content := "---\n"
		if len(file.of.Pairs()) == 0 {
			content = "--- " // what PyYAML writes in one line, it writes behind the dashes
		}
		content += string(yaml.Dump(file.of)) + "...\n"
		if _, err := h.WriteFile(path.Join(dir, file.name), []byte(content), host.File{Mode: 0o644, KeepMeta: true}); err != nil {
			return err
		}
	}
	if err := writeSaltKeys(h, dir, keys); err != nil {
		return err
	}
	if s.Conf.Get("file_client").Text() == "local" {
		return applySaltLocally(ctx, e, s.Service)
	}
	if err := service.Enable(ctx, h, s.Service); err != nil {
		return err
	}
	return service.Restart(ctx, h, s.Service)
}

// writeSaltKeys writes the minion's keys.
//
// Difference from cloud-init: the private key is root's alone; there everybody may read the
// file, and only its directory keeps them from it.
func writeSaltKeys(h *host.Host, dir string, keys *saltMinionKeys) error {
	s := keys.Salt
	if s.PublicKey == "" || s.PrivateKey.IsEmpty() {
		return nil
	}
	pki := path.Join(dir, "pki/minion")
	if !h.Exists(pki) {
		pki = path.Join(dir, "pki")
	}
	if s.PKIDir != "" {
		pki = path.Join("/", s.PKIDir)
	}
	if err := h.Mkdir(pki, 0o700, host.Owner{}); err != nil {
		return err
	}
	if _, err := h.WriteFile(path.Join(pki, "minion.pub"), []byte(s.PublicKey), host.File{Mode: 0o644}); err != nil {
		return err
	}
	_, err := h.WriteFile(path.Join(pki, "minion.pem"), []byte(s.PrivateKey.Reveal()), host.File{Mode: 0o600, Secret: true})
	return err
}

// applySaltLocally applies the state of a minion that has no master, and so no service.
func applySaltLocally(ctx context.Context, e *Env, unit string) error {
	for _, verb := range []string{"disable", "stop"} {
		if verb == "stop" && !e.Host.Runs() {
			continue
		}
		if _, err := e.Host.Run(ctx, host.Command{Argv: []string{"systemctl", verb, unit}}); err != nil {
			return fmt.Errorf("cannot %s %s: %w", verb, unit, err)
		}
	}
	if !e.Host.Runs() {
		e.At("salt_minion.conf.file_client").Notef("an image's state is not applied")
		return nil
	}
	_, err := e.Host.Run(ctx, host.Command{Argv: []string{"salt-call", "--local", "state.apply"}, Pass: true, Timeout: host.NoTimeout})
	return err
}
