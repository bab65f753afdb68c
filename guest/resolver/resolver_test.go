package resolver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"

	"github.com/google/go-cmp/cmp"
)

// link makes a link of the machine, before the test begins.
func link(t *testing.T, m *hosttest.Machine, path, target string) {
	t.Helper()
	at := filepath.Join(m.Dir, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, at); err != nil {
		t.Fatal(err)
	}
}

// enabled has systemd start NetworkManager at boot.
func enabled(t *testing.T, m *hosttest.Machine) {
	t.Helper()
	link(t, m, "/etc/systemd/system/multi-user.target.wants/NetworkManager.service", "/usr/lib/systemd/system/NetworkManager.service")
}

func TestOwnerOf(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		link  string // of /etc/resolv.conf; "": a file
		nm    bool
		files map[string]string
		want  Owner
	}{
		"a file without NetworkManager":               {want: Nobody},
		"a file under NetworkManager":                 {nm: true, want: NetworkManager},
		"NetworkManager's own link":                   {nm: true, link: "/run/NetworkManager/resolv.conf", want: NetworkManager},
		"resolved's stub":                             {nm: true, link: "../run/systemd/resolve/stub-resolv.conf", want: Resolved},
		"resolved's servers, by a path from the root": {link: "/run/systemd/resolve/resolv.conf", want: Resolved},
		"resolved's static file":                      {link: "../usr/lib/systemd/resolv.conf", want: Resolved},
		"NetworkManager that leaves it alone": {
			nm: true, files: map[string]string{"/etc/NetworkManager/conf.d/99-cloud-init.conf": "[main]\ndns = none\n"}, want: Nobody,
		},
		"NetworkManager for which it is not managed": {
			nm: true, files: map[string]string{"/usr/lib/NetworkManager/conf.d/a.conf": "# ours\n[main]\nrc-manager=unmanaged\n"}, want: Nobody,
		},
		"the same key in another section": {
			nm: true, files: map[string]string{"/etc/NetworkManager/NetworkManager.conf": "[main]\nplugins=keyfile\n[connection]\ndns=none\n"}, want: NetworkManager,
		},
		"a file that a later one overrides": {
			nm:    true,
			files: map[string]string{"/etc/NetworkManager/NetworkManager.conf": "[main]\ndns=none\n", "/etc/NetworkManager/conf.d/a.conf": "[main]\ndns=default\n"},
			want:  NetworkManager,
		},
		"a file that another of its name replaces": {
			nm:    true,
			files: map[string]string{"/usr/lib/NetworkManager/conf.d/a.conf": "[main]\ndns=none\n", "/etc/NetworkManager/conf.d/a.conf": ""},
			want:  NetworkManager,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			if row.nm {
				enabled(t, m)
			}
			if row.link != "" {
				link(t, m, Path, row.link)
			}
			for file, text := range row.files {
				m.Put(t, file, text)
			}
			if got, err := OwnerOf(m.Host); got != row.want || err != nil {
				t.Errorf("it is %d, %v, want %d", got, err, row.want)
			}
		})
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	all := Config{
		Servers: []string{"192.0.2.1", "2001:db8::1"}, Search: []string{"a.example", "b.example"}, Domain: "c.example",
		Sortlist: []string{"192.0.2.0/255.255.255.0"}, Options: []string{"rotate", "timeout:1"},
	}
	for name, row := range map[string]struct {
		owner      Owner
		config     Config
		active     string // of NetworkManager
		path, want string
		lost       string
		commands   string
	}{
		"nobody's file": {
			config: all, path: Path,
			want: "nameserver 192.0.2.1\nnameserver 2001:db8::1\nsearch a.example b.example\ndomain c.example\nsortlist 192.0.2.0/255.255.255.0\noptions rotate timeout:1\n",
		},
		"NetworkManager that runs": {
			owner: NetworkManager, config: all, active: "active", path: networkManagerFile,
			want: "# Written by cloud-init: resolv_conf of the instance's configuration.\n[global-dns]\nsearches=a.example,b.example,c.example\n" +
				"options=rotate,timeout:1\n\n[global-dns-domain-*]\nservers=192.0.2.1,2001:db8::1\n",
			lost: "sortlist", commands: "systemctl try-reload-or-restart NetworkManager.service",
		},
		"NetworkManager that does not run": {
			owner: NetworkManager, config: Config{Servers: []string{"192.0.2.1"}}, active: "inactive", path: networkManagerFile,
			want: "# Written by cloud-init: resolv_conf of the instance's configuration.\n[global-dns]\n\n[global-dns-domain-*]\nservers=192.0.2.1\n",
		},
		"NetworkManager without name servers": {
			owner: NetworkManager, config: Config{Search: []string{"a.example"}}, active: "active",
			lost: "search domains and options without name servers",
		},
		"resolved": {
			owner: Resolved, config: all, path: resolvedFile,
			want: "# Written by cloud-init: resolv_conf of the instance's configuration.\n[Resolve]\nDNS=192.0.2.1 2001:db8::1\nDomains=a.example b.example c.example\n",
			lost: "sortlist,options",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			if row.active != "" {
				m.Units = map[string]host.UnitState{"NetworkManager.service": {Active: row.active}}
			}
			lost, err := Apply(t.Context(), m.Host, row.owner, row.config, row.config.ResolvConf())
			if got := strings.Join(lost, ","); got != row.lost || err != nil {
				t.Errorf("lost are %q, %v, want %q", got, err, row.lost)
			}
			if row.path == "" {
				if effects := m.Effects(); len(effects) > 0 {
					t.Errorf("it changes %+v", effects)
				}
				return
			}
			if diff := cmp.Diff(row.want, m.Text(t, row.path)); diff != "" {
				t.Error(diff)
			}
			if row.path != Path && m.Exists(Path) {
				t.Error("the owner's file is written")
			}
			if got := strings.Join(m.Lines(), "\n"); got != row.commands {
				t.Errorf("it runs %q, want %q", got, row.commands)
			}
			effects := len(m.Effects())
			if _, err := Apply(t.Context(), m.Host, row.owner, row.config, row.config.ResolvConf()); err != nil || len(m.Effects()) > effects {
				t.Errorf("again it changes %+v, %v", m.Effects()[effects:], err)
			}
		})
	}
}

func TestANetworkManagerThatCannotReadTheFileIsAnError(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Units = map[string]host.UnitState{"NetworkManager.service": {Active: "active"}}
	m.Answer("systemctl", host.Result{Exit: 1, Stderr: "no such unit\n"}, nil)
	_, err := Apply(t.Context(), m.Host, NetworkManager, Config{Servers: []string{"192.0.2.1"}}, "")
	if err == nil || !strings.Contains(err.Error(), "cannot have NetworkManager read "+networkManagerFile) {
		t.Errorf("got %v", err)
	}
}
