package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"cloudseed/config"
	"cloudseed/guest/conffile"
	"cloudseed/guest/service"
	"cloudseed/guest/templates"
	"cloudseed/host"
	"cloudseed/state"
	"cloudseed/template"
)

type ntpKeys struct {
	NTP struct {
		Enabled bool      `key:"enabled" default:"true" doc:"false: nothing is done."`
		Client  string    `key:"ntp_client" enum:"auto|chrony|ntp|ntpdate|openntpd|systemd-timesyncd" default:"auto" doc:"The program that keeps the time; auto: the first that is installed of chrony, systemd-timesyncd, ntp and ntpdate, else chrony."`
		Servers []string  `key:"servers" doc:"Servers to ask."`
		Pools   []string  `key:"pools" doc:"Pools of servers to ask. Without servers and pools: four pools of the distribution's."`
		Peers   []string  `key:"peers" doc:"Servers of equal rank. systemd-timesyncd knows none."`
		Allow   []string  `key:"allow" doc:"Networks whose machines may ask this one, with chrony."`
		Config  ntpConfig `key:"config" doc:"What is different of the client here."`
	} `key:"ntp" doc:"How the clock is kept. Without a value: as with an empty mapping."`

	client ntpClient
}

type ntpConfig struct {
	Path     string   `key:"confpath" doc:"The file that is written."`
	CheckExe string   `key:"check_exe" doc:"The program whose absence has the packages installed."`
	Packages []string `key:"packages" doc:"The packages to install."`
	Service  string   `key:"service_name" doc:"The service that reads the file."`
	Template string   `key:"template" doc:"What is written: a template of Jinja, with servers, pools, peers and allow."`
}

// ntpClient is a program that keeps the time.
type ntpClient struct {
	ntpConfig
	name      string
	templates []string // names, without the distribution's
}

// ntpClients are those that RHEL prefers, in that order, and one that it does not have. Paths
// and names are cloud-init's.
var ntpClients = []ntpClient{
	{name: "chrony", templates: []string{"chrony.conf"}, ntpConfig: ntpConfig{Path: "/etc/chrony.conf", CheckExe: "chronyd", Packages: []string{"chrony"}, Service: "chronyd"}},
	{name: "systemd-timesyncd", templates: []string{"timesyncd.conf"}, ntpConfig: ntpConfig{Path: "/etc/systemd/timesyncd.conf.d/cloud-init.conf", CheckExe: "/lib/systemd/systemd-timesyncd", Service: "systemd-timesyncd"}},
	{name: "ntp", templates: []string{"ntp.conf"}, ntpConfig: ntpConfig{Path: "/etc/ntp.conf", CheckExe: "ntpd", Packages: []string{"ntpsec"}, Service: "ntpd"}},
	{name: "ntpdate", templates: []string{"ntp.conf"}, ntpConfig: ntpConfig{Path: "/etc/ntp.conf", CheckExe: "ntpdate", Packages: []string{"ntpdate"}, Service: "ntpdate"}},
	{name: "openntpd", templates: []string{"ntpd.conf"}, ntpConfig: ntpConfig{Path: "/etc/ntpd.conf", CheckExe: "ntpd", Service: "ntpd"}},
}

var ntp = Of[ntpKeys]{
	Name:       "ntp",
	Stage:      ConfigStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"ntp"},
	Repeatable: true,
	Doc: "Configures the program that keeps the clock by servers on the network, installs it if it is missing, and has it read its file. " +
		"The file is made from a template in /etc/cloud/templates, or a built-in one; chronyd checks it first. Of the file that was there " +
		"before, which is kept with the ending .dist, the lines of chrony's keys, leap seconds and further sources stay.",
	Example: "ntp:\n  servers: [ntp.example.com, 192.0.2.1]\n  pools: [2.rhel.pool.ntp.org]\n  allow: [192.0.2.0/24]\n",
	Check:   checkNTP,
	Run:     runNTP,
}.Module()

// checkNTP removes servers and the like that would be more than a word in the file.
func checkNTP(e *Env, keys *ntpKeys) {
	n := &keys.NTP
	if e.At("ntp.enabled").Value() == nil {
		n.Enabled = true
	}
	for _, list := range []struct {
		key   string
		words *[]string
	}{{"servers", &n.Servers}, {"pools", &n.Pools}, {"peers", &n.Peers}, {"allow", &n.Allow}} {
		at := e.At("ntp." + list.key)
		kept := []string{}
		for i, item := range at.Items() {
			if i >= len(*list.words) {
				break
			}
			word := (*list.words)[i]
			if word == "" || strings.HasPrefix(word, "-") || strings.ContainsFunc(word, func(r rune) bool {
				return unicode.IsSpace(r) || unicode.IsControl(r) || r == '#' || r == '!' || r == ';'
			}) {
				item.Errorf("expected a host or an address, got %q; skipped", word)
				continue
			}
			if !slices.Contains(kept, word) {
				kept = append(kept, word)
			}
		}
		*list.words = kept
	}
	for _, key := range []string{"confpath", "check_exe", "service_name"} {
		if at := e.At("ntp.config." + key); strings.HasPrefix(at.Text(), "-") {
			at.Errorf("%q begins with \"-\"; the client's own is used", at.Text())
			switch key {
			case "confpath":
				n.Config.Path = ""
			case "check_exe":
				n.Config.CheckExe = ""
			default:
				n.Config.Service = ""
			}
		}
	}
	if n.Client == "" {
		n.Client = "auto"
	}
	if n.Client == "openntpd" && n.Config.Template == "" {
		e.At("ntp.ntp_client").Warnf("there is no built-in template for openntpd: give config.template, or write /etc/cloud/templates/ntpd.conf.rhel.tmpl")
	}
}

func runNTP(ctx context.Context, e *Env, keys *ntpKeys) error {
	if !keys.NTP.Enabled {
		e.Log.Info("the clock is unchanged: ntp.enabled is false")
		return nil
	}
	client := selectNTPClient(e.Host, keys.NTP.Client, keys.NTP.Config)
	e.Log.Info("selected the NTP client", "client", client.name, "file", client.Path)
	if _, err := e.Host.LookPath(client.CheckExe); err != nil && len(client.Packages) > 0 {
		if err := e.install(ctx, client.Packages...); err != nil {
			return fmt.Errorf("cannot install %s: %w", client.name, err)
		}
	}
	// Behind the installation: what the package's own file has is kept.
	text, err := ntpFile(ctx, e, client, keys)
	if err != nil {
		return err
	}
	if err := keepDistribution(e.Host, client.Path, text); err != nil {
		return err
	}
	if _, err = conffile.Write(ctx, e.Host, client.Path, []byte(text), host.File{Mode: 0o644, KeepMeta: true}, ntpCheck(ctx, e.Host, client)); err != nil {
		return err
	}
	return service.Start(ctx, e.Host, client.Service)
}

// selectNTPClient is the client that is named, or the first that is installed, or the one that
// RHEL prefers, with what the configuration says of it.
func selectNTPClient(h *host.Host, name string, c ntpConfig) ntpClient {
	i := slices.IndexFunc(ntpClients, func(n ntpClient) bool {
		if name != "auto" {
			return n.name == name
		}
		_, err := h.LookPath(n.CheckExe)
		return err == nil
	})
	n := ntpClients[max(i, 0)]
	for _, given := range []struct{ of, into *string }{
		{&c.Path, &n.Path}, {&c.CheckExe, &n.CheckExe}, {&c.Service, &n.Service}, {&c.Template, &n.Template},
	} {
		if *given.of != "" {
			*given.into = *given.of
		}
	}
	if c.Packages != nil {
		n.Packages = c.Packages
	}
	return n
}

// ntpFile is the content of the client's file.
func ntpFile(ctx context.Context, e *Env, client ntpClient, keys *ntpKeys) (string, error) {
	t := templates.Template{Path: "ntp.config.template", Text: client.Template}
	if client.Template == "" {
		var names []string
		for _, base := range client.templates {
			names = append(names, base+"."+e.Instance.Distribution, base+".rhel", base)
		}
		var err error
		if t, err = templates.Read(e.Host, names...); err != nil {
			return "", err
		}
	}
	n := keys.NTP
	if len(n.Servers) == 0 && len(n.Pools) == 0 {
		n.Pools = defaultPools(e.Instance.Distribution)
		e.Log.Info("no servers and pools are configured; using the distribution's", "pools", n.Pools)
	}
	text := t.Text
	if kind, body := template.Kind(t.Text); kind == "jinja" {
		filled, missing, err := template.Template{Text: body, At: config.Pos{File: t.Path, Line: 2}}.Render(ctx, map[string]any{
			"servers": anyList(n.Servers), "pools": anyList(n.Pools), "peers": anyList(n.Peers), "allow": anyList(n.Allow),
		})
		for _, p := range missing {
			e.Problem(p)
		}
		if err != nil {
			return "", fmt.Errorf("cannot fill in %s: %w", t.Path, err)
		}
		text = filled
	}
	if client.name == "chrony" && client.Template == "" {
		return withKeptLines(e.Host, client.Path, text)
	}
	return text, nil
}

func anyList(words []string) []any {
	list := make([]any, len(words))
	for i, word := range words {
		list[i] = word
	}
	return list
}

// defaultPools are the four of the distribution, by the names that pool.ntp.org has for them.
func defaultPools(distribution string) []string {
	if distribution == "eurolinux" {
		distribution = "" // as with cloud-init: the pool has no name for it
	}
	var pools []string
	for i := range 4 {
		pools = append(pools, strings.ReplaceAll(fmt.Sprintf("%d.%s.pool.ntp.org", i, distribution), "..", "."))
	}
	return pools
}

// chronyKept are the directives of a distribution's chrony.conf without which it loses its keys,
// its leap seconds or the servers that DHCP gives.
var chronyKept = regexp.MustCompile(`^\s*(keyfile|leapsectz|leapseclist|ntsdumpdir|sourcedir|confdir|hwtimestamp)\s`)

// withKeptLines adds the lines that are kept to the text of a chrony.conf, if it has none of
// their kind.
//
// Difference from cloud-init: these lines are lost there.
func withKeptLines(h *host.Host, file, text string) (string, error) {
	old, err := h.ReadFile(file + distEnding)
	if errors.Is(err, fs.ErrNotExist) {
		old, err = h.ReadFile(file)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	has := map[string]bool{}
	for line := range strings.Lines(text) {
		if m := chronyKept.FindStringSubmatch(line); m != nil {
			has[m[1]] = true
		}
	}
	kept := ""
	for line := range strings.Lines(string(old)) {
		if m := chronyKept.FindStringSubmatch(line); m != nil && !has[m[1]] {
			kept += strings.TrimSpace(line) + "\n"
		}
	}
	if kept != "" {
		text = strings.TrimRight(text, "\n") + "\n\n# Kept from the distribution's file.\n" + kept
	}
	return text, nil
}

// distEnding is that of the file as the distribution had it, by cloud-init's name.
const distEnding = ".dist"

// keepDistribution copies the file that is there, once: that of a later instance is ours.
//
// Difference from cloud-init: it renames the file for each instance, and the distribution's is
// lost at the second; in between there is none.
func keepDistribution(h *host.Host, file, text string) error {
	old, err := h.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && (string(old) == text || h.Exists(file+distEnding)) {
		return nil
	}
	if err == nil {
		_, err = h.WriteFile(file+distEnding, old, host.File{Mode: 0o644})
	}
	return err
}

// ntpCheck has chronyd read the file, if it is one that can do only that (4.0 and later). nil
// for the other clients, which cannot.
func ntpCheck(ctx context.Context, h *host.Host, client ntpClient) conffile.Check {
	if client.name != "chrony" {
		return nil
	}
	if _, err := h.LookPath("chronyd"); err != nil {
		return nil
	}
	version, err := h.Run(ctx, host.Command{Argv: []string{"chronyd", "-v"}, Quiet: true})
	if m := regexp.MustCompile(`version (\d+)\.`).FindStringSubmatch(version.Stdout); err != nil || m == nil || len(m[1]) == 1 && m[1] < "4" {
		return nil
	}
	return func(ctx context.Context, aside string) error {
		result, err := h.Run(ctx, host.Command{Argv: []string{"chronyd", "-p", "-f", aside}, Quiet: true})
		if err == nil {
			return nil
		}
		if fault, _, _ := strings.Cut(strings.TrimSpace(result.Stdout+result.Stderr), "\n"); fault != "" {
			return fmt.Errorf("chronyd refuses it: %s", strings.ReplaceAll(fault, aside, path.Base(client.Path)))
		}
		return fmt.Errorf("chronyd refuses it: %w", err)
	}
}
