package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/resolver"
	"cloudseed/state"
	"cloudseed/template"
)

type resolvConfKeys struct {
	Manage bool `key:"manage_resolv_conf" default:"false" doc:"Use resolv_conf."`
	Conf   struct {
		Nameservers   []string      `key:"nameservers" accept:"scalar" doc:"Addresses of name servers."`
		SearchDomains []string      `key:"searchdomains" accept:"scalar" doc:"Domains to look short names up in."`
		Domain        string        `key:"domain" doc:"The machine's own domain, which the C library takes in place of searchdomains."`
		Sortlist      []string      `key:"sortlist" accept:"scalar" doc:"Networks whose addresses are preferred."`
		Options       *config.Value `key:"options" takes:"map(bool|text)" doc:"Options: rotate: true, timeout: 1."`
	} `key:"resolv_conf" doc:"What is in /etc/resolv.conf."`

	checked resolver.Config // what Check read of them
}

var resolvConf = Of[resolvConfKeys]{
	Name:         "resolv_conf",
	Stage:        InitStage,
	OffByDefault: true,
	Frequency:    state.PerInstance,
	ActiveIf:     []string{"manage_resolv_conf"},
	Repeatable:   true,
	Doc: "Sets name servers for the whole system: as NetworkManager's global DNS configuration, which replaces that of all its " +
		"connections, as systemd-resolved's, or in /etc/resolv.conf where neither has it, there by the template " +
		"/etc/cloud/templates/resolv.conf.tmpl if that exists. The seed's network configuration is the better place for name servers.",
	Example: "manage_resolv_conf: true\nresolv_conf:\n  nameservers: [192.0.2.53, '2001:db8::53']\n  searchdomains: [example.com]\n  options:\n    rotate: true\n    timeout: 1\n",
	// The network service writes the same files until the network is up.
	Network: func(*Env, *resolvConfKeys) NetworkUse { return MayUseNetwork },
	Check:   checkResolvConf,
	Run:     runResolvConf,
}.Module()

const resolvConfTemplate = "/etc/cloud/templates/resolv.conf.tmpl"

// resolvOptions are those of resolv.conf(5).
var resolvOptions = strings.Fields(`attempts debug edns0 inet6 ip6-bytestring ip6-dotint ndots no-aaaa no-check-names no-ip6-dotint
	no-reload no-tld-query rotate single-request single-request-reopen timeout trust-ad use-vc`)

var (
	resolvDomain = pattern(`^([A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?\.?)+$|^\.$`)
	resolvOption = pattern(`^[a-z0-9-]+$`)
	resolvSort   = pattern(`^[0-9.]+(/[0-9.]+)?$`)
	resolvNumber = pattern(`^[0-9]+$`)
)

// mostServers is how many name servers the C library uses (MAXNS).
const mostServers = 3

// checkResolvConf skips what no line of resolv.conf(5) can have, each with its place.
func checkResolvConf(e *Env, keys *resolvConfKeys) {
	at := e.At("resolv_conf")
	if keys.Manage && at.IsNull() {
		e.At("manage_resolv_conf").Warnf("there is no resolv_conf; nothing is changed")
	}
	c := &keys.checked
	*c = resolver.Config{
		Servers:  checkedEach(at.Get("nameservers"), "an address of a name server", isServer),
		Search:   checkedEach(at.Get("searchdomains"), "a domain", resolvDomain().MatchString),
		Sortlist: checkedEach(at.Get("sortlist"), "an IPv4 address, or two with a slash between them", resolvSort().MatchString),
	}
	if domain := checkedEach(at.Get("domain"), "a domain", resolvDomain().MatchString); len(domain) > 0 {
		c.Domain = domain[0]
	}
	if c.Domain != "" && len(c.Search) > 0 {
		at.Get("domain").Notef("the C library uses the domain alone and not searchdomains")
	}
	if n := len(c.Servers); n > mostServers {
		at.Get("nameservers").Notef("the C library uses the first %d name servers, and there are %d", mostServers, n)
	}
	c.Options = checkedOptions(at.Get("options"))
}

// checkedEach is a list, or one value, without what is not valid.
func checkedEach(at config.Cursor, what string, valid func(string) bool) []string {
	var all []string
	for _, item := range at.Each() {
		switch {
		case item.IsNull() || item.Kind() == config.List || item.Kind() == config.Map:
			if item.IsNull() {
				item.Warnf("expected %s, got nothing; skipped", what)
			}
		case !valid(item.Text()):
			item.Errorf("expected %s, got %q; skipped", what, item.Text())
		default:
			all = append(all, item.Text())
		}
	}
	return all
}

// isServer tells an address, which may name its interface: fe80::1%eth0.
func isServer(text string) bool {
	a, err := netip.ParseAddr(text)
	return err == nil && (a.Zone() == "" || resolvDomain().MatchString(a.Zone()))
}

// checkedOptions are the options that are true, and then those with values by their names:
// cloud-init's order.
func checkedOptions(at config.Cursor) []string {
	var flags, values []string
	for _, o := range at.Entries() {
		is, isBool := o.Value.Value().Bool()
		switch {
		case !resolvOption().MatchString(o.Key):
			o.Value.Errorf("%q is not the name of an option; skipped", o.Key)
			continue
		case isBool && !is:
			continue
		case isBool:
			flags = append(flags, o.Key)
		case resolvNumber().MatchString(o.Value.Text()):
			values = append(values, o.Key+":"+o.Value.Text())
		default:
			o.Value.Errorf("expected a number or true, got %s; the option is skipped", config.KindInWords(o.Value.Value()))
			continue
		}
		if !slices.Contains(resolvOptions, o.Key) {
			o.Value.Warnf("resolv.conf(5) has no such option%s; it is written", config.DidYouMean(o.Key, resolvOptions))
		}
	}
	slices.Sort(values)
	return append(flags, values...)
}

// runResolvConf sets them.
//
// Difference from cloud-init: it writes /etc/resolv.conf even where that is NetworkManager's,
// which writes its own over it, or systemd-resolved's, which then serves no names.
func runResolvConf(ctx context.Context, e *Env, keys *resolvConfKeys) error {
	if !keys.Manage || e.At("resolv_conf").Kind() != config.Map {
		return nil
	}
	owner, err := resolver.OwnerOf(e.Host)
	if err != nil {
		return err
	}
	text := "# Written by cloud-init once for each instance: manage_resolv_conf is true.\n" + keys.checked.ResolvConf()
	if owner == resolver.Nobody {
		if text, err = resolvConfFromTemplate(ctx, e, keys.checked, text); err != nil {
			return err
		}
	}
	lost, err := resolver.Apply(ctx, e.Host, owner, keys.checked, text)
	for _, what := range lost {
		e.At("resolv_conf").Warnf("what has /etc/resolv.conf on this system takes no %s", what)
	}
	return err
}

// resolvConfFromTemplate fills in the administrator's template; without one the content stays.
func resolvConfFromTemplate(ctx context.Context, e *Env, c resolver.Config, text string) (string, error) {
	data, err := e.Host.ReadFile(resolvConfTemplate)
	if errors.Is(err, fs.ErrNotExist) {
		return text, nil
	}
	if err != nil {
		return "", err
	}
	kind, rest := template.Kind(string(data))
	if kind != "jinja" {
		return "", fmt.Errorf("cannot fill in %s: expected a template of jinja, got %q", resolvConfTemplate, kind)
	}
	variables := map[string]any{"flags": []any{}, "options": map[string]any{}}
	for name, values := range map[string][]string{"nameservers": c.Servers, "searchdomains": c.Search, "sortlist": c.Sortlist} {
		if len(values) > 0 {
			variables[name] = list(values)
		}
	}
	if c.Domain != "" {
		variables["domain"] = c.Domain
	}
	options := map[string]any{}
	var flags []string
	for _, option := range c.Options {
		if name, value, ok := strings.Cut(option, ":"); ok {
			options[name] = value
		} else {
			flags = append(flags, name)
		}
	}
	variables["flags"], variables["options"] = list(flags), options
	text, missing, err := template.Template{Text: rest, At: config.Pos{File: resolvConfTemplate, Line: 2}}.Render(ctx, variables)
	e.findings.Add(missing...)
	if err != nil {
		return "", fmt.Errorf("cannot fill in %s: %w", resolvConfTemplate, err)
	}
	return text, nil
}

// list is a list of strings as a template takes it.
func list(values []string) []any {
	all := make([]any, len(values))
	for i, value := range values {
		all[i] = value
	}
	return all
}
