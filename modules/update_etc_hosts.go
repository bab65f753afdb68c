package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/names"
	"cloudseed/guest/templates"
	"cloudseed/host"
	"cloudseed/modules/cloudconfig"
	"cloudseed/state"
	"cloudseed/template"
)

type etcHostsKeys struct {
	Manage *config.Value `key:"manage_etc_hosts" takes:"bool|text" default:"false" doc:"true: write /etc/hosts from a template at each boot; localhost: only have a line of 127.0.0.1 with the machine's names"`

	how hostsMode // what Check read of it
}

type hostsMode int

const (
	hostsUnmanaged hostsMode = iota
	hostsTemplate
	hostsLocalhost
)

const hostsPath = "/etc/hosts"

var updateEtcHosts = Of[etcHostsKeys]{
	Name:       "update_etc_hosts",
	Stage:      InitStage,
	Frequency:  state.Always,
	ActiveIf:   []string{"manage_etc_hosts"},
	Repeatable: true,
	Doc: "Has the machine's names in /etc/hosts: by the template /etc/cloud/templates/hosts.redhat.tmpl, or a built-in one " +
		"where that does not exist, with the variables hostname and fqdn. Lines of addresses that the template does not have are kept.",
	Example: "manage_etc_hosts: true\nfqdn: web1.example.com\n",
	Check:   checkEtcHosts,
	Run:     runUpdateEtcHosts,
}.Module()

func checkEtcHosts(e *Env, keys *etcHostsKeys) {
	at := e.At("manage_etc_hosts")
	switch word := strings.ToLower(at.Text()); {
	case word == "template":
		at.Deprecatedf("deprecated since cloud-init 22.2: write true")
		keys.how = hostsTemplate
	case word == "localhost":
		keys.how = hostsLocalhost
	case config.IsTrue(at.Value()):
		keys.how = hostsTemplate
	case !at.IsNull() && !config.IsFalse(at.Value()):
		at.Warnf("expected true, false or localhost, got %s; /etc/hosts is unchanged", config.Shown(at.Value()))
	}
}

func runUpdateEtcHosts(ctx context.Context, e *Env, keys *etcHostsKeys) error {
	if keys.how == hostsUnmanaged {
		return nil
	}
	n := cloudconfig.NamesOf(e.Config, e.Instance.Hostname, e.Host) // set_hostname reports what is wrong with them
	for _, name := range []string{n.Short, n.Full} {
		if fault := names.Fault(name); fault != "" {
			return fmt.Errorf("cannot write %s to %s: it %s", config.Quoted(name), hostsPath, fault)
		}
	}
	old, err := e.Host.ReadFile(hostsPath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text := withLocalhost(string(old), n)
	if keys.how == hostsTemplate {
		if text, err = hostsFromTemplate(ctx, e, string(old), n); err != nil {
			return err
		}
	}
	_, err = e.Host.WriteFile(hostsPath, []byte(text), host.File{Mode: 0o644})
	return err
}

// hostsFromTemplate fills in the template.
//
// Difference from cloud-init: lines of addresses that it does not have are kept; and
// without the file, which is an error there, a built-in one is used.
func hostsFromTemplate(ctx context.Context, e *Env, old string, n cloudconfig.Names) (string, error) {
	t, err := templates.Read(e.Host, "hosts.redhat")
	if err != nil {
		return "", err
	}
	text, err := template.Fill(ctx, e.findings.At(config.Pos{File: t.Path}, ""), t.Text, map[string]string{"hostname": n.Short, "fqdn": n.Full})
	if err != nil {
		return "", fmt.Errorf("cannot fill in %s: %w", t.Path, err)
	}
	var managed []string
	for line := range strings.Lines(text) {
		managed = append(managed, hostsAddress(line))
	}
	text = strings.TrimRight(text, "\n") + "\n"
	for line := range strings.Lines(old) {
		if address := hostsAddress(line); address != "" && !slices.Contains(managed, address) {
			text += strings.TrimRight(line, "\n") + "\n"
		}
	}
	return text, nil
}

// withLocalhost has a line of 127.0.0.1 with both names, behind those that there are.
//
// Difference from cloud-init: all other lines stay as they are and where they are.
func withLocalhost(old string, n cloudconfig.Names) string {
	lines := strings.Split(strings.TrimRight(old, "\n"), "\n")
	if strings.TrimSpace(old) == "" {
		lines = nil
	}
	last := len(lines)
	for i, line := range lines {
		if hostsAddress(line) != "127.0.0.1" {
			continue
		}
		line, _, _ = strings.Cut(line, "#")
		if known := strings.Fields(line)[1:]; len(known) > 1 && known[0] == n.Full && slices.Contains(known[1:], n.Short) {
			return old
		}
		last = i + 1
	}
	lines = slices.Insert(lines, last, "127.0.0.1\t"+n.Full+"\t"+n.Short)
	return strings.Join(lines, "\n") + "\n"
}

// hostsAddress is the address of a line of hosts(5); "" where it has none.
func hostsAddress(line string) string {
	line, _, _ = strings.Cut(line, "#")
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return ""
	}
	return fields[0]
}
