package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudseed/test/needs"
)

// The documentation's pages are run. What a block is says its first line:
//
//	```yaml NAME       a file of that name (any language); cloud-config must be right
//	```console         a session: what is after "$ " is run and succeeds, the lines after it
//	                   are what it prints; "..." stands for any text or lines, and a command
//	                   without lines may print anything
//	```console guest   the same on a guest that was booted with the page's file guest.yaml,
//	                   or, where there is none, with user.yaml
//	```sh host         commands for the machine of a producer of seeds or a builder of images,
//	                   which are not here: stand-ins take them, and the files have to exist
//
// Blocks of other kinds show something and are not run.
const pagesDir = "../../docs"

// elsewhere are programs of producers and builders that stand-ins are run for.
var elsewhere = []string{
	"ansible-playbook", "dd", "dnf", "journalctl", "kubectl", "make", "openstack", "packer", "podman", "qm", "rpm",
	"systemctl", "terraform", "virt-customize", "virt-install", "virt-sysprep",
}

// block is one fenced block of a page.
type block struct {
	line       int
	kind, name string
	text       string
}

var fence = regexp.MustCompile("(?ms)^```([a-z]+)? *([^\n]*)\n(.*?)^```$")

func blocks(page string) []block {
	var all []block
	for _, at := range fence.FindAllStringSubmatchIndex(page, -1) {
		part := func(i int) string {
			if at[2*i] < 0 {
				return ""
			}
			return page[at[2*i]:at[2*i+1]]
		}
		all = append(all, block{strings.Count(page[:at[0]], "\n") + 1, part(1), part(2), part(3)})
	}
	return all
}

func TestPages(t *testing.T) {
	t.Parallel()
	needs.Root(t)
	needs.Programs(t, "useradd", "ssh-keygen") // for what "try" shows
	pages := []string{"../../README.md"}
	for _, pattern := range []string{"/*.md", "/quickstart/*.md"} {
		more, err := filepath.Glob(pagesDir + pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, more...)
	}
	for _, name := range pages {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := blocks(string(data)); slices.ContainsFunc(found, func(b block) bool { return b.name != "" || b.kind == "console" }) {
			t.Run(strings.TrimSuffix(filepath.Base(name), ".md"), func(t *testing.T) {
				t.Parallel()
				runPage(t, found)
			})
		}
	}
}

// runPage writes the files of a page into a directory and runs its sessions there.
func runPage(t *testing.T, found []block) {
	p := &page{t: t, dir: t.TempDir(), bin: t.TempDir(), root: t.TempDir()}
	for _, b := range found {
		if b.name == "" || b.name == "guest" || b.name == "host" {
			continue
		}
		if err := os.WriteFile(filepath.Join(p.dir, b.name), []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.programs()
	for _, b := range found {
		switch {
		case b.kind == "console" && b.name == "guest":
			p.boot()
			p.session(b)
		case b.kind == "console":
			p.session(b)
		case b.kind == "sh" && b.name == "host":
			p.elsewhere(b)
		case strings.HasPrefix(b.text, "#cloud-config\n") && !strings.HasPrefix(b.name, "guest"):
			p.check(b)
		}
	}
}

// page is a page that is run.
type page struct {
	t              *testing.T
	dir, bin, root string
	booted         bool
}

// programs makes the directory of programs: cloudseed, which is about the guest of the page
// where a command is about a guest, and the stand-ins.
func (p *page) programs() {
	program, err := exec.LookPath("cloudseed")
	if err != nil {
		p.t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\ncase \"$1\" in try|seed|schema|userdata|devel|--version) exec %s \"$@\";; *) exec %[1]s --root %s \"$@\";; esac\n", program, p.root)
	write := func(name, script string) {
		if err := os.WriteFile(filepath.Join(p.bin, name), []byte(script), 0o755); err != nil {
			p.t.Fatal(err)
		}
	}
	write("cloudseed", script)
	write("cloud-init", script)
	write("sudo", "#!/bin/sh\nexec \"$@\"\n")
	for _, name := range elsewhere {
		write(name, "#!/bin/sh\nexit 0\n")
	}
}

func (p *page) run(script string) (string, error) {
	cmd := exec.CommandContext(p.t.Context(), "sh", "-c", script)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "PATH="+p.bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// session runs the commands of a block and compares what they print.
func (p *page) session(b block) {
	for i, part := range strings.Split("\n"+b.text, "\n$ ") {
		if i == 0 {
			if strings.TrimSpace(part) != "" {
				p.t.Errorf("line %d: a session begins with a command", b.line)
			}
			continue
		}
		command, want, _ := strings.Cut(strings.ReplaceAll(part, "\\\n", ""), "\n")
		got, err := p.run(command)
		if err != nil {
			p.t.Errorf("line %d: %s: %v\n%s", b.line, command, err, got)
			continue
		}
		want = strings.TrimSpace(want)
		// A line of "..." stands for no line too.
		pattern := strings.NewReplacer("\\.\\.\\.\n", ".*", "\n\\.\\.\\.", ".*", "\\.\\.\\.", ".*").Replace(regexp.QuoteMeta(want))
		if want != "" && !regexp.MustCompile(`(?s)^`+pattern+`$`).MatchString(strings.TrimSpace(got)) {
			p.t.Errorf("line %d: %s\nprints\n%s\nand not\n%s", b.line, command, got, want)
		}
	}
}

// elsewhere runs commands with stand-ins; the files of ours that they name have to exist.
func (p *page) elsewhere(b block) {
	if out, err := p.run("set -e; cp() { test -e \"$1\"; }\n" + b.text); err != nil {
		p.t.Errorf("line %d: %v: %s", b.line, err, out)
	}
	for _, name := range regexp.MustCompile(`\b(user\.yaml|seed\.iso|web1\.yaml)\b`).FindAllString(b.text, -1) {
		if strings.Contains(b.text, "/"+name) {
			continue
		}
		if _, err := os.Stat(filepath.Join(p.dir, name)); err != nil {
			p.t.Errorf("line %d: %v", b.line, err)
		}
	}
}

func (p *page) check(b block) {
	if out, err := p.run("cloudseed schema -c " + b.name); b.name != "" && err != nil {
		p.t.Errorf("line %d: %s: %v: %s", b.line, b.name, err, out)
	}
}

// boot boots the guest of the page once: a root with nothing in it but what the modules
// that are named here want.
func (p *page) boot() {
	if p.booted {
		return
	}
	p.booted = true
	data, err := os.ReadFile(filepath.Join(p.dir, "guest.yaml"))
	if err != nil {
		data, err = os.ReadFile(filepath.Join(p.dir, "user.yaml"))
	}
	if err != nil {
		data = []byte("#cloud-config\n{}\n")
	}
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\n",
		"usr/share/zoneinfo/Europe/Berlin":       "TZif",
		"etc/cloud/cloud.cfg":                    "network: {config: disabled}\ncloud_init_modules: [write_files, set_hostname]\ncloud_config_modules: [timezone]\ncloud_final_modules: [final_message]\n",
		"var/lib/cloud/seed/nocloud/user-data":   string(data),
		"var/lib/cloud/seed/nocloud/meta-data":   "instance-id: web1\nlocal-hostname: web1\ndsmode: local\n",
		"var/lib/cloud/seed/nocloud/vendor-data": "",
	} {
		path := filepath.Join(p.root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			p.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	for _, stage := range []string{"init --local", "init", "modules --mode config", "modules --mode final"} {
		// A page may be about a boot that failed: what its sessions print tells.
		if out, err := p.run("cloudseed " + stage + " </dev/null"); err != nil {
			p.t.Logf("%s: %v: %s", stage, err, out)
		}
	}
}
