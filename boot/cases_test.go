package boot_test

import (
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudseed/boot"
	"cloudseed/host"
	"cloudseed/packaging"
	"cloudseed/state"
	"cloudseed/test/seed"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what the boots of testdata/cases end in into their archives")

// TestSeedsOfPeople boots the seeds of testdata/cases, which have what people write into
// theirs: mistakes that are often made, and unusual ways to say something. An archive's
// comment says in its first line what becomes of the seed. The files below seed/ are the
// seed, those below guest/ are on the machine before. What is below want/ is how the boot
// ends:
//
//	want/report    the status, errors, warnings, and modules that did not succeed
//	want/commands  the commands of the first boot, with their input
//	want/again     those of a second boot, when there are any
//	want/guest/…   the files that the boot of an empty seed does not write in the same way,
//	               below a line with mode and owner, and the directories of users
func TestSeedsOfPeople(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/cases/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases in testdata: %v", err)
	}
	_, usual := bootCase(t, &txtar.Archive{})
	names := map[string]string{}
	for _, file := range cases {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(string(archive.Comment), "\n")
		if names[name] != "" {
			t.Errorf("%s and %s have the same name", names[name], file)
		}
		names[name] = file
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, files := bootCase(t, archive)
			for _, path := range slices.Sorted(maps.Keys(files)) {
				if files[path] != usual[path] {
					got.Files = append(got.Files, txtar.File{Name: "want/guest" + path, Data: []byte(files[path])})
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); diff != "" {
				t.Errorf("%s: the boot ends differently (-want +got):\n%s", file, diff)
			}
		})
	}
}

// bootCase boots a case's seed twice. It returns the case with what came of it, but for
// the machine's files, and these.
func bootCase(t *testing.T, archive *txtar.Archive) (got *txtar.Archive, files map[string]string) {
	t.Helper()
	got = &txtar.Archive{Comment: archive.Comment}
	contents := seed.Files{"meta-data": "instance-id: i-1\nlocal-hostname: vm\n", "user-data": "#cloud-config\n{}\n"}
	machine := map[string]string{
		"/etc/cloud/cloud.cfg": string(packaging.CloudConfig),
		"/etc/passwd":          "root:x:0:0:root:/root:/bin/bash\n", "/etc/shadow": "root:!:20000:0:99999:7:::\n",
		"/etc/group": "root:x:0:\nadm:x:4:\nwheel:x:10:\nsystemd-journal:x:190:\n", "/etc/sudoers": "#includedir /etc/sudoers.d\n",
		"/etc/ssh/sshd_config": "", "/bin/bash": "", "/usr/share/zoneinfo/Etc/UTC": "",
	}
	for _, f := range archive.Files {
		switch top, path, _ := strings.Cut(f.Name, "/"); top {
		case "want":
			continue
		case "guest":
			machine["/"+path] = string(f.Data)
		case "seed":
			if strings.HasPrefix(path, "openstack/") {
				delete(contents, "meta-data")
				delete(contents, "user-data")
			}
			contents[path] = string(f.Data)
		default:
			t.Fatalf("a case has no file %s", f.Name)
		}
		got.Files = append(got.Files, f)
	}
	g := newGuest(t, contents)
	for path, content := range machine {
		g.Put(t, path, content)
	}
	nics := ethernets(macOne, macTwo)
	g.devices = nics.devices()
	g.follow(nics)
	g.makesAccounts(t)
	g.Answer("subscription-manager identity", host.Result{Exit: 1, Stderr: "This system is not yet registered.\n"}, nil)

	want := func(name, text string) {
		if text != "" {
			got.Files = append(got.Files, txtar.File{Name: "want/" + name, Data: []byte(text)})
		}
	}
	report := g.boot(t)
	want("report", g.described(t, report))
	files = g.changed(t, machine)
	first := g.commands()
	want("commands", strings.Join(first, ""))
	g.boot(t)
	want("again", strings.Join(g.commands()[len(first):], ""))
	return got, files
}

// makesAccounts makes the programs for accounts enter what they create and set.
func (g *guest) makesAccounts(t *testing.T) {
	t.Helper()
	next := 2000
	enter := func(file, line string) { g.Put(t, file, g.Text(t, file)+line+"\n") }
	password := func(name string, change func(old string) string) {
		lines := strings.SplitAfter(g.Text(t, "/etc/shadow"), "\n")
		for i, line := range lines {
			if fields := strings.SplitN(line, ":", 3); fields[0] == name {
				lines[i] = name + ":" + change(fields[1]) + ":" + fields[2]
			}
		}
		g.Put(t, "/etc/shadow", strings.Join(lines, ""))
	}
	g.On("useradd", func(c host.Command) {
		next++
		name := c.Argv[1]
		enter("/etc/passwd", fmt.Sprintf("%s:x:%d:%d::/home/%s:/bin/bash", name, next, next, name))
		enter("/etc/group", fmt.Sprintf("%s:x:%d:", name, next))
		enter("/etc/shadow", name+":!!:20000:0:99999:7:::")
		if slices.Contains(c.Argv, "-M") {
			return
		}
		if err := os.MkdirAll(filepath.Join(g.Dir, "home", name), 0o755); err != nil {
			t.Error(err)
		}
		g.Give("/home/"+name, next, next)
	})
	g.On("groupadd", func(c host.Command) {
		next++
		enter("/etc/group", fmt.Sprintf("%s:x:%d:", c.Argv[1], next))
	})
	g.On("chpasswd", func(c host.Command) {
		for line := range strings.Lines(string(c.Stdin.Reveal())) {
			name, hash, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
			if len(c.Argv) == 1 {
				hash = "$y$" + name
			}
			password(name, func(string) string { return hash })
		}
	})
	g.On("passwd -l", func(c host.Command) { password(c.Argv[2], func(old string) string { return "!" + old }) })
}

// described is a report in words, a line each.
func (g *guest) described(t *testing.T, r boot.Report) string {
	t.Helper()
	o, err := state.New(g.Host).Overall("")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "status: %s", o.Word)
	if o.Degraded {
		text.WriteString(", degraded")
	}
	text.WriteString("\n")
	for _, m := range r.Errors {
		fmt.Fprintf(&text, "error: %s\n", m)
	}
	for _, m := range r.Warnings {
		fmt.Fprintf(&text, "warning: %s\n", m)
	}
	for _, m := range r.Modules {
		switch m.Result {
		case boot.ResultOK, boot.ResultNoConfig, boot.ResultAlreadyRun:
		default:
			fmt.Fprintf(&text, "%s: %s\n", m.Name, m.Result)
		}
	}
	return text.String()
}

// commands are the commands so far, each with its input in the lines below; keys of the
// host are of no interest here.
func (g *guest) commands() []string {
	var lines []string
	for _, c := range g.Calls() {
		if c.Argv[0] == "ssh-keygen" {
			continue
		}
		text := strings.ReplaceAll(fmt.Sprintf("%q", c.Argv), g.Dir, "") + "\n"
		for line := range strings.Lines(c.Stdin) {
			text += "\t" + strings.TrimSuffix(line, "\n") + "\n"
		}
		lines = append(lines, text)
	}
	return lines
}

// changed are the machine's files that differ from what they were, with mode and owner;
// the agent's own state and the host's keys are not among them, but scripts are.
func (g *guest) changed(t *testing.T, before map[string]string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(g.Dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path := strings.TrimPrefix(at, g.Dir)
		switch {
		case d.IsDir() && slices.Contains([]string{"/run", "/var/log", "/usr/lib/systemd", "/var/lib/cloud/instance", "/var/lib/cloud/sem", "/var/lib/cloud/data", "/var/lib/cloud/handlers"}, path):
			return fs.SkipDir
		case d.IsDir() && strings.HasPrefix(path, "/var/lib/cloud/instances/") && strings.Count(path, "/") == 6 && d.Name() != "scripts":
			return fs.SkipDir
		case d.IsDir() && g.Owner(path) != "" && g.Owner(path) != "0:0":
			path += "/"
		case d.IsDir(), strings.HasPrefix(path, "/var/lib/cloud/") && !strings.Contains(path, "/scripts/"), strings.HasPrefix(d.Name(), "ssh_host_"),
			slices.Contains([]string{"/etc/passwd", "/etc/group", "/etc/shadow"}, path):
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var content string
		switch {
		case d.IsDir():
		case d.Type()&fs.ModeSymlink != 0:
			if content, err = os.Readlink(at); err != nil {
				return err
			}
			content = "-> " + strings.TrimPrefix(content, g.Dir) + "\n"
		default:
			data, err := os.ReadFile(at)
			if err != nil {
				return err
			}
			content = string(data)
			if was, ok := before[path]; ok && was == content && g.Owner(path) == "" && info.Mode() == 0o644 {
				return nil
			}
		}
		owner := g.Owner(strings.TrimSuffix(path, "/"))
		if owner == "" {
			owner = "0:0"
		}
		files[path] = fmt.Sprintf("%#o %s\n%s", info.Mode().Perm()|modeBits(info.Mode()), owner, content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// modeBits are the bits of a mode above its permissions, as chmod(1) counts them.
func modeBits(mode fs.FileMode) fs.FileMode {
	var bits fs.FileMode
	for bit, octal := range map[fs.FileMode]fs.FileMode{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if mode&bit != 0 {
			bits |= octal
		}
	}
	return bits
}
