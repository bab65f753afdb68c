package modules

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSaltMinion(t *testing.T) {
	t.Parallel()
	const enabled, restarted = "systemctl enable salt-minion", "systemctl restart salt-minion"
	for name, row := range map[string]struct {
		config   string
		there    string
		lines    []string
		files    map[string]string
		installs []string
		reports  string
	}{
		"without keys it is installed and restarted": {config: "salt_minion: {}\n", installs: []string{"salt-minion"}, lines: []string{enabled, restarted}},
		"its files": {
			config: "salt_minion: {conf: {master: m, list: [a]}, grains: {role: [web]}}\n", installs: []string{"salt-minion"}, lines: []string{enabled, restarted},
			files: map[string]string{"/etc/salt/minion": "---\nlist:\n- a\nmaster: m\n...\n", "/etc/salt/grains": "---\nrole:\n- web\n...\n"},
		},
		"its keys": {
			config: "salt_minion: {public_key: P, private_key: K}\n", installs: []string{"salt-minion"}, lines: []string{enabled, restarted},
			files: map[string]string{"/etc/salt/pki/minion.pub": "P", "/etc/salt/pki/minion.pem": "K"},
		},
		"its keys where the package has its directory": {
			config: "salt_minion: {public_key: P, private_key: K}\n", there: "/etc/salt/pki/minion/x", installs: []string{"salt-minion"}, lines: []string{enabled, restarted},
			files: map[string]string{"/etc/salt/pki/minion/minion.pem": "K"},
		},
		"other names": {
			config: "salt_minion: {pkg_name: p, service_name: s, config_dir: /d, pki_dir: /k, public_key: P, private_key: K, conf: {}}\n", installs: []string{"p"},
			lines: []string{"systemctl enable s", "systemctl restart s"}, files: map[string]string{"/d/minion": "--- {}\n...\n", "/k/minion.pem": "K"},
		},
		"without a master":      {config: "salt_minion: {conf: {file_client: local}}\n", installs: []string{"salt-minion"}, lines: []string{"systemctl disable salt-minion", "systemctl stop salt-minion", "salt-call --local state.apply"}},
		"one key is none":       {config: "salt_minion: {public_key: P}\n", installs: []string{"salt-minion"}, lines: []string{enabled, restarted}, reports: "warning: user-data:1:14: salt_minion: public_key and private_key go together; no key is written"},
		"a name like an option": {config: "salt_minion: {pkg_name: --root=/}\n", installs: []string{"salt-minion"}, lines: []string{enabled, restarted}, reports: `error: user-data:1:25: salt_minion.pkg_name: "--root=/" begins with "-" or holds a control character; using salt-minion`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.config)
			if row.there != "" {
				g.Put(t, row.there, "")
			}
			p := installer(g)
			if got := strings.Join(g.run(t, saltMinion), "\n"); !strings.Contains(got, row.reports) || (got == "") != (row.reports == "") {
				t.Errorf("reports %q, want %q", got, row.reports)
			}
			if diff := cmp.Diff(row.lines, g.Lines()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(row.installs, p.names()); diff != "" {
				t.Error(diff)
			}
			for file, want := range row.files {
				if got := g.Text(t, file); got != want {
					t.Errorf("%s holds %q, want %q", file, got, want)
				}
				if strings.HasSuffix(file, ".pem") {
					if info, err := g.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
						t.Errorf("%s: %v, %v", file, info.Mode(), err)
					}
				}
			}
		})
	}
	g := newGuest(t, "salt_minion: {public_key: P, private_key: THE-SECRET-KEY}\n")
	installer(g)
	g.clean(t, saltMinion)
	g.mustNotShow(t, "THE-SECRET-KEY")
}

func TestMCollective(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		config, old string
		files       map[string]string
		reports     string
	}{
		"without keys it is installed and restarted": {config: "mcollective: {}\n"},
		"options": {
			config: "mcollective: {conf: {a: 1, b: yes, c: x, plugin: {d: y}}}\n", old: "# mine\na = 0\n",
			files: map[string]string{"/etc/mcollective/server.cfg": "# mine\na = 1\nb = True\nc = x\n\n[plugin]\nd = y\n", "/etc/mcollective/server.cfg.old": "# mine\na = 0\n"},
		},
		"certificates": {
			config: "mcollective: {conf: {public-cert: PUB, private-cert: PRIV}}\n",
			files: map[string]string{
				"/etc/mcollective/ssl/server-public.pem": "PUB", "/etc/mcollective/ssl/server-private.pem": "PRIV",
				"/etc/mcollective/server.cfg": "plugin.ssl_server_public = /etc/mcollective/ssl/server-public.pem\nsecurityprovider = ssl\nplugin.ssl_server_private = /etc/mcollective/ssl/server-private.pem\n",
			},
		},
		"a value of two lines is refused": {config: "mcollective: {conf: {a: \"x\\nb = y\"}}\n", reports: "mcollective.conf.a: an option is one line of a name and a value; skipped"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.config)
			if row.old != "" {
				g.Put(t, "/etc/mcollective/server.cfg", row.old)
			}
			p := installer(g)
			if got := strings.Join(g.run(t, mcollective), "\n"); !strings.Contains(got, row.reports) || (got == "") != (row.reports == "") {
				t.Errorf("reports %q, want %q", got, row.reports)
			}
			if got := fmt.Sprint(g.Lines(), p.names()); got != "[systemctl restart mcollective] [mcollective]" {
				t.Errorf("it did %s", got)
			}
			for file, want := range row.files {
				if got := g.Text(t, file); got != want {
					t.Errorf("%s holds %q, want %q", file, got, want)
				}
			}
		})
	}
}

func TestMCollectivesPrivateKeyIsRootsAlone(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "mcollective: {conf: {private-cert: THE-SECRET-KEY}}\n")
	installer(g)
	g.clean(t, mcollective)
	g.mustNotShow(t, "THE-SECRET-KEY")
	if info, err := g.Stat("/etc/mcollective/ssl/server-private.pem"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}
