package modules

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/test/needs"

	"github.com/google/go-cmp/cmp"
)

func TestAnsible(t *testing.T) {
	t.Parallel()
	const version = "ansible-pull --version"
	for name, row := range map[string]struct {
		config   string
		version  string // 2.14.3 unless another is named
		fails    string // a command that fails
		lines    []string
		installs []string
		reports  string // parts of what is reported, a line each
	}{
		"what is installed is not installed again": {config: "ansible: {package_name: ansible-core, pull: [{url: u, playbook_names: [a.yml, b.yml]}]}\n", lines: []string{version, "ansible-pull --url=u a.yml b.yml"}},
		"options": {
			config: "ansible: {pull: [{url: u, full: true, clean: false, verify_commit: yes, timeout: 5, private_key: /k, playbook_names: [a]}]}\n",
			lines:  []string{version, "ansible-pull --url=u --full --verify-commit --timeout=5 --private-key=/k a"},
		},
		"the older form": {config: "ansible: {pull: {url: u, playbook_name: a}}\n", lines: []string{version, "ansible-pull --url=u a"}, reports: "deprecated since cloud-init 25.2: write a list of mappings\ndeprecated since cloud-init 25.2: use playbook_names"},
		"an old Ansible runs one playbook at a time": {
			config: "ansible: {pull: [{url: u, playbook_names: [a, b]}]}\n", version: "ansible-pull 2.9.27", lines: []string{version, "ansible-pull --url=u a", "ansible-pull --url=u b"},
		},
		"a version that is not understood is an old one": {config: "ansible: {pull: [{url: u, diff: true, playbook_names: [a, b]}]}\n", version: "?", lines: []string{version, "ansible-pull --url=u --diff a", "ansible-pull --url=u --diff b"}},
		"an option that it does not have":                {config: "ansible: {pull: [{url: u, diff: true, playbook_names: [a]}]}\n", version: "ansible-pull 2.6.0", lines: []string{version}, reports: "ansible-pull 2.6 has no option --diff; the repository is skipped"},
		"a repository that fails stops no other": {
			config: "ansible: {pull: [{url: u, playbook_names: [a]}, {url: v, playbook_names: [b]}]}\n", fails: "ansible-pull --url=u",
			lines: []string{version, "ansible-pull --url=u a", "ansible-pull --url=v b"}, reports: "ansible.pull.0: ansible-pull",
		},
		"as a user": {
			config:  "ansible: {run_user: ann, ansible_config: /my cfg, pull: [{url: u, playbook_names: [a b]}]}\n",
			lines:   []string{"su - ann -c env PATH=$PATH 'ANSIBLE_CONFIG=/my cfg' ansible-pull --version", "su - ann -c env PATH=$PATH 'ANSIBLE_CONFIG=/my cfg' ansible-pull --url=u 'a b'"},
			version: "ansible-pull [core 2.14.3]",
		},
		"collections": {config: "ansible: {galaxy: {actions: [[ansible-galaxy, collection, install, a.b], []]}}\n", lines: []string{"ansible-galaxy collection install a.b"}, reports: "ansible.galaxy.actions.1: the action is empty; skipped"},
		"a machine that controls others": {
			config: "ansible: {setup_controller: {repositories: [{source: s, path: /p}], run_ansible: [{playbook_dir: /p, playbook_name: a, check: true, extra_vars: 'x=1'}]}}\n",
			lines:  []string{"git clone s /p", "ansible-playbook a --check --extra-vars=x=1"},
		},
		"by pip, for a user": {
			config: "ansible: {install_method: pip, package_name: ansible-core, run_user: ann}\n",
			lines: []string{
				"su - ann -c env PATH=$PATH /usr/bin/python3 -c 'import site; print(site.getuserbase())'", "/usr/bin/python3 -c import pip",
				"su - ann -c env PATH=$PATH:/home/ann/.local/bin /usr/bin/python3 -m pip list --user",
				"su - ann -c env PATH=$PATH:/home/ann/.local/bin /usr/bin/python3 -m pip install --user --upgrade pip",
				"su - ann -c env PATH=$PATH:/home/ann/.local/bin /usr/bin/python3 -m pip install --user ansible-core",
			},
		},
		"by pip, which is missing": {
			config: "ansible: {install_method: pip}\n", fails: "/usr/bin/python3 -c import pip", installs: []string{"python3-pip"},
			lines: []string{"/usr/bin/python3 -c import pip", "/usr/bin/python3 -m pip list", "/usr/bin/python3 -m pip install --upgrade pip", "/usr/bin/python3 -m pip install ansible"},
		},
		"an unknown option":                {config: "ansible: {pull: [{url: u, playbook_names: [a], chekout: x}]}\n", lines: []string{version, "ansible-pull --url=u a"}, reports: "ansible.pull.0.chekout: unknown key (did you mean checkout?); ignored"},
		"a repository without playbooks":   {config: "ansible: {pull: [{url: u}]}\n", lines: nil, reports: "ansible.pull.0: expected the names of playbooks, none of which begins with \"-\"; skipped"},
		"a repository without a URL":       {config: "ansible: {pull: [{playbook_names: [a]}]}\n", reports: "ansible.pull.0: expected a url; the repository is skipped"},
		"a playbook like an option":        {config: "ansible: {pull: [{url: u, playbook_names: [--become]}]}\n", reports: "none of which begins with \"-\"; skipped"},
		"a package like an option":         {config: "ansible: {package_name: --root=/}\n", reports: `ansible.package_name: "--root=/" begins with "-" or has several lines; ignored`},
		"a user like an option":            {config: "ansible: {run_user: -c}\n", reports: `ansible.run_user: "-c" begins with "-" or has several lines; ignored`},
		"a repository to clone like one":   {config: "ansible: {setup_controller: {repositories: [{source: --upload-pack=x, path: /p}]}}\n", reports: "neither of which begins with \"-\"; the repository is skipped"},
		"a playbook without its directory": {config: "ansible: {setup_controller: {run_ansible: [{playbook_name: a}]}}\n", reports: "expected a playbook_dir; the playbook is skipped"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.config)
			if row.version == "" {
				row.version = "ansible-pull [core 2.14.3]"
			}
			said := func(host.Command) host.Result { return host.Result{Stdout: row.version + "\n"} }
			g.Reply("ansible-pull --version", said)
			g.Reply("su - ann -c env PATH=$PATH 'ANSIBLE_CONFIG=/my cfg' ansible-pull --version", said)
			g.Reply("su - ann -c env PATH=$PATH /usr/bin/python3 -c", func(host.Command) host.Result { return host.Result{Stdout: "/home/ann/.local\n"} })
			if row.fails != "" {
				g.Reply(row.fails, func(host.Command) host.Result { return host.Result{Exit: 1, Stderr: "no"} })
			}
			p := installer(g)
			reports := strings.Join(g.run(t, ansible), "\n")
			for want := range strings.SplitSeq(row.reports, "\n") {
				if !strings.Contains(reports, want) {
					t.Errorf("reports %q, want %q", reports, want)
				}
			}
			if (reports == "") != (row.reports == "") {
				t.Errorf("reports %q", reports)
			}
			if diff := cmp.Diff(row.lines, g.Lines()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(row.installs, p.names()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnsibleIsInstalledWhereItIsMissing(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "ansible: {package_name: ansible-core}\n")
	g.Lacks("ansible")
	p := installer(g)
	err := ansible.Run(t.Context(), g.env)
	if want := "cannot install Ansible: the package ansible-core has no program ansible: the program ansible is not installed"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"ansible-core"}, p.names()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatAnsibleSaysGoesToTheOutput(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "ansible: {pull: [{url: u, playbook_names: [a]}]}\n")
	var output bytes.Buffer
	g.env.Output = &output
	g.Reply("ansible-pull", func(host.Command) host.Result { return host.Result{Stdout: "ok=1\n"} })
	g.clean(t, ansible)
	if got := output.String(); !strings.Contains(got, "ok=1\n") {
		t.Errorf("the output is %q", got)
	}
}

// TestWordsReachAShellWhole has a real shell read them.
func TestWordsReachAShellWhole(t *testing.T) {
	t.Parallel()
	needs.Programs(t, "sh")
	for _, word := range []string{"plain", "two words", "it's", `a"b`, "$HOME", "`id`", "a\\b", "*", "", "a;b", "#x", "~"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+shWord(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q became %q, %v", word, out, err)
		}
	}
}
