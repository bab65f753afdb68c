package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
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
		Client  string    `key:"ntp_client" default:"auto" doc:"The program that keeps the time: chrony, systemd-timesyncd, ntp, ntpdate, openntpd, or another that config describes. auto: the first of these that is installed, else chrony."`
		Servers []string  `key:"servers" doc:"Servers to ask."`
		Pools   []string  `key:"pools" doc:"Pools of servers to ask. Without servers and pools: four pools of the distribution's."`
		Peers   []string  `key:"peers" doc:"Servers of equal rank. systemd-timesyncd knows none."`
		Allow   []string  `key:"allow" doc:"Networks whose machines may ask this one, with chrony."`
		Config  ntpConfig `key:"config" doc:"What is different of the client here."`
	} `key:"ntp" doc:"How the clock is kept. Without a value: as with an empty mapping."`
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
	name     string
	template string   // its name, without the distribution's
	older    []string // the packages where those of Packages are not to be had
}

// ntpClients are those that RHEL prefers, in that order, and one that it does not have. Paths
// and names are cloud-init's.
var ntpClients = []ntpClient{
	{name: "chrony", template: "chrony.conf", ntpConfig: ntpConfig{Path: "/etc/chrony.conf", CheckExe: "chronyd", Packages: []string{"chrony"}, Service: "chronyd"}},
	{name: "systemd-timesyncd", template: "timesyncd.conf", ntpConfig: ntpConfig{Path: "/etc/systemd/timesyncd.conf.d/cloud-init.conf", CheckExe: "/lib/systemd/systemd-timesyncd", Service: "systemd-timesyncd"}},
	{name: "ntp", template: "ntp.conf", ntpConfig: ntpConfig{Path: "/etc/ntp.conf", CheckExe: "ntpd", Packages: []string{"ntpsec"}, Service: "ntpd"}, older: []string{"ntp"}},
	{name: "ntpdate", template: "ntp.conf", ntpConfig: ntpConfig{Path: "/etc/ntp.conf", CheckExe: "ntpdate", Packages: []string{"ntpdate"}, Service: "ntpdate"}},
	{name: "openntpd", template: "ntpd.conf", ntpConfig: ntpConfig{Path: "/etc/ntpd.conf", CheckExe: "ntpd", Service: "ntpd"}},
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

// checkNTP removes servers and the like that would be more than a word in the file, and what
// cannot be part of a client.
func checkNTP(e *Env, keys *ntpKeys) {
	n := &keys.NTP
	if e.At("ntp.enabled").IsNull() {
		n.Enabled = true
	}
	n.Servers, n.Pools = ntpWords(e.At("ntp.servers")), ntpWords(e.At("ntp.pools"))
	n.Peers, n.Allow = ntpWords(e.At("ntp.peers")), ntpWords(e.At("ntp.allow"))
	for _, given := range []struct {
		key   string
		value *string
	}{{"confpath", &n.Config.Path}, {"check_exe", &n.Config.CheckExe}, {"service_name", &n.Config.Service}} {
		at, fault := e.At("ntp.config."+given.key), ""
		switch {
		case *given.value == "":
		case given.key == "service_name" && service.Check(*given.value) != nil:
			fault = "is not the name of a systemd unit"
		case strings.HasPrefix(*given.value, "-"):
			fault = `begins with "-"`
		case strings.ContainsFunc(*given.value, unicode.IsControl):
			fault = "holds a control character"
		case given.key == "confpath" && slices.Contains(strings.Split(*given.value, "/"), ".."):
			fault = `has ".." in it`
		}
		if fault != "" {
			at.Errorf("%q %s; the client's own is used", *given.value, fault)
			*given.value = ""
		}
	}
	known := []string{"auto"}
	for _, c := range ntpClients {
		known = append(known, c.name)
	}
	switch c := n.Config; {
	case n.Client == "":
		n.Client = "auto"
	case !slices.Contains(known, n.Client) && (c.Path == "" || c.CheckExe == "" || c.Service == "" || c.Template == ""):
		e.At("ntp.ntp_client").Errorf("no such client: %s%s; another needs confpath, check_exe, packages, service_name and template in ntp.config; auto is used",
			n.Client, config.DidYouMean(n.Client, known))
		n.Client = "auto"
	case n.Client == "openntpd" && c.Template == "":
		e.At("ntp.ntp_client").Warnf("there is no built-in template for openntpd: give config.template, or write /etc/cloud/templates/ntpd.conf.rhel.tmpl")
	}
}

// ntpWords are the items of a list that are one word of a configuration file, each once.
func ntpWords(at config.Cursor) []string {
	words := []string{}
	for _, item := range at.Items() {
		word := item.Text()
		switch k := item.Kind(); {
		case k == config.Null || k == config.List || k == config.Map:
			// The decoder reported it.
		case word == "" || strings.HasPrefix(word, "-") || strings.ContainsFunc(word, func(r rune) bool {
			return unicode.IsSpace(r) || unicode.IsControl(r) || r == '#' || r == '!' || r == ';'
		}):
			item.Errorf("expected a host or an address, got %q; skipped", word)
		case !slices.Contains(words, word):
			words = append(words, word)
		}
	}
	return words
}

// runNTP installs the client, writes its file and has it read it.
//
// Difference from cloud-init: the package is installed first, so that what its own file has is
// kept; and the service is enabled, since EL7's ntpd is not and would not start again.
func runNTP(ctx context.Context, e *Env, keys *ntpKeys) error {
	if !keys.NTP.Enabled {
		e.Log.Info("the clock is unchanged: ntp.enabled is false")
		return nil
	}
	client := selectNTPClient(e, keys)
	e.Log.Info("selected the NTP client", "client", client.name, "file", client.Path)
	missing := installNTPClient(ctx, e, client)
	text, err := ntpFile(ctx, e, client, keys)
	if err != nil {
		return errors.Join(missing, err)
	}
	at := e.At("ntp")
	if client.Template != "" {
		at = e.At("ntp.config.template")
	}
	if err := writeNTPFile(ctx, e.Host, client, text); err != nil || missing != nil {
		at.Fail(err)
		return missing
	}
	if e.Host.Exists("/usr/lib/systemd/system/" + client.Service + ".service") {
		at.Fail(service.Enable(ctx, e.Host, client.Service))
	}
	return service.Start(ctx, e.Host, client.Service)
}

// installNTPClient installs a client that is missing. EL7 has ntp by its older name.
func installNTPClient(ctx context.Context, e *Env, client ntpClient) error {
	if _, err := e.Host.LookPath(client.CheckExe); err == nil || len(client.Packages) == 0 {
		return nil
	}
	err := e.install(ctx, client.Packages...)
	if err != nil && len(client.older) > 0 && e.install(ctx, client.older...) == nil {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot install %s: %w", client.name, err)
	}
	return nil
}

// selectNTPClient is the client that is named, by the instance's configuration or the
// system's, or the first that is installed, or the one that RHEL prefers, with what the
// configuration says of it.
func selectNTPClient(e *Env, keys *ntpKeys) ntpClient {
	name, c := keys.NTP.Client, keys.NTP.Config
	if of := e.At("system_info.ntp_client").Text(); name == "auto" && of != "" {
		name = of
	}
	i := slices.IndexFunc(ntpClients, func(n ntpClient) bool {
		if name != "auto" {
			return n.name == name
		}
		_, err := e.Host.LookPath(n.CheckExe)
		return err == nil
	})
	n := ntpClients[max(i, 0)]
	if i < 0 && name == keys.NTP.Client && name != "auto" {
		n = ntpClient{name: name} // which the configuration describes
	}
	for _, given := range []struct{ of, into *string }{
		{&c.Path, &n.Path}, {&c.CheckExe, &n.CheckExe}, {&c.Service, &n.Service}, {&c.Template, &n.Template},
	} {
		if *given.of != "" {
			*given.into = *given.of
		}
	}
	if e.At("ntp.config.packages").Kind() == config.List {
		n.Packages, n.older = c.Packages, nil
	}
	return n
}

// ntpFile is the content of the client's file.
func ntpFile(ctx context.Context, e *Env, client ntpClient, keys *ntpKeys) (string, error) {
	t := templates.Template{Path: "ntp.config.template", Text: client.Template}
	if client.Template == "" {
		var err error
		if t, err = templates.Read(e.Host, client.template+"."+e.Instance.Distribution, client.template+".rhel", client.template); err != nil {
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
		e.findings.Add(missing...)
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

// poolZones are the distributions of the family that pool.ntp.org has a zone for.
var poolZones = []string{"almalinux", "centos", "cloudlinux", "fedora", "rhel", "rocky"}

// defaultPools are the four of the distribution, or of everybody where it has none.
func defaultPools(distribution string) []string {
	zone := ""
	if slices.Contains(poolZones, distribution) {
		zone = distribution + "."
	}
	var pools []string
	for i := range 4 {
		pools = append(pools, fmt.Sprintf("%d.%spool.ntp.org", i, zone))
	}
	return pools
}

// chronyKept are the directives of a distribution's chrony.conf without which it loses its keys,
// its leap seconds or the servers that DHCP gives.
var chronyKept = pattern(`^\s*(keyfile|leapsectz|leapseclist|ntsdumpdir|sourcedir|confdir|hwtimestamp)\s`)

// withKeptLines adds the lines that are kept to the content of a chrony.conf, if it has none of
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
		if m := chronyKept().FindStringSubmatch(line); m != nil {
			has[m[1]] = true
		}
	}
	kept := ""
	for line := range strings.Lines(string(old)) {
		if m := chronyKept().FindStringSubmatch(line); m != nil && !has[m[1]] {
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

// chronyd is how chronyd reads its configuration and does no more: 4.0 and later. EL7 has 3.4.
var chronyd = conffile.Program{
	Argv:   func(candidate string) []string { return []string{"chronyd", "-p", "-f", candidate} },
	Unable: []string{"invalid option", "Unrecognized command line option"},
}

// writeNTPFile replaces the client's file, if the client can use the new one, and keeps what
// the distribution had. Only chronyd can tell.
func writeNTPFile(ctx context.Context, h *host.Host, client ntpClient, text string) error {
	file := conffile.File{Path: path.Join("/", client.Path), Data: []byte(text)}
	differ, err := conffile.Differ(h, file)
	if err != nil || !differ {
		return err
	}
	if client.name == "chrony" {
		err := conffile.Check(ctx, h, chronyd, file)
		var refused *conffile.RefusedError
		if errors.As(err, &refused) {
			return fmt.Errorf("%s is not written: chronyd refuses it: %s", file.Path, withoutTime().ReplaceAllString(refused.Said, ""))
		}
		if err != nil {
			return err
		}
	}
	if err := keepDistribution(h, file.Path); err != nil {
		return err
	}
	_, err = conffile.Put(h, file)
	return err
}

// withoutTime finds the time that chronyd begins its lines with.
var withoutTime = pattern(`(?m)^\S+Z (Fatal error : )?`)

// keepDistribution copies the file that is there, once: that of a later instance is ours.
//
// Difference from cloud-init: it renames the file for each instance, and the distribution's is
// lost at the second; in between there is none.
func keepDistribution(h *host.Host, file string) error {
	info, err := h.Stat(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && h.Exists(file+distEnding) {
		return nil
	}
	if err != nil {
		return err
	}
	data, err := h.ReadFile(file)
	if err != nil {
		return err
	}
	_, err = h.WriteFile(file+distEnding, data, host.File{Mode: info.Mode().Perm() | host.NoAccess, Owner: h.Owner(file, info)})
	return err
}
