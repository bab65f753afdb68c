package modules

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"cloudseed/guest/packages/packagestest"
	"cloudseed/host"

	"github.com/google/go-cmp/cmp"
)

const chefServer = "server_url: 'https://chef.example.com', validation_name: v"

// chefClientRB is the client's configuration with the defaults and other lines in place of some.
func chefClientRB(changes ...string) string {
	return strings.NewReplacer(append(changes, "", "")...).Replace(`# Written by cloud-init, because of the key chef.
log_level :info
ssl_verify_mode :verify_none
log_location "/var/log/chef/client.log"
validation_client_name "v"
client_key "/etc/chef/client.pem"
chef_server_url "https://chef.example.com"
environment "_default"
node_name "i-1"
json_attribs "/etc/chef/firstboot.json"
file_cache_path "/var/chef/cache"
file_backup_path "/var/chef/backup"
pid_file "/var/run/chef/client.pid"
Chef::Log::Formatter.show_time = true
`)
}

func chefGuest(t *testing.T, userData string) (*guest, *packagestest.Fake) {
	t.Helper()
	g := newGuest(t, userData)
	manager := &packagestest.Fake{Has: []string{"*"}}
	g.env.Packages = manager
	g.env.Fetch = func(context.Context, string, map[string]string) ([]byte, error) { return []byte(chefScript), nil }
	return g, manager
}

const chefScript = "#!/bin/sh\nexit 0\n"

func TestChef(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte(chefScript))
	digest := hex.EncodeToString(sum[:])
	const (
		omnibus  = "/var/lib/cloud/instance/chef-omnibus-install"
		run      = "/usr/bin/chef-client -d -i 1800 -s 20"
		required = ": it is required; the client's configuration is not written, and the client is not run"
	)
	for name, row := range map[string]struct {
		userData           string
		lacks              bool // chef-client is not there
		installs, commands string
		files              map[string]string // "" is missing
		report             string
	}{
		"a client that is there": {"{" + chefServer + "}", false, "", "", map[string]string{"/etc/chef/client.rb": chefClientRB(), "/etc/chef/firstboot.json": "{}"}, ""},
		"a client that is run":   {"{" + chefServer + ", exec: true}", false, "", run, nil, ""},
		"run with arguments":     {"{" + chefServer + ", exec: true, exec_arguments: [-o, 12]}", false, "", "/usr/bin/chef-client -o 12", nil, ""},
		"run with one argument":  {"{" + chefServer + ", exec: true, exec_arguments: --once}", false, "", "/usr/bin/chef-client --once", nil, ""},
		"a package":              {"{" + chefServer + "}", true, "install chef", "", nil, ""},
		"a package, and run":     {"{" + chefServer + ", exec: true}", true, "install chef", run, nil, ""},
		"installed again":        {"{" + chefServer + ", force_install: true}", false, "install chef", "", nil, ""},
		"gems, which are run":    {"{" + chefServer + ", install_type: gems}", true, "install ruby ruby-devel gcc make redhat-rpm-config", "/usr/bin/gem install chef --no-document --bindir /usr/bin -q\n" + run, nil, ""},
		"gems of a version":      {"{" + chefServer + ", install_type: gems, version: 18.10, exec: false}", true, "install ruby ruby-devel gcc make redhat-rpm-config", "/usr/bin/gem install chef -v 18.10 --no-document --bindir /usr/bin -q", nil, ""},
		"omnibus":                {"{" + chefServer + ", install_type: omnibus}", true, "", omnibus, map[string]string{omnibus: ""}, ""},
		"omnibus with its keys":  {"{" + chefServer + ", install_type: omnibus, omnibus_url: 'https://h/i', omnibus_version: 12.3, omnibus_url_retries: 2, omnibus_sha256: " + digest + "}", true, "", omnibus + " -v 12.3", nil, ""},
		"omnibus with another sum": {
			"{" + chefServer + ", install_type: omnibus, exec: true, omnibus_sha256: " + strings.Repeat("0f", 32) + "}", true, "", "",
			map[string]string{omnibus: ""},
			"error: user-data:1:7: chef: the client is not installed: https://www.chef.io/chef/install.sh has the SHA-256 digest " + digest + ", which is not the one expected",
		},
		"an unknown type": {
			"{install_type: gem, " + chefServer + "}", true, "", "", nil,
			`error: user-data:1:22: chef.install_type: expected packages, gems or omnibus, got "gem" (did you mean gems?)`,
		},
		"a version like an option": {
			"{install_type: gems, version: --help, " + chefServer + "}", true, "", "", nil,
			`error: user-data:1:37: chef.version: the client is not installed: "--help" begins with "-"`,
		},
		"the first run": {
			"{run_list: ['recipe[a]', 'role[b]'], initial_attributes: {z: {n: 1, é: yes}, a: [1.5, null]}, " + chefServer + "}", false, "", "",
			map[string]string{"/etc/chef/firstboot.json": `{"run_list": ["recipe[a]", "role[b]"], "z": {"n": 1, "\u00e9": true}, "a": [1.5, null]}`},
			"",
		},
		"no file of the first run":     {"{firstboot_path: '', run_list: [a], " + chefServer + "}", false, "", "", map[string]string{"/etc/chef/firstboot.json": ""}, ""},
		"another file of it":           {"{firstboot_path: /a/b.json, run_list: a, " + chefServer + "}", false, "", "", map[string]string{"/etc/chef/firstboot.json": "", "/a/b.json": `{"run_list": "a"}`}, ""},
		"the key":                      {"{validation_cert: PEM-s3cret, " + chefServer + "}", false, "", "", map[string]string{"/etc/chef/validation.pem": "PEM-s3cret", "/etc/chef/client.rb": chefClientRB("client_key", "validation_key \"/etc/chef/validation.pem\"\nclient_key")}, ""},
		"the key in another file":      {"{validation_cert: PEM-s3cret, validation_key: /k/v.pem, " + chefServer + "}", false, "", "", map[string]string{"/k/v.pem": "PEM-s3cret", "/etc/chef/client.rb": chefClientRB("client_key", "validation_key \"/k/v.pem\"\nclient_key")}, ""},
		"a key that should be there":   {"{validation_cert: system, " + chefServer + "}", false, "", "", map[string]string{"/etc/chef/validation.pem": ""}, "warning: user-data:1:25: chef.validation_cert: /etc/chef/validation.pem does not exist"},
		"a key that is removed":        {"{validation_cert: PEM-s3cret, delete_validation_post_exec: true, exec: true, " + chefServer + "}", false, "", run, map[string]string{"/etc/chef/validation.pem": ""}, ""},
		"lines of the configuration":   {"{" + chefServer + ", node_name: 007, environment: prod, log_level: ':debug', show_time: false, file_cache_path: null, chef_license: accept}", false, "", "", map[string]string{"/etc/chef/client.rb": chefClientRB("log_level :info", "chef_license \"accept\"\nlog_level :debug", "\"_default\"", "\"prod\"", "i-1", "007", "file_cache_path \"/var/chef/cache\"\n", "", "Chef::Log::Formatter.show_time = true\n", "")}, ""},
		"a string that would be Ruby":  {"{" + chefServer + `, node_name: 'a"; system("x") #{1}\'}`, false, "", "", map[string]string{"/etc/chef/client.rb": chefClientRB("i-1", `a\"; system(\"x\") \#{1}\\`)}, ""},
		"a symbol that would be Ruby":  {"{" + `log_level: 'system("x")', ` + chefServer + "}", false, "", "", map[string]string{"/etc/chef/client.rb": chefClientRB()}, "error: user-data:1:19: chef.log_level: expected a symbol of Ruby, such as :info; using that"},
		"a value of two lines":         {`{node_name: "a\nb", ` + chefServer + "}", false, "", "", map[string]string{"/etc/chef/client.rb": chefClientRB()}, "error: user-data:1:19: chef.node_name: the value holds a line end or another control character; skipped"},
		"a path that is none":          {"{log_location: STDOUT, config_path: client.rb, " + chefServer + "}", false, "", "", map[string]string{"/etc/chef/client.rb": ""}, "warning: user-data:1:22: chef.log_location: \"STDOUT\" is not an absolute path; its directory is not created\nerror: user-data:1:43: chef.config_path: \"client.rb\" is not an absolute path; skipped"},
		"no server":                    {"{validation_name: v, exec: true}", false, "", "", map[string]string{"/etc/chef/client.rb": "", "/etc/chef/firstboot.json": "{}"}, "error: user-data:1:7: chef.server_url" + required},
		"nothing":                      {"", false, "", "", map[string]string{"/etc/chef/firstboot.json": ""}, ""},
		"attributes that are a list":   {"{initial_attributes: [a], " + chefServer + "}", false, "", "", map[string]string{"/etc/chef/firstboot.json": "{}"}, "error: user-data:1:28: chef.initial_attributes: expected a mapping of attributes, got a list; skipped"},
		"arguments that are a number":  {"{exec_arguments: 60, exec: true, " + chefServer + "}", false, "", run, nil, "error: user-data:1:24: chef.exec_arguments: expected a list of arguments, got a number; using -d -i 1800 -s 20"},
		"arguments that are a mapping": {"{exec_arguments: {a: b}, exec: true, " + chefServer + "}", false, "", run, nil, "error: user-data:1:24: chef.exec_arguments: expected a list of arguments, got a mapping; using -d -i 1800 -s 20"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, manager := chefGuest(t, "chef: "+row.userData)
			if row.lacks {
				g.Lacks(chefClient)
			}
			if diff := cmp.Diff(row.report, strings.Join(g.run(t, chef), "\n")); diff != "" {
				t.Errorf("the report (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(row.commands, strings.Join(g.lines(), "\n")); diff != "" {
				t.Errorf("the commands (-want +got):\n%s", diff)
			}
			if got := strings.Join(manager.Calls, "\n"); got != row.installs {
				t.Errorf("it asks to %q, want %q", got, row.installs)
			}
			for file, want := range row.files {
				switch {
				case want == "" && g.Exists(file):
					t.Errorf("%s is there", file)
				case want != "":
					if diff := cmp.Diff(want, g.Text(t, file)); diff != "" {
						t.Errorf("%s (-want +got):\n%s", file, diff)
					}
				}
			}
			g.mustNotShow(t, "s3cret")
		})
	}
}

func TestChefsDirectoriesAndModes(t *testing.T) {
	t.Parallel()
	g, _ := chefGuest(t, "chef: {validation_cert: PEM, directories: [/srv/chef, relative], encrypted_data_bag_secret: /s/e/secret, "+chefServer+"}")
	g.Put(t, "/var/cache/chef/kept", "old")
	g.Put(t, "/var/cache/chef/there", "old")
	g.Put(t, "/var/chef/cache/there", "new")
	want := []string{`error: user-data:1:55: chef.directories.1: "relative" is not an absolute path; skipped`}
	if diff := cmp.Diff(want, g.run(t, chef)); diff != "" {
		t.Error(diff)
	}
	for path, mode := range map[string]string{
		"/srv/chef": "drwxr-xr-x", "/etc/chef": "drwxr-xr-x", "/s/e": "drwxr-xr-x", "/var/run/chef": "drwxr-xr-x",
		"/etc/chef/validation.pem": "-rw-------", "/etc/chef/client.rb": "-rw-r--r--", "/etc/chef/firstboot.json": "-rw-r--r--",
	} {
		if info, err := g.Stat(path); err != nil || info.Mode().String() != mode {
			t.Errorf("%s is %v: %v", path, info, err)
		}
	}
	if g.Exists("/var/lib/chef") {
		t.Error("a directory was created in spite of directories")
	}
	for path, want := range map[string]string{"/var/chef/cache/kept": "old", "/var/chef/cache/there": "new", "/var/cache/chef/there": "old"} {
		if got := g.Text(t, path); got != want {
			t.Errorf("%s holds %q, want %q", path, got, want)
		}
	}
}

// It runs at every boot.
func TestChefAgainChangesNothingAndStartsNothing(t *testing.T) {
	t.Parallel()
	g, _ := chefGuest(t, "chef: {validation_cert: PEM, run_list: [a], "+chefServer+"}")
	g.clean(t, chef)
	before := len(g.Effects())
	g.clean(t, chef)
	if again := g.Effects()[before:]; before == 0 || len(again) > 0 || len(g.Calls()) > 0 {
		t.Errorf("the first run has %d effects, the second %v; programs: %q", before, again, g.lines())
	}
}

func TestARegisteredClientsValidationKeyIsNotWrittenAgain(t *testing.T) {
	t.Parallel()
	g, _ := chefGuest(t, "chef: {validation_cert: PEM, delete_validation_post_exec: true, "+chefServer+"}")
	g.Put(t, "/etc/chef/client.pem", "registered")
	g.clean(t, chef)
	if g.Exists("/etc/chef/validation.pem") {
		t.Error("the key is there again")
	}
}

func TestAClientThatFailsKeepsItsKey(t *testing.T) {
	t.Parallel()
	g, _ := chefGuest(t, "chef: {validation_cert: PEM, delete_validation_post_exec: true, exec: true, "+chefServer+"}")
	g.Answer(chefClient, host.Result{Exit: 1}, nil)
	want := []string{"error: user-data:1:71: chef.exec: /usr/bin/chef-client failed with exit code 1"}
	if diff := cmp.Diff(want, g.run(t, chef)); diff != "" {
		t.Error(diff)
	}
	if g.Text(t, "/etc/chef/validation.pem") != "PEM" {
		t.Error("the key is gone")
	}
}

func TestAnAdministratorsTemplateOfChefCounts(t *testing.T) {
	t.Parallel()
	g, _ := chefGuest(t, "chef: {validation_cert: PEM-s3cret, "+chefServer+"}")
	g.Put(t, "/etc/cloud/templates/chef_client.rb.tmpl", "## template: jinja\nnode_name '{{ node_name }}' # {{ validation_cert }}\n")
	g.clean(t, chef)
	if got := g.Text(t, "/etc/chef/client.rb"); got != "node_name 'i-1' # PEM-s3cret\n" {
		t.Errorf("the configuration is %q", got)
	}
	g.mustNotShow(t, "s3cret")
}
