package boot_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/boot"
	"cloudseed/bootlog"
	"cloudseed/host"
	"cloudseed/state"
	"cloudseed/test/seed"
)

// marker stands in every secret place of the seeds below. It is letters and digits, so
// that it is itself in any encoding of text that leaves those as they are.
const marker = "zq7swordfish"

// secretSeeds have the marker in each place where a secret may stand: as it should be,
// and in the shapes that people give it by mistake.
var secretSeeds = map[string]seed.Files{
	"a password of the default user":             cloudConfig("password: SECRET"),
	"a password that begins as an alias":         cloudConfig("password: *SECRET"),
	"a password that begins as an anchor":        cloudConfig("password: &SECRET"),
	"a password that begins as a type":           cloudConfig("password: !SECRET"),
	"a password that begins as a local type":     cloudConfig("password: !!SECRET x"),
	"a password that begins as a directive":      cloudConfig("password: %SECRET"),
	"a password with an at sign":                 cloudConfig("password: @SECRET"),
	"a password with a back quote":               cloudConfig("password: `SECRET"),
	"a password with a colon and a blank":        cloudConfig("password: x: SECRET"),
	"a password with an open quote":              cloudConfig("password: \"SECRET"),
	"a password behind a quote":                  cloudConfig("password: \"x\" SECRET"),
	"a password with an unknown escape":          cloudConfig(`password: "\qSECRET"`),
	"a password with an open bracket":            cloudConfig("password: [SECRET"),
	"a password with an open brace":              cloudConfig("password: {SECRET"),
	"a password in braces":                       cloudConfig("password: {SECRET}"),
	"a password in two braces":                   cloudConfig("password: {{SECRET}}"),
	"a password in a list":                       cloudConfig("password: [SECRET]"),
	"a password without a blank after the colon": cloudConfig("password:SECRET"),
	"a password on a line of its own":            cloudConfig("password: x\nSECRET"),
	"a password indented wrongly":                cloudConfig("chpasswd:\n  expire: false\n password: SECRET"),
	"a password marked as a number":              cloudConfig("password: !!int SECRET"),
	"a password marked as binary":                cloudConfig("password: !!binary SECRET-"),
	"a password with a control character":        cloudConfig("password: \"SECRET\x07\""),
	"a password with a line break":               cloudConfig("chpasswd: {users: [{name: root, type: text, password: \"SECRET\\nSECRET\"}]}"),
	"the list of chpasswd":                       cloudConfig("chpasswd:\n  list:\n    - root:SECRET\n    - nobody9:SECRET\n    - SECRET\n    - root: SECRET\n    - [SECRET]"),
	"the list of chpasswd as a text":             cloudConfig("chpasswd:\n  list: |\n    root:SECRET\n    SECRET\n    nobody9:SECRET"),
	"the list of chpasswd as a map":              cloudConfig("chpasswd: {list: {root: SECRET, nobody9: SECRET}}"),
	"the list of chpasswd with a hash":           cloudConfig("chpasswd: {list: ['root:$6$SECRET$SECRET']}"),
	"the users of chpasswd":                      cloudConfig("chpasswd:\n  users:\n    - {name: root, password: SECRET, type: text}\n    - {name: root, password: SECRET}\n    - {name: nobody9, password: SECRET}\n    - {password: SECRET}\n    - root:SECRET\n    - {name: root, password: [SECRET]}"),
	"a password with a comma in braces":          cloudConfig("chpasswd: {users: [{name: root, type: text, password: x,SECRET}]}"),
	"chpasswd as a text":                         cloudConfig("chpasswd: root:SECRET"),
	"chpasswd.users as a text":                   cloudConfig("chpasswd: {users: 'root:SECRET'}"),
	"a user's passwords":                         cloudConfig("users:\n  - {name: ann, passwd: $6$SECRET, lock_passwd: false}\n  - {name: bob, plain_text_passwd: SECRET}\n  - {name: cloud-user, hashed_passwd: $6$SECRET}\n  - {name: cloud-user, passwd: $6$SECRET}"),
	"a user's passwords in the wrong shape":      cloudConfig("users:\n  - {name: ann, passwd: [SECRET]}\n  - {name: bob, plain_text_passwd: {SECRET: x}}\n  - {name: eve, hashed_passwd: \"SECRET\\nx\"}\n  - {name: joe, plain_text_passwd: x,SECRET}"),
	"a user without a name":                      cloudConfig("users:\n  - {plain_text_passwd: SECRET}\n  - {name: 'a:b', plain_text_passwd: SECRET}"),
	"a user's password under the default user":   cloudConfig("user: {name: ann, plain_text_passwd: SECRET}"),
	"a private key of the host":                  cloudConfig("ssh_keys:\n  rsa_private: |\n    -----BEGIN RSA PRIVATE KEY-----\n    SECRET\n    -----END RSA PRIVATE KEY-----\n  ecdsa_private: [SECRET]\n  ed25519_private: SECRET"),
	"a private key of the host without indent":   cloudConfig("ssh_keys:\n  rsa_private: |\n    -----BEGIN RSA PRIVATE KEY-----\nSECRET\n    -----END RSA PRIVATE KEY-----"),
	"ssh_keys as a text":                         cloudConfig("ssh_keys: SECRET"),
	"a private key among the authorized":         cloudConfig("ssh_authorized_keys:\n  - |\n    -----BEGIN OPENSSH PRIVATE KEY-----\n    SECRET\n    -----END OPENSSH PRIVATE KEY-----\nusers:\n  - name: ann\n    ssh_authorized_keys: [\"-----BEGIN OPENSSH PRIVATE KEY-----\\nSECRET\"]"),
	"a file's content":                           cloudConfig("write_files:\n  - {path: /etc/x, content: SECRET, permissions: '0600'}\n  - {path: /etc/hostname/x, content: SECRET}\n  - {path: /etc/x, append: true, content: SECRET, permissions: '0600'}\n  - {path: /etc/y, owner: nobody9, content: SECRET, defer: true, permissions: '0600'}"),
	"a file's content in the wrong shape":        cloudConfig("write_files:\n  - {path: /etc/x, content: [SECRET]}\n  - {path: /etc/x, content: {SECRET: x}}\n  - {path: /etc/x, encoding: b64, content: '%SECRET%x', permissions: '0600'}\n  - {path: /etc/x, encoding: gzip, content: SECRET}\n  - {path: /etc/x, content: x,SECRET, permissions: '0600'}\n  - SECRET"),
	"write_files as a text":                      cloudConfig("write_files: SECRET"),
	"a file's source":                            cloudConfig("write_files:\n  - {path: /etc/x, source: {uri: 'http://me:SECRET@127.0.0.1:1/x?token=SECRET', headers: {Authorization: SECRET}}}\n  - {path: /etc/x, source: {uri: 'http://127.0.0.1:1/', headers: {Authorization: [SECRET]}}}\n  - {path: /etc/x, source: {uri: 'http://127.0.0.1:1/', headers: [SECRET]}}\n  - {path: /etc/x, source: 'http://me:SECRET@127.0.0.1:1/'}\n  - {path: /etc/x, source: {uri: 'http://127.0.0.1:1/', headers: {Authorization: \"SECRET\\nx\"}}}"),
	"commands":                                   cloudConfig("bootcmd: [echo SECRET, [echo, SECRET], {SECRET: x}]\nruncmd: [echo SECRET, [echo, SECRET], {SECRET: x}]"),
	"commands as a map":                          cloudConfig("runcmd: {echo: SECRET}\nbootcmd: {echo: SECRET}"),
	"a command with a colon":                     cloudConfig("runcmd:\n  - curl -H Authorization: SECRET"),
	"a script":                                   seed.NoCloud("i-1", "#!/bin/sh\necho SECRET\n"),
	"a script without interpreter":               seed.NoCloud("i-1", "#!SECRET\n"),
	"a boothook":                                 seed.NoCloud("i-1", "#cloud-boothook\necho SECRET\n"),
	"a script whose header is missing":           seed.NoCloud("i-1", "echo SECRET\n"),
	"user data in base64":                        seed.NoCloud("i-1", "I2Nsb3VkLWNvbmZpZwpwYXNzd29yZDogenE3c3dvcmRmaXNoCg=="),
	"a template":                                 seed.NoCloud("i-1", "## template: jinja\n#cloud-config\npassword: {{ SECRET\n"),
	"templates": templates(
		"{{ 'SECRET' 5 }}", "{{ 5 'SECRET' }}", "{{ 'SECRET' + 1 }}", "{{ 'SECRET'.nope() }}", "{{ 'SECRET' | nope }}", "{{ {'SECRET': 1} + 1 }}", "{{ ['SECRET'] < 1 }}",
		"{% set a = 'SECRET' %}{{ a.b.c }}{{ a | list + 1 }}", "{{ 'SECRET' | int + [] }}", "{{ 'SECRET' % 5 }}", "{{ '%q SECRET' % 5 }}", "{{ '{SECRET}'.format() }}",
		"{{ 'SECRET", "{% 'SECRET' %}", "{% if 'SECRET' is nope %}{% endif %}", "{% for a, b in ['SECRET'] %}{% endfor %}", "{{ 'SECRET'() }}", "{{ ('SECRET',) + 1 }}",
		"{{ ds.meta_data.admin_pass + 1 }}", "{{ ds.meta_data.admin_pass.nope.nope }}", "{{ ds.meta_data.admin_pass[1:0:0] }}", "{{ ds[ds.meta_data.admin_pass].x }}", "{{ ds[ds.meta_data.admin_pass] }}",
		"{{ 'x' * ('SECRET' | length * 100000000) }}", "{{ range('SECRET') }}", "{{ dict(['SECRET']) }}", "{{ 'a'.join(['SECRET', 1], 'SECRET') }}", "{{ 'SECRET' | tojson(1, 2, 3) }}",
		"{% raw %}SECRET", "{% include 'SECRET' %}", "{% macro a(b) %}{{ b }}{% endmacro %}{{ a('SECRET', 'SECRET') }}", "{{ 'SECRET' | round }}", "{{ 'SECRET' | sum }}", "{{ -'SECRET' }}",
	),
	"a part handler":           seed.NoCloud("i-1", "#part-handler\nimport SECRET\n"),
	"an archive":               seed.NoCloud("i-1", "#cloud-config-archive\n- SECRET\n- {type: text/plain, content: SECRET}\n- {content: [SECRET]}\n- [SECRET]\n"),
	"an archive that is a map": seed.NoCloud("i-1", "#cloud-config-archive\nSECRET: x\n"),
	"a patch":                  seed.NoCloud("i-1", "#cloud-config-jsonp\n[{\"op\": \"add\", \"path\": \"/password\", \"value\": \"SECRET\"}, {\"op\": \"test\", \"path\": \"/password\", \"value\": \"x\"}]"),
	"a patch that is no JSON":  seed.NoCloud("i-1", "#cloud-config-jsonp\n[{\"op\": \"add\", \"value\": SECRET}]"),
	"an include":               seed.NoCloud("i-1", "#include\nhttp://me:SECRET@127.0.0.1:1/x?SECRET\nhttps://127.0.0.1:1/#SECRET\nftp://me:SECRET@127.0.0.1:1/x\nme:SECRET@127.0.0.1/x\nhttp://me:SE CRET:SECRET@[::1/x\n"),
	"a message": seed.NoCloud("i-1", "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b\"\n\n--b\nContent-Type: text/x-shellscript\nContent-Transfer-Encoding: base64\n\nSECRET%%x\n"+
		"--b\nContent-Type: text/cloud-config\n\npassword: *SECRET\n--b\nContent-Type: text/plain\n\nSECRET\n--b\nContent-Type: text/unheard-of\n\nSECRET\n--b--\n"),
	"vendor data":                      seed.NoCloud("i-1", "").With("vendor-data", "#cloud-config\npassword: SECRET\nwrite_files: [{path: /etc/x, content: SECRET, permissions: '0600'}]\nchpasswd: {list: [SECRET]}\n"),
	"vendor data with a mistake":       seed.NoCloud("i-1", "").With("vendor-data", "#cloud-config\npassword: *SECRET\n"),
	"vendor data without a header":     seed.NoCloud("i-1", "").With("vendor-data", "SECRET\n"),
	"metadata":                         seed.NoCloud("i-1", "").With("meta-data", "instance-id: i-1\nadmin_pass: SECRET\nrandom_seed: SECRET\npassword: SECRET\nmeta: {admin_pass: SECRET, deep: [{password: SECRET}]}\nsecurity-credentials: {a: SECRET}\nuser-data: SECRET\nvendor_data: SECRET\n"),
	"metadata's own words for secrets": seed.NoCloud("i-1", "").With("meta-data", "instance-id: i-1\nmeta: {db_password: SECRET, API-Token: SECRET, keys: [{private_key: [SECRET]}], Credentials: {a: SECRET}, client_secret: SECRET}\n"),
	"metadata's interfaces":            seed.NoCloud("i-1", "").With("meta-data", "instance-id: i-1\nnetwork-interfaces: |\n  auto wlan0\n  iface wlan0 inet dhcp\n    wpa-psk SECRET\n"),
	"a config drive's ec2 metadata":    configDrive(`{"uuid": "i-1"}`).With("ec2/latest/meta-data.json", `{"iam": {"security-credentials": {"r": {"Key": "SECRET"}}}, "user-data": "SECRET", "x": [{"SecretAccessKey": "SECRET"}]}`),
	"a config drive's network":         configDrive(`{"uuid": "i-1"}`).With("openstack/latest/network_data.json", `{"version": 2, "wifis": {"wlan0": {"access-points": {"home": {"auth": {"key-management": "psk", "secret": "SECRET", "password": "SECRETx"}}}}}}`),
	"the system's own datasource":      seed.NoCloud("i-1", "#cloud-config\ndatasource: {NoCloud: {user-data: SECRET, meta-data: {x: SECRET}}}\n"),
	"metadata with a mistake":          seed.NoCloud("i-1", "").With("meta-data", "instance-id: i-1\nadmin_pass: *SECRET\n"),
	"metadata whose mistake is it":     seed.NoCloud("i-1", "").With("meta-data", "instance-id: i-1\nadmin_pass: \"SECRET\n"),
	"a config drive's metadata":        configDrive(`{"uuid": "i-1", "admin_pass": "SECRET", "random_seed": "SECRETx", "meta": {"admin_pass": "SECRET"}}`),
	"a config drive's random seed":     configDrive(`{"uuid": "i-1", "random_seed": "%SECRET%"}`),
	"a config drive's list":            configDrive(`{"uuid": "i-1", "random_seed": ["SECRET"], "admin_pass": ["SECRET"]}`),
	"a config drive without JSON":      configDrive(`{"uuid": "i-1", "admin_pass": SECRET}`),
	"a config drive's vendor data":     configDrive(`{"uuid": "i-1"}`).With("openstack/latest/vendor_data.json", `{"cloud-init": "#cloud-config\npassword: *SECRET\n", "other": "SECRET"}`),
	"a config drive's vendor maps":     configDrive(`{"uuid": "i-1"}`).With("openstack/latest/vendor_data.json", `{"cloud-init": {"cloud-init": "SECRET"}}`),
	"a config drive's vendor lists":    configDrive(`{"uuid": "i-1"}`).With("openstack/latest/vendor_data.json", `["SECRET", ["SECRET"], {"a": "SECRET"}]`),
	"a config drive's file":            configDrive(`{"uuid": "i-1", "files": [{"path": "/etc/hostname/x", "content_path": "/content/0000"}, {"path": "/etc/x", "content_path": "/content/0000"}]}`).With("openstack/content/0000", "SECRET"),
	"a wireless network":               networkSeed("wifis:\n  wlan0: {dhcp4: true, access-points: {home: {password: SECRETx}, away: {auth: {key-management: psk, password: SECRETx}}}}"),
	"a wireless network misread":       networkSeed("wifis:\n  wlan0: {dhcp4: true, access-points: {home: SECRET, away: {password: [SECRET]}, far: {password: \"SECRET\\nx\"}, near: {auth: SECRET}, high: {auth: {key-management: psk, secret: SECRET}}, low: {password: x,SECRET}}}"),
	"a key of WireGuard":               networkSeed("tunnels:\n  wg0: {mode: wireguard, key: SECRET, peers: [{keys: {public: x, shared: SECRET}}, SECRET]}\n  wg1: {mode: wireguard, keys: {private: [SECRET]}}\n  wg2: {mode: wireguard, key: x,SECRET}"),
	"a network that is no YAML":        networkSeed("wifis:\n  wlan0: {access-points: {home: {password: *SECRET}}}"),
}

func cloudConfig(text string) seed.Files {
	return seed.NoCloud("i-1", "#cloud-config\n"+text+"\n")
}

// templates are parts of which each has a mistake near a secret.
func templates(texts ...string) seed.Files {
	var archive strings.Builder
	archive.WriteString("#cloud-config-archive\n")
	for _, text := range texts {
		fmt.Fprintf(&archive, "- %q\n", "## template: jinja\n#cloud-config\npassword: "+text+"\n")
	}
	return seed.NoCloud("i-1", archive.String()).With("meta-data", "instance-id: i-1\nadmin_pass: SECRET\n")
}

func configDrive(metadata string) seed.Files {
	return seed.Files{"openstack/latest/meta_data.json": metadata}
}

func networkSeed(text string) seed.Files {
	return seed.NoCloud("i-1", "").With("network-config", "version: 2\n"+text+"\n")
}

// renderers are enabled by a file of their service.
var renderers = map[string]string{"network-manager": "", "networkd": "system_info: {network: {renderers: [networkd]}}\n"}

func TestASecretIsShownNowhere(t *testing.T) {
	t.Parallel()
	for name, files := range secretSeeds {
		for renderer, setting := range renderers {
			if renderer == "networkd" && files["network-config"] == "" {
				continue
			}
			for _, fails := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, commands fail: %v", name, renderer, fails), func(t *testing.T) {
					t.Parallel()
					g := newGuest(t, secretly(files))
					if setting != "" {
						g.Put(t, "/usr/lib/systemd/system/multi-user.target.wants/systemd-networkd.service", "")
						g.Put(t, "/etc/cloud/cloud.cfg.d/90.cfg", setting)
					}
					g.Put(t, "/etc/hostname", "") // which cannot be a directory
					g.Put(t, "/etc/shadow", "root:*:1::::::\ncloud-user:!:1::::::\nann:!:1::::::\n")
					boots := 1
					if fails {
						boots = 2 // the second takes up what the first could not
						g.Reply("", failLoudly)
					}
					showsNoSecret(t, g, boots)
				})
			}
		}
	}
}

// failLoudly is how a command fails that tells all that it was given.
func failLoudly(c host.Command) host.Result {
	if c.Pass {
		return host.Result{Exit: 1} // what it said is where the user has it go
	}
	said := string(c.Stdin.Reveal())
	return host.Result{Exit: 1, Stdout: said, Stderr: "cannot take " + strings.ReplaceAll(said, "\n", " ") + "\n"}
}

// secretly is a seed with the marker in place of SECRET.
func secretly(files seed.Files) seed.Files {
	out := seed.Files{}
	for path, content := range files {
		out[path] = strings.ReplaceAll(content, "SECRET", marker)
	}
	return out
}

// showsNoSecret boots the guest so often, and looks for the marker in all that anybody
// can see who is not root, and in all that root is told.
func showsNoSecret(t *testing.T, g *guest, boots int) {
	t.Helper()
	var log, journal strings.Builder
	toJournal := func(message string, _ int, fields map[string]string) error {
		_, err := fmt.Fprintln(&journal, message, fields)
		return err
	}
	output := filepath.Join(g.Dir, "var/log/cloud-init-output.log")
	g.Put(t, "/etc/cloud/cloud.cfg.d/91_output.cfg", "output: {all: '>> "+output+"'}\n")
	g.Put(t, "/var/log/.there", "")
	for range boots {
		if err := os.RemoveAll(filepath.Join(g.Dir, state.RunDir)); err != nil {
			t.Fatal(err)
		}
		for _, stage := range state.Stages {
			o := g.options(t)
			o.Log, o.Warnings = bootlog.New(bootlog.Handler{File: &log, Console: &g.console, Journal: toJournal, Level: slog.LevelDebug})
			o.Output = boot.NewOutput(host.New("/", host.Options{}))
			b := boot.New(o)
			errs := b.Run(t.Context(), stage)
			lookFor(t, stage+"'s errors", fmt.Sprint(errs))
			lookFor(t, stage+"'s report", asJSON(t, b.Report()))
		}
	}
	if !strings.Contains(log.String(), "finish: ") || !strings.Contains(journal.String(), "Cloud-init v. ") {
		t.Fatalf("nothing was logged:\n%s\nthe journal:\n%s", log.String(), journal.String())
	}
	lookFor(t, "the log", log.String())
	lookFor(t, "the journal", journal.String())
	lookFor(t, "the host's log", g.Logged())
	said, err := os.ReadFile(output)
	if err != nil || !strings.Contains(string(said), "Cloud-init") && !strings.Contains(string(said), "cloudseed") {
		t.Errorf("the output log holds %q: %v", said, err)
	}
	lookFor(t, "the output log", string(said))
	lookFor(t, "the console", g.console.String())
	for _, e := range g.Effects() {
		lookFor(t, "the change log", asJSON(t, e))
	}
	for _, c := range g.Calls() { // everybody sees them in /proc
		lookFor(t, "a command", c.Line())
	}
	lookInFiles(t, g.Dir)
}

// lookInFiles looks in the names of all files, and in those that everybody may read.
func lookInFiles(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		lookFor(t, "a file's name", path)
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o004 == 0 {
			return err
		}
		data, err := os.ReadFile(path)
		lookFor(t, strings.TrimPrefix(path, dir), string(data))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func asJSON(t *testing.T, x any) string {
	t.Helper()
	data, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func lookFor(t *testing.T, where, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.Contains(line, marker) {
			t.Errorf("in %s: %s", where, line)
		}
	}
}
