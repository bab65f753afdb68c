package modules

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudseed/guest/packages/packagestest"
	"cloudseed/host"

	"github.com/google/go-cmp/cmp"
)

// puppetGuest is a machine on which puppet answers as its manual says.
func puppetGuest(t *testing.T, userData string) (*guest, *packagestest.Fake) {
	t.Helper()
	g := newGuest(t, userData)
	g.Put(t, "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\npuppet:x:52:52::/var/lib/puppet:/sbin/nologin\n")
	g.Put(t, "/etc/hostname", "vm\n")
	g.Put(t, "/etc/hosts", "192.0.2.7 VM.example.com vm\n")
	g.Put(t, "/proc/sys/kernel/hostname", "vm\n")
	for setting, value := range map[string]string{"config": "/etc/puppet/puppet.conf", "ssldir": "/var/lib/puppet/ssl", "csr_attributes": "/etc/puppet/csr_attributes.yaml"} {
		for _, program := range []string{"puppet", puppetAIOProgram} {
			g.Answer(program+" config print "+setting, host.Result{Stdout: "Warning: a setting is deprecated\n" + value + "\n"}, nil)
		}
	}
	manager := &packagestest.Fake{Has: []string{"puppet"}}
	g.env.Packages = manager
	return g, manager
}

// files returns what is at paths of the machine: mode, owner and content.
func (g *guest) files(t *testing.T, paths ...string) string {
	t.Helper()
	var all strings.Builder
	for _, path := range paths {
		info, err := os.Stat(filepath.Join(g.Dir, path))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		owner := g.Owner(path)
		if owner == "" {
			owner = "0:0"
		}
		fmt.Fprintf(&all, "%s %04o %s\n", path, info.Mode().Perm(), owner)
		if !info.IsDir() {
			all.WriteString(g.Text(t, path))
		}
	}
	return all.String()
}

const (
	puppetStarted  = "systemctl enable puppet-agent.service\nsystemctl start puppet-agent.service"
	puppetConfig   = "puppet config print config\n"
	puppetScript   = "#!/bin/sh\nexit 0\n"
	puppetTestCert = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
)

func TestPuppet(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte(puppetScript))
	digest := hex.EncodeToString(sum[:])
	const installed = "install puppet-agent\ninstall puppet"
	for name, row := range map[string]struct {
		userData           string
		has                []string // of the repositories, beside puppet
		conf               string   // puppet.conf before
		installs, commands string
		files              string // of puppet.conf, its old one, csr_attributes.yaml and the certificates
		report             string
	}{
		"no keys at all":                {"{}", nil, "", installed, puppetStarted, "", ""},
		"null":                          {"", nil, "", "", "", "", ""},
		"the first name of the package": {"{}", []string{"puppet-agent"}, "", "install puppet-agent", puppetStarted, "", ""},
		"a version":                     {"{version: 7.10}", []string{"puppet-agent"}, "", "install puppet-agent 7.10", puppetStarted, "", ""},
		"a package":                     {"{package_name: openvox-agent, version: '8.1'}", []string{"openvox-agent"}, "", "install openvox-agent 8.1", puppetStarted, "", ""},
		"a package that is not there":   {"{package_name: nosuch}", nil, "", "install nosuch", puppetStarted, "", "error: user-data:1:9: puppet: the agent is not installed: no repository has nosuch"},
		"neither package":               {"{version: '9'}", []string{"-puppet"}, "", "install puppet-agent 9\ninstall puppet 9", puppetStarted, "", ""},
		"not installed, and a version":  {"{install: false, version: '8'}", nil, "", "", puppetStarted, "", "warning: user-data:1:35: puppet.version: nothing is installed, since install is false"},
		"no service":                    {"{install: false, start_service: false}", nil, "", "", "", "", ""},
		"settings": {
			"{install: false, conf: {agent: {server: puppet.example.com, Certname: '%i.%f', report: yes, runinterval: 30m, splay: 'True', environment: 0123, tags: [a, b]}, main: {logdir: /l}}}", nil,
			"# a comment\n[main]\n  ssldir=/x\n", "", puppetConfig + puppetStarted,
			"/etc/puppet/puppet.conf 0644 0:0\n# a comment\n[main]\n  ssldir=/x\nlogdir = /l\n\n[agent]\nserver = puppet.example.com\ncertname = i-1.vm.example.com\nreport = True\nruninterval = 30m\nsplay = True\nenvironment = 0123\ntags = a,b\n" +
				"/etc/puppet/puppet.conf.old 0644 0:0\n# a comment\n[main]\n  ssldir=/x\n", "",
		},
		"a file that is not there": {
			"{install: false, conf_file: /opt/p/puppet.conf, conf: {main: {a: b}}}", nil, "", "", puppetStarted,
			"/opt/p/puppet.conf 0644 0:0\n[main]\na = b\n", "",
		},
		"what is set already": {
			"{install: false, conf: {main: {a: b}}}", nil, "[main]\na = b\n\n", "", puppetConfig + puppetStarted,
			"/etc/puppet/puppet.conf 0644 0:0\n[main]\na = b\n\n", "",
		},
		"a certificate": {
			"{install: false, ssl_dir: /ssl/d, conf_file: /c, conf: {ca_cert: " + fmt.Sprintf("%q", puppetTestCert) + "}}", nil, "", "", puppetStarted,
			"/ssl/d 0771 52:0\n/ssl/d/certs 0755 52:0\n/ssl/d/certs/ca.pem 0644 52:0\n" + puppetTestCert, "",
		},
		"a certificate of aio's": {
			"{install: false, install_type: aio, conf_file: /c, conf: {ca_cert: " + fmt.Sprintf("%q", puppetTestCert) + "}}", nil, "", "", puppetAIOProgram + " config print ssldir\n" + puppetStarted,
			"/var/lib/puppet/ssl 0771 0:0\n/var/lib/puppet/ssl/certs 0755 0:0\n/var/lib/puppet/ssl/certs/ca.pem 0644 0:0\n" + puppetTestCert, "",
		},
		"attributes of the request": {
			"{install: false, csr_attributes: {extension_requests: {pp_role: web}, custom_attributes: {1.2.840.113549.1.9.7: pw-s3cret}}}", nil, "", "", "puppet config print csr_attributes\n" + puppetStarted,
			"/etc/puppet/csr_attributes.yaml 0644 0:0\ncustom_attributes:\n  1.2.840.113549.1.9.7: pw-s3cret\nextension_requests:\n  pp_role: web\n", "",
		},
		"a run":                  {"{install: false, exec: true}", nil, "", "", "systemctl enable puppet-agent.service\npuppet agent --test\nsystemctl start puppet-agent.service", "", ""},
		"a run with arguments":   {"{install: false, start_service: false, exec: true, exec_args: [--noop, '--tags', 1.10]}", nil, "", "", "puppet agent --noop --tags 1.10", "", ""},
		"arguments in one line":  {"{install: false, start_service: false, exec: true, exec_args: '--test  --noop'}", nil, "", "", "puppet agent --test --noop", "", ""},
		"one that is a number":   {"{install: false, start_service: false, exec: true, exec_args: 5}", nil, "", "", "puppet agent --test", "", "error: user-data:1:71: puppet.exec_args: expected a list of arguments, got a number; --test is used"},
		"no arguments":           {"{install: false, start_service: false, exec: true, exec_args: []}", nil, "", "", "puppet agent", "", ""},
		"aio":                    {"{install_type: aio, start_service: false}", nil, "", "", "/var/lib/cloud/instance/puppet-install --cleanup", "", ""},
		"aio with all its keys":  {"{install_type: aio, start_service: false, version: 7.12.0, collection: puppet7, cleanup: false, aio_install_url: 'https://example.com/i.sh', aio_install_sha256: " + strings.ToUpper(digest) + "}", nil, "", "", "/var/lib/cloud/instance/puppet-install -v 7.12.0 -c puppet7", "", ""},
		"aio with another sum":   {"{install_type: aio, start_service: false, aio_install_sha256: " + strings.Repeat("0f", 32) + "}", nil, "", "", "", "", "error: user-data:1:9: puppet: the agent is not installed: " + puppetAIOURL + " has the SHA-256 digest " + digest + ", which is not the one expected"},
		"aio that is not there":  {"{install_type: aio, start_service: false, aio_install_url: 'https://example.com/gone'}", nil, "", "", "", "", "error: user-data:1:9: puppet: the agent is not installed: cannot fetch https://example.com/gone: 404 Not Found"},
		"aio without protection": {"{install_type: aio, start_service: false, aio_install_url: 'http://example.com/i.sh'}", nil, "", "", "/var/lib/cloud/instance/puppet-install --cleanup", "", "note: user-data:1:68: puppet.aio_install_url: whoever is between this system and the server can change what is downloaded: give its SHA-256 or use https"},

		"a sum that is none": {"{install_type: aio, start_service: false, exec: true, aio_install_sha256: abc}", nil, "", "", "", "", "error: user-data:1:83: puppet.aio_install_sha256: expected a SHA-256: 64 hexadecimal digits; nothing is downloaded"},
		"a URL that is none": {"{install_type: aio, start_service: false, aio_install_url: /etc/passwd}", nil, "", "", "", "", `error: user-data:1:68: puppet.aio_install_url: "/etc/passwd" is not a URL with http or https; nothing is downloaded`},
		"an unknown type": {
			"{install_type: aoi, exec: true, start_service: false, conf_file: /c, conf: {main: {a: b}}}", nil, "", "", "", "/c 0644 0:0\n[main]\na = b\n",
			"error: user-data:1:24: puppet.install_type: expected packages or aio, got \"aoi\"",
		},
		"keys of the other type": {"{collection: puppet8, start_service: false}", nil, "", installed, "", "", "note: user-data:1:22: puppet.collection: this is for install_type: aio; ignored"},
		"a version that is an option": {
			"{version: --setopt=x, start_service: false}", nil, "", "", "", "",
			`error: user-data:1:9: puppet: the agent is not installed: "--setopt=x" begins with "-"`,
		},
		"an option of the script": {
			"{install_type: aio, collection: -x, start_service: false}", nil, "", "", "", "",
			`error: user-data:1:41: puppet.collection: the agent is not installed: "-x" begins with "-"`,
		},
		"settings that cannot be": {
			`{install: false, start_service: false, conf_file: /c, conf: {"main][agent": {a: b}, main: {"a=b": c, "[x]": y, d: "1\n[agent]", e: {f: g}, h: null, i: j}, agent: k}}`, nil, "", "", "",
			"/c 0644 0:0\n[main]\ni = j\n",
			"error: user-data:1:85: puppet.conf.main][agent: \"main][agent\" cannot be the name of a section; skipped\n" +
				"error: user-data:1:107: puppet.conf.main.a=b: \"a=b\" cannot be the name of a setting; skipped\n" +
				"error: user-data:1:117: puppet.conf.main.[x]: \"[x]\" cannot be the name of a setting; skipped\n" +
				"error: user-data:1:123: puppet.conf.main.d: a setting is one line of a name and a value; skipped\n" +
				"error: user-data:1:140: puppet.conf.main.e: expected a string, a number, a boolean or a list of these, got a mapping; skipped\n" +
				"error: user-data:1:171: puppet.conf.agent: expected the settings of a section, got a string; skipped",
		},
		"paths that cannot be": {
			`{install: false, start_service: false, conf_file: puppet.conf, conf: {main: {a: b}}}`, nil, "", "", "", "",
			`error: user-data:1:59: puppet.conf_file: "puppet.conf" is not an absolute path; what belongs there is not written`,
		},
		"a certificate that is none": {
			"{install: false, start_service: false, ssl_dir: /ssl/d, conf_file: /c, conf: {ca_cert: [a]}}", nil, "", "", "", "",
			"error: user-data:1:96: puppet.conf.ca_cert: expected a certificate in PEM, got a list; skipped",
		},
		"lists in place of mappings": {
			"{install: false, start_service: false, conf: [a], csr_attributes: [b]}", nil, "", "", "", "",
			"error: user-data:1:54: puppet.conf: expected a mapping of sections, got a list; skipped\nerror: user-data:1:75: puppet.csr_attributes: expected a mapping of attributes, got a list; skipped",
		},
		"another key": {"{instal: false, start_service: false}", nil, "", installed, "", "", "warning: user-data:1:10: puppet.instal: unknown key (did you mean install?); it was ignored"},
		"a string":    {"puppet.example.com", nil, "", "", "", "", "error: user-data:1:9: puppet: expected a mapping, got a string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, manager := puppetGuest(t, "puppet: "+row.userData)
			manager.Has = append(manager.Has, row.has...)
			g.env.Fetch = func(_ context.Context, url string, _ map[string]string) ([]byte, error) {
				if strings.HasSuffix(url, "/gone") {
					return nil, errors.New("cannot fetch " + url + ": 404 Not Found")
				}
				return []byte(puppetScript), nil
			}
			if row.conf != "" {
				g.Put(t, "/etc/puppet/puppet.conf", row.conf)
			}
			reports := g.run(t, puppet)
			slices.Sort(reports)
			wanted := strings.Split(row.report, "\n")
			slices.Sort(wanted)
			for what, pair := range map[string][2]string{
				"the report":   {strings.Join(wanted, "\n"), strings.Join(reports, "\n")},
				"the commands": {row.commands, strings.Join(g.lines(), "\n")},
				"the packages": {row.installs, strings.Join(manager.Calls, "\n")},
				"the files": {row.files, g.files(t, "/etc/puppet/puppet.conf", "/etc/puppet/puppet.conf.old", "/etc/puppet/csr_attributes.yaml", "/c", "/opt/p/puppet.conf",
					"/ssl/d", "/ssl/d/certs", "/ssl/d/certs/ca.pem", "/var/lib/puppet/ssl", "/var/lib/puppet/ssl/certs", "/var/lib/puppet/ssl/certs/ca.pem", "/var/lib/cloud/instance/puppet-install")},
			} {
				if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			g.mustNotShow(t, "s3cret")
		})
	}
}

func TestARunOfPuppetThatChangesSomethingIsSuccess(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		arguments string
		exit      int
		report    string
	}{
		{"[--test]", 2, ""},
		{"[-t]", 2, ""},
		{"[--onetime, --detailed-exitcodes]", 2, ""},
		{"[--onetime]", 2, "error: user-data:1:56: puppet.exec: puppet failed with exit code 2"},
		{"[--test]", 1, "error: user-data:1:56: puppet.exec: puppet failed with exit code 1"},
		{"[--test]", 4, "error: user-data:1:56: puppet.exec: puppet failed with exit code 4"},
		{"[--test]", 6, "error: user-data:1:56: puppet.exec: puppet failed with exit code 6"},
	} {
		g, _ := puppetGuest(t, "puppet: {install: false, start_service: false,   exec: true, exec_args: "+row.arguments+"}")
		g.Answer("puppet agent", host.Result{Exit: row.exit}, nil)
		if got := strings.Join(g.run(t, puppet), "\n"); got != row.report {
			t.Errorf("%s with exit code %d: it reports %q, want %q", row.arguments, row.exit, got, row.report)
		}
	}
}

func TestTheServiceOfPuppetHasEitherName(t *testing.T) {
	t.Parallel()
	g, _ := puppetGuest(t, "puppet: {install: false}")
	g.Answer("systemctl enable puppet-agent", host.Result{Exit: 1, Stderr: "Unit file puppet-agent.service does not exist.\n"}, nil)
	g.Answer("systemctl start puppet-agent", host.Result{Exit: 5, Stderr: "Unit puppet-agent.service not found.\n"}, nil)
	g.clean(t, puppet)
	want := []string{"systemctl enable puppet-agent.service", "systemctl enable puppet.service", "systemctl start puppet-agent.service", "systemctl start puppet.service"}
	if diff := cmp.Diff(want, g.lines()); diff != "" {
		t.Error(diff)
	}

	g, _ = puppetGuest(t, "puppet: {install: false}")
	g.Answer("systemctl", host.Result{Exit: 1, Stderr: "no such unit\n"}, nil)
	wanted := []string{
		"warning: user-data:1:9: puppet.start_service: cannot enable puppet-agent.service: systemctl failed with exit code 1: no such unit; cannot enable puppet.service: systemctl failed with exit code 1: no such unit",
		"warning: user-data:1:9: puppet.start_service: cannot start puppet-agent.service: systemctl failed with exit code 1: no such unit; cannot start puppet.service: systemctl failed with exit code 1: no such unit",
	}
	if diff := cmp.Diff(wanted, g.run(t, puppet)); diff != "" {
		t.Error(diff)
	}
}

func TestAnAgentThatIsNotThereIsReported(t *testing.T) {
	t.Parallel()
	g, manager := puppetGuest(t, "puppet: {start_service: false, conf: {main: {a: b}}}")
	g.Lacks("puppet", puppetAIOProgram)
	g.Answer("puppet config print config", host.Result{Exit: -1}, &host.MissingError{Program: "puppet"})
	manager.Fail = map[string]error{"install": errors.New("cannot install packages: no mirror answers")}
	want := []string{
		"error: user-data:1:9: puppet: cannot install packages: no mirror answers",
		"error: user-data:1:38: puppet.conf: cannot find out config (conf_file says it too): the program puppet is not installed",
	}
	if diff := cmp.Diff(want, g.run(t, puppet)); diff != "" {
		t.Error(diff)
	}
}

func TestPuppetsOwnPackageHasItsProgramElsewhereAndNoUser(t *testing.T) {
	t.Parallel()
	g, _ := puppetGuest(t, "puppet: {install: false, start_service: false, exec: true, conf_file: /c, conf: {ca_cert: '-----BEGIN CERTIFICATE-----'}}")
	g.Put(t, "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
	g.Lacks("puppet")
	g.clean(t, puppet)
	if diff := cmp.Diff([]string{puppetAIOProgram + " config print ssldir", puppetAIOProgram + " agent --test"}, g.lines()); diff != "" {
		t.Error(diff)
	}
	const want = "/var/lib/puppet/ssl/certs/ca.pem 0644 0:0\n-----BEGIN CERTIFICATE-----"
	if got := g.files(t, "/var/lib/puppet/ssl/certs/ca.pem"); got != want {
		t.Errorf("the certificate is %q, want %q", got, want)
	}
}

func TestPuppetAgainChangesNothing(t *testing.T) {
	t.Parallel()
	g, _ := puppetGuest(t, "puppet: {install: false, start_service: false, conf: {main: {a: b}, ca_cert: '-----BEGIN CERTIFICATE-----'}, csr_attributes: {extension_requests: {pp_role: web}}}")
	g.Put(t, "/etc/puppet/puppet.conf", "[main]\n")
	g.clean(t, puppet)
	before := len(g.Effects())
	g.clean(t, puppet)
	if again := g.Effects()[before:]; before == 0 || len(again) > 0 {
		t.Errorf("the first run has %d effects, the second %v", before, again)
	}
}

func TestAnImagesAgentIsEnabledAndNotRun(t *testing.T) {
	t.Parallel()
	g, _ := puppetGuest(t, "puppet: {install: false, exec: true}")
	var lines []string
	g.env.Host = host.New(t.TempDir(), host.Options{Exec: func(_ context.Context, c host.Command) (host.Result, error) {
		lines = append(lines, strings.Join(c.Argv, " "))
		return host.Result{}, nil
	}})
	want := []string{"note: user-data:1:32: puppet.exec: the agent is not run for an image: each system that is made of it runs its own"}
	if diff := cmp.Diff(want, g.run(t, puppet)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"systemctl enable puppet-agent.service"}, lines); diff != "" {
		t.Error(diff)
	}
}
