package modules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/guest/resolver"

	"github.com/google/go-cmp/cmp"
)

const resolvConfHead = "# Written by cloud-init once for each instance: manage_resolv_conf is true.\n"

func TestResolvConf(t *testing.T) {
	t.Parallel()
	const image = "nameserver 198.51.100.1\n"
	for name, row := range map[string]struct{ userData, want, report string }{
		"everything": {
			"resolv_conf: {nameservers: [192.0.2.1, '2001:db8::1', 'fe80::1%eth0'], searchdomains: [a.example, b.example.], sortlist: [192.0.2.0, 192.0.2.64/255.255.255.192], options: {timeout: 1, rotate: true, debug: no, attempts: '2', edns0: yes}}",
			resolvConfHead + "nameserver 192.0.2.1\nnameserver 2001:db8::1\nnameserver fe80::1%eth0\nsearch a.example b.example.\n" +
				"sortlist 192.0.2.0 192.0.2.64/255.255.255.192\noptions rotate edns0 attempts:2 timeout:1\n", "",
		},
		"one value in place of a list": {
			"resolv_conf: {nameservers: 192.0.2.1, searchdomains: a.example}", resolvConfHead + "nameserver 192.0.2.1\nsearch a.example\n", "",
		},
		"a domain": {"resolv_conf: {nameservers: [192.0.2.1], domain: a.example}", resolvConfHead + "nameserver 192.0.2.1\ndomain a.example\n", ""},
		"a domain and search domains": {
			"resolv_conf: {searchdomains: [b.example], domain: a.example}", resolvConfHead + "search b.example\ndomain a.example\n",
			"note: user-data:1:77: resolv_conf.domain: the C library uses the domain alone and not searchdomains",
		},
		"four servers": {
			"resolv_conf: {nameservers: [192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4]}",
			resolvConfHead + "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n",
			"note: user-data:1:54: resolv_conf.nameservers: the C library uses the first 3 name servers, and there are 4",
		},
		"what is no address, domain or option": {
			`resolv_conf: {nameservers: [dns.example, "192.0.2.1\noptions debug", ~, 192.0.2.9], searchdomains: ["a b", -a.example], sortlist: [example], options: {rotaet: true, timeout: soon, "a b": 1}}`,
			resolvConfHead + "nameserver 192.0.2.9\noptions rotaet\n",
			`error: user-data:1:55: resolv_conf.nameservers.0: expected an address of a name server, got "dns.example"; skipped
error: user-data:1:68: resolv_conf.nameservers.1: expected an address of a name server, got "192.0.2.1\noptions debug"; skipped
warning: user-data:1:96: resolv_conf.nameservers.2: expected an address of a name server, got nothing; skipped
error: user-data:1:127: resolv_conf.searchdomains.0: expected a domain, got "a b"; skipped
error: user-data:1:134: resolv_conf.searchdomains.1: expected a domain, got "-a.example"; skipped
error: user-data:1:158: resolv_conf.sortlist.0: expected an IPv4 address, or two with a slash between them, got "example"; skipped
warning: user-data:1:186: resolv_conf.options.rotaet: resolv.conf(5) has no such option (did you mean rotate?); it is written
error: user-data:1:201: resolv_conf.options.timeout: expected a number or true, got a string; the option is skipped
error: user-data:1:214: resolv_conf.options.a b: "a b" is not the name of an option; skipped`,
		},
		"a zone that is no interface": {
			`resolv_conf: {nameservers: ["fe80::1%a\nb"]}`, resolvConfHead,
			`error: user-data:1:55: resolv_conf.nameservers.0: expected an address of a name server, got "fe80::1%a\nb"; skipped`,
		},
		"nothing to set": {"{}", image, "warning: user-data:1:22: manage_resolv_conf: there is no resolv_conf; nothing is changed"},
		"a list": {
			"resolv_conf: [192.0.2.1]", image, "error: user-data:1:40: resolv_conf: expected a mapping, got a list",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rest := strings.TrimPrefix(row.userData, "{}")
			if rest != "" {
				rest = ", " + rest
			}
			g := newGuest(t, "{manage_resolv_conf: yes"+rest+"}")
			g.Put(t, resolver.Path, image)
			if diff := cmp.Diff(row.report, strings.Join(g.run(t, resolvConf), "\n")); diff != "" {
				t.Errorf("its report differs:\n%s", diff)
			}
			if diff := cmp.Diff(row.want, g.Text(t, resolver.Path)); diff != "" {
				t.Error(diff)
			}
			before := len(g.Effects())
			g.run(t, resolvConf)
			if again := g.Effects()[before:]; len(again) > 0 || len(g.Calls()) > 0 {
				t.Errorf("a second boot changes %+v; commands %q", again, g.lines())
			}
		})
	}
}

func TestResolvConfThatIsNotToBeManaged(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "manage_resolv_conf: false\nresolv_conf: {nameservers: [192.0.2.1]}")
	g.clean(t, resolvConf)
	if effects := g.Effects(); len(effects) > 0 {
		t.Errorf("it changes %+v", effects)
	}
}

func TestResolvConfUnderNetworkManager(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "manage_resolv_conf: true\nresolv_conf: {nameservers: [192.0.2.1], sortlist: [192.0.2.0]}")
	g.Put(t, "/etc/systemd/system/multi-user.target.wants/NetworkManager.service", "")
	want := "warning: user-data:2:14: resolv_conf: what has /etc/resolv.conf on this system takes no sortlist"
	if got := strings.Join(g.run(t, resolvConf), "\n"); got != want {
		t.Errorf("it reports %q, want %q", got, want)
	}
	if got := g.Text(t, "/etc/NetworkManager/conf.d/90-cloud-init-dns.conf"); !strings.HasSuffix(got, "[global-dns-domain-*]\nservers=192.0.2.1\n") || g.Exists(resolver.Path) {
		t.Errorf("NetworkManager gets %q", got)
	}
}

// systemd-resolved serves what its own link leads to; cloud-init writes through it.
func TestALinkOfSystemdResolvedIsNotFollowed(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "manage_resolv_conf: true\nresolv_conf: {nameservers: [192.0.2.1]}")
	const stub = "/run/systemd/resolve/stub-resolv.conf"
	g.Put(t, stub, "nameserver 127.0.0.53\n")
	if err := os.Symlink(".."+stub, filepath.Join(g.Dir, resolver.Path)); err != nil {
		t.Fatal(err)
	}
	g.clean(t, resolvConf)
	if got := g.Text(t, stub); got != "nameserver 127.0.0.53\n" {
		t.Errorf("the stub is %q", got)
	}
	if link, err := g.Readlink(resolver.Path); link != ".."+stub || err != nil {
		t.Errorf("it is %q, %v", link, err)
	}
	if got := g.Text(t, "/etc/systemd/resolved.conf.d/90-cloud-init.conf"); !strings.HasSuffix(got, "DNS=192.0.2.1\n") {
		t.Errorf("resolved gets %q", got)
	}
}

func TestResolvConfByTheAdministratorsTemplate(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "manage_resolv_conf: true\nresolv_conf: {nameservers: [192.0.2.1, 192.0.2.2], options: {rotate: true, timeout: 1}}")
	g.Put(t, resolvConfTemplate, "## template:jinja\n# ours\n{% for s in nameservers %}\nnameserver {{s}}\n{% endfor %}\n{% if domain is defined %}\ndomain {{domain}}\n{% endif %}\n"+
		"options{% for f in flags %} {{f}}{% endfor %}{% for k, v in options.items()|sort %} {{k}}:{{v}}{% endfor %}\n")
	g.clean(t, resolvConf)
	if got := g.Text(t, resolver.Path); got != "# ours\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions rotate timeout:1\n" {
		t.Errorf("it holds %q", got)
	}
}
