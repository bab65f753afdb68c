package modules

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"cloudseed/host"

	"github.com/google/go-cmp/cmp"
)

func TestPuppet(t *testing.T) {
	t.Parallel()
	const enabled = "systemctl enable puppet-agent.service"
	const started = "systemctl start puppet-agent.service"
	print := func(setting string) string { return "puppet config print " + setting }
	for name, row := range map[string]struct {
		config   string
		conf     string // of puppet.conf before
		has      []string
		lines    []string
		files    map[string]string
		installs []string
		reports  string
		fails    string
	}{
		"without keys it is installed and started": {config: "puppet: {}\n", installs: []string{"puppet-agent"}, lines: []string{enabled, started}},
		"the older package": {
			config: "puppet: {}\n", has: []string{"puppet"}, installs: []string{"puppet-agent", "puppet"}, lines: []string{enabled, started},
		},
		"no package":               {config: "puppet: {}\n", has: []string{"none"}, installs: []string{"puppet-agent", "puppet"}, fails: "cannot install puppet: no repository has [puppet-agent]\nno repository has [puppet]"},
		"a package and version":    {config: "puppet: {package_name: my-puppet, version: '7.1', start_service: false}\n", installs: []string{"my-puppet", "7.1"}},
		"nothing is installed":     {config: "puppet: {install: false, version: 1, start_service: false}\n", reports: "warning: user-data:1:35: puppet.version: install is false, so this version is not installed"},
		"a version like an option": {config: "puppet: {version: --help, start_service: false}\n", reports: `error: user-data:1:19: puppet.version: "--help" begins with "-"; puppet is not installed`},
		"options are set, and all else stays": {
			config: "puppet: {start_service: false, install: false, conf_file: /etc/puppet.conf, conf: {main: {server: p.example.com, certname: '%i.%F-%f'}, agent: {noop: true}}}\nfqdn: Web.Example.com\n",
			conf:   "# mine\n[main]\nserver = old\nvardir = /v\n",
			files: map[string]string{
				"/etc/puppet.conf":     "# mine\n[main]\nserver = p.example.com\nvardir = /v\ncertname = i-1.%f-web.example.com\n\n[agent]\nnoop = True\n",
				"/etc/puppet.conf.old": "# mine\n[main]\nserver = old\nvardir = /v\n",
			},
		},
		"puppet is asked for what is not given": {
			config: "puppet: {start_service: false, install: false, conf: {main: {server: p}, ca_cert: PEM}, csr_attributes: {custom_attributes: {1.2: x}}}\n",
			lines:  []string{print("ssldir"), print("config"), print("csr_attributes")},
			files: map[string]string{
				"/puppet/config": "[main]\nserver = p\n", "/puppet/ssldir/certs/ca.pem": "PEM",
				"/puppet/csr_attributes": "custom_attributes:\n    1.2: x\n",
			},
		},
		"the agent is run":                {config: "puppet: {install: false, exec: true}\n", lines: []string{enabled, "puppet agent --test", started}},
		"with arguments":                  {config: "puppet: {install: false, start_service: false, exec: true, exec_args: [--noop, 'a b']}\n", lines: []string{"puppet agent --noop a b"}},
		"with arguments in one string":    {config: "puppet: {install: false, start_service: false, exec: true, exec_args: --noop --test}\n", lines: []string{"puppet agent --noop --test"}},
		"a value of two lines is refused": {config: "puppet: {install: false, start_service: false, conf: {main: {server: \"a\\n[agent]\"}}}\n", reports: "puppet.conf.main.server: an option is one line of a name and a value; skipped"},
		"a section that is no mapping":    {config: "puppet: {install: false, start_service: false, conf: {main: x}}\n", reports: `puppet.conf.main: expected options with their values, got a string; skipped`},
		"puppet's own, by its script":     {config: "puppet: {install_type: aio, version: '8', collection: puppet8, start_service: false, aio_install_url: http://h/i}\n", lines: []string{"/bin/bash /run/cloud-init/puppet-install -v 8 -c puppet8 --cleanup"}},
		"a script with the digest":        {config: "puppet: {install_type: aio, cleanup: false, start_service: false, aio_install_sha256: 3B9DA36EC84E0ED6AA2A5C9AF1A8C5B6DE17D56AE9B9BF5C0EDB2AC4D73E4B5B}\n", fails: "the install script has the digest "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.config)
			g.Put(t, "/etc/passwd", "root:x:0:0::/root:/bin/sh\npuppet:x:52:52::/:/bin/false\n")
			g.Put(t, "/etc/group", "root:x:0:\npuppet:x:52:\n")
			if row.conf != "" {
				g.Put(t, "/etc/puppet.conf", row.conf)
			}
			g.Reply("puppet config print", func(c host.Command) host.Result { return host.Result{Stdout: "/puppet/" + c.Argv[3] + "\n"} })
			g.env.Fetch = func(context.Context, string, map[string]string) ([]byte, error) {
				return []byte("#!/bin/bash\nexit\n"), nil
			}
			p := installer(g)
			if row.has != nil {
				p.Has = row.has
			}
			err := puppet.Run(t.Context(), g.env)
			if (err == nil) != (row.fails == "") || err != nil && !strings.Contains(err.Error(), row.fails) {
				t.Errorf("got %v, want %q", err, row.fails)
			}
			var reports []string
			for _, p := range g.env.Problems() {
				reports = append(reports, p.Severity.String()+": "+p.Error())
			}
			if got := strings.Join(reports, "\n"); !strings.Contains(got, row.reports) || (got == "") != (row.reports == "") {
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
			}
		})
	}
}

func TestPuppetsCertificatesAreTheAgents(t *testing.T) {
	t.Parallel()
	for kind, owner := range map[string]string{"packages": "52:0", "aio": "0:0"} {
		g := newGuest(t, "puppet: {install: false, start_service: false, install_type: "+kind+", ssl_dir: /ssl, conf: {ca_cert: PEM}}\n")
		g.Put(t, "/etc/passwd", "root:x:0:0::/root:/bin/sh\npuppet:x:52:52::/:/bin/false\n")
		g.Put(t, "/etc/group", "root:x:0:\npuppet:x:52:\n")
		g.clean(t, puppet)
		for _, file := range []string{"/ssl", "/ssl/certs", "/ssl/certs/ca.pem"} {
			if got := g.Owner(file); got != owner {
				t.Errorf("%s: %s belongs to %s, want %s", kind, file, got, owner)
			}
		}
	}
}

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
			lines: []string{"systemctl enable s", "systemctl restart s"}, files: map[string]string{"/d/minion": "---\n{}\n...\n", "/k/minion.pem": "K"},
		},
		"without a master":      {config: "salt_minion: {conf: {file_client: local}}\n", installs: []string{"salt-minion"}, lines: []string{"systemctl disable salt-minion", "systemctl stop salt-minion", "salt-call --local state.apply"}},
		"one key is none":       {config: "salt_minion: {public_key: P}\n", installs: []string{"salt-minion"}, lines: []string{enabled, restarted}, reports: "warning: user-data:1:14: salt_minion: public_key and private_key go together; no key is written"},
		"a name like an option": {config: "salt_minion: {pkg_name: --root=/}\n", installs: []string{"salt-minion"}, lines: []string{enabled, restarted}, reports: `error: user-data:1:25: salt_minion.pkg_name: "--root=/" begins with "-" or has several lines; using salt-minion`},
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
