package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/inifile"
	"cloudseed/guest/service"
	"cloudseed/host"
	"cloudseed/state"
)

type mcollectiveKeys struct {
	MCollective struct {
		Conf *config.Value `key:"conf" takes:"map(text|bool|map(text|bool))" doc:"Options of server.cfg. public-cert and private-cert are files of their own, in PEM."`
	} `key:"mcollective" doc:"The server of MCollective."`

	options []mcollectiveOption
}

type mcollectiveOption struct{ section, name, value string }

var mcollective = Of[mcollectiveKeys]{
	Name:       "mcollective",
	Stage:      FinalStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"mcollective"},
	Repeatable: true,
	Doc:        "Installs MCollective, writes its certificates and its options into /etc/mcollective/server.cfg, and restarts it.",
	Example:    "mcollective:\n  conf:\n    collectives: production\n    plugin.activemq.pool.1.host: mq.example.com\n",
	Check:      checkMCollective,
	Run:        runMCollective,
}.Module()

const (
	mcollectiveFile   = "/etc/mcollective/server.cfg"
	mcollectivePublic = "/etc/mcollective/ssl/server-public.pem"
	mcollectivePriv   = "/etc/mcollective/ssl/server-private.pem"
)

// checkMCollective reads the options, of which each is one line.
func checkMCollective(e *Env, keys *mcollectiveKeys) {
	keys.options = nil
	for _, entry := range e.At("mcollective.conf").Entries() {
		switch {
		case entry.Key == "public-cert":
			keys.options = append(keys.options, mcollectiveOption{"", "plugin.ssl_server_public", mcollectivePublic}, mcollectiveOption{"", "securityprovider", "ssl"})
		case entry.Key == "private-cert":
			keys.options = append(keys.options, mcollectiveOption{"", "plugin.ssl_server_private", mcollectivePriv}, mcollectiveOption{"", "securityprovider", "ssl"})
		case entry.Value.Kind() == config.Map:
			for _, inner := range entry.Value.Entries() {
				keys.add(entry.Key, inner.Key, inner.Value)
			}
		default:
			keys.add("", entry.Key, entry.Value)
		}
	}
}

func (keys *mcollectiveKeys) add(section, name string, at config.Cursor) {
	value := at.Value().PyStr()
	if text := section + name + value; strings.ContainsAny(text, "\n\r\x00") || name == "" || strings.ContainsAny(name, "=[#") {
		at.Errorf("an option is one line of a name and a value; skipped")
		return
	}
	keys.options = append(keys.options, mcollectiveOption{section, name, value})
}

func runMCollective(ctx context.Context, e *Env, keys *mcollectiveKeys) error {
	if err := e.install(ctx, "mcollective"); err != nil {
		return fmt.Errorf("cannot install MCollective: %w", err)
	}
	if e.At("mcollective.conf").Kind() == config.Map {
		if err := configureMCollective(e, keys); err != nil {
			return err
		}
	}
	return service.Restart(ctx, e.Host, "mcollective")
}

func configureMCollective(e *Env, keys *mcollectiveKeys) error {
	for _, file := range []struct {
		key, path string
		f         host.File
	}{
		{"public-cert", mcollectivePublic, host.File{Mode: 0o644}},
		{"private-cert", mcollectivePriv, host.File{Mode: 0o600, Secret: true}},
	} {
		at := e.At("mcollective.conf").Get(file.key)
		if at.IsNull() {
			continue
		}
		if _, err := e.Host.WriteFile(file.path, []byte(at.Text()), file.f); err != nil {
			return err
		}
	}
	old, err := e.Host.ReadFile(mcollectiveFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := string(old)
	for _, o := range keys.options {
		text = inifile.Set(text, o.section, o.name, o.value)
	}
	if err == nil && text != string(old) {
		if _, err := e.Host.WriteFile(mcollectiveFile+".old", old, host.File{Mode: 0o644}); err != nil {
			return err
		}
	}
	_, err = e.Host.WriteFile(mcollectiveFile, []byte(text), host.File{Mode: 0o644, KeepMeta: true})
	return err
}
