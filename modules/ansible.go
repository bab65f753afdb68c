package modules

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/state"
)

type ansibleKeys struct {
	Ansible struct {
		Method     string        `key:"install_method" enum:"distro|pip" default:"distro" doc:"distro: by the system's packages; pip: by Python's."`
		Package    string        `key:"package_name" default:"ansible" doc:"The package."`
		User       string        `key:"run_user" doc:"The user who runs Ansible, and for whom pip installs it; otherwise root."`
		Config     string        `key:"ansible_config" doc:"The file of Ansible's configuration (ANSIBLE_CONFIG)."`
		Pull       *config.Value `key:"pull" takes:"list(map(anything))|map(anything)" doc:"Repositories to pull: url, playbook_names, and options of ansible-pull with underscores."`
		Galaxy     ansibleGalaxy `key:"galaxy" doc:"Collections and roles."`
		Controller struct {
			Repositories []ansibleRepository `key:"repositories" doc:"Repositories to clone."`
			Run          *config.Value       `key:"run_ansible" takes:"list(map(anything))" doc:"Playbooks to run: playbook_dir, playbook_name, and options of ansible-playbook with underscores."`
		} `key:"setup_controller" doc:"What makes this machine one that controls others."`
	} `key:"ansible" doc:"Ansible, which configures this machine by playbooks or is set up on it."`

	pulls, runs []ansibleRun
}

type ansibleGalaxy struct {
	Actions [][]string `key:"actions" doc:"Commands, each a list: [ansible-galaxy, collection, install, NAME]."`
}

type ansibleRepository struct {
	Source string `key:"source" doc:"The URL."`
	Path   string `key:"path" doc:"The directory."`
}

// ansibleRun is a call of ansible-pull or ansible-playbook.
type ansibleRun struct {
	at        config.Cursor
	options   []string
	playbooks []string
	dir       string
}

var ansible = Of[ansibleKeys]{
	Name:      "ansible",
	Stage:     FinalStage,
	Frequency: state.PerInstance,
	ActiveIf:  []string{"ansible"},
	Doc: "Installs Ansible where it is missing, by the system's packages or by pip, and has it pull playbooks, install collections, " +
		"or clone repositories and run playbooks for other machines. Each is tried, whatever became of the one before.",
	Example: "ansible:\n  package_name: ansible-core\n  pull:\n    - url: https://git.example.com/site.git\n      playbook_names: [web.yml]\n      full: true\n",
	Check:   checkAnsible,
	Run:     runAnsible,
}.Module()

// Options that playbooks' repositories and playbooks may have, by cloud-init's schema.
const (
	ansiblePullOptions = "accept_host_key clean full diff ssh_common_args scp_extra_args sftp_extra_args private_key checkout module_path timeout url connection " +
		"vault_id vault_password_file verify_commit inventory module_name sleep tags skip_tags playbook_name playbook_names"
	ansibleRunOptions = "playbook_name playbook_dir become_password_file connection_password_file list_hosts syntax_check timeout vault_id vault_password_file " +
		"background check diff module_path poll args extra_vars forks inventory scp_extra_args sftp_extra_args private_key connection module_name sleep tags skip_tags"
)

// checkAnsible reads what is to be run.
//
// Difference from cloud-init: a repository or playbook that lacks something is skipped, and the
// others are run; there the module fails. install_method and package_name have defaults.
func checkAnsible(e *Env, keys *ansibleKeys) {
	a, at := &keys.Ansible, e.At("ansible")
	for _, word := range []struct {
		key   string
		value *string
	}{{"package_name", &a.Package}, {"run_user", &a.User}, {"ansible_config", &a.Config}} {
		if strings.HasPrefix(*word.value, "-") || strings.ContainsAny(*word.value, "\n\r\x00") {
			at.Get(word.key).Errorf("%q begins with \"-\" or has several lines; ignored", *word.value)
			*word.value = ""
		}
	}
	if a.Package == "" {
		a.Package = "ansible"
	}
	keys.pulls, keys.runs = nil, nil
	pulls := at.Get("pull").Items()
	if at.Get("pull").Kind() == config.Map {
		at.Get("pull").Deprecatedf("a mapping is deprecated since cloud-init 25.2: write a list of mappings")
		pulls = []config.Cursor{at.Get("pull")}
	}
	for _, item := range pulls {
		run, ok := readAnsibleRun(item, ansiblePullOptions)
		if ok && item.Get("url").Text() == "" {
			item.Errorf("expected a url; the repository is skipped")
			ok = false
		}
		if ok {
			keys.pulls = append(keys.pulls, run)
		}
	}
	for _, item := range at.Path("setup_controller.run_ansible").Items() {
		run, ok := readAnsibleRun(item, ansibleRunOptions)
		if run.dir = item.Get("playbook_dir").Text(); ok && run.dir == "" {
			item.Errorf("expected a playbook_dir; the playbook is skipped")
			ok = false
		}
		if ok {
			keys.runs = append(keys.runs, run)
		}
	}
	for i, r := range a.Controller.Repositories {
		if r.Source == "" || r.Path == "" || strings.HasPrefix(r.Source, "-") || strings.HasPrefix(r.Path, "-") {
			at.Path("setup_controller.repositories").Items()[i].Errorf("expected a source and a path, neither of which begins with \"-\"; the repository is skipped")
			a.Controller.Repositories[i] = ansibleRepository{}
		}
	}
}

// readAnsibleRun reads the playbooks and the options of one call. A boolean is a flag.
func readAnsibleRun(item config.Cursor, known string) (ansibleRun, bool) {
	run, words := ansibleRun{at: item}, strings.Fields(known)
	for _, entry := range item.Entries() {
		value := entry.Value
		is, isBool := config.AsBool(value.Value())
		switch {
		case !slices.Contains(words, entry.Key):
			value.Warnf("unknown key%s; ignored", config.DidYouMean(entry.Key, words))
		case entry.Key == "playbook_dir":
		case entry.Key == "playbook_name":
			if slices.Contains(words, "playbook_names") {
				value.Deprecatedf("deprecated since cloud-init 25.2: use playbook_names")
			}
			run.playbooks = append(run.playbooks, value.Text())
		case entry.Key == "playbook_names":
			for _, name := range value.Items() {
				run.playbooks = append(run.playbooks, name.Text())
			}
		case value.Kind() == config.List || value.Kind() == config.Map:
			value.Errorf("expected a string or a boolean, got %s; ignored", config.KindInWords(value.Value()))
		case isBool && is:
			run.options = append(run.options, "--"+strings.ReplaceAll(entry.Key, "_", "-"))
		case isBool || value.IsNull():
		default:
			run.options = append(run.options, "--"+strings.ReplaceAll(entry.Key, "_", "-")+"="+value.Value().PyStr())
		}
	}
	if len(run.playbooks) == 0 || slices.ContainsFunc(run.playbooks, func(name string) bool { return name == "" || strings.HasPrefix(name, "-") }) {
		item.Errorf("expected the names of playbooks, none of which begins with \"-\"; skipped")
		return run, false
	}
	return run, true
}

func runAnsible(ctx context.Context, e *Env, keys *ansibleKeys) error {
	a := keys.Ansible
	if !e.Host.Runs() {
		e.skip(e.At("ansible"), "an image is not configured by Ansible; each machine that boots it is")
		return nil
	}
	as := ansibleUser{e: e, name: a.User, config: a.Config}
	if err := as.install(ctx, a.Method, a.Package); err != nil {
		return fmt.Errorf("cannot install Ansible: %w", err)
	}
	for i, action := range a.Galaxy.Actions {
		at := e.At("ansible.galaxy.actions").Items()[i]
		if len(action) == 0 {
			at.Warnf("the action is empty; skipped")
			continue
		}
		_, err := as.run(ctx, "", action...)
		at.Fail(err)
	}
	as.pull(ctx, keys.pulls)
	for i, r := range a.Controller.Repositories {
		if r.Source == "" {
			continue
		}
		_, err := as.run(ctx, "", "git", "clone", r.Source, r.Path)
		e.At("ansible.setup_controller.repositories").Items()[i].Fail(err)
	}
	for _, run := range keys.runs {
		_, err := as.run(ctx, run.dir, slices.Concat([]string{"ansible-playbook", run.playbooks[0]}, run.options)...)
		run.at.Fail(err)
	}
	return nil
}

// ansibleUser is who runs Ansible.
type ansibleUser struct {
	e      *Env
	name   string // "": root
	config string
	bin    string // where pip installed programs for this user; "": nowhere else
}

// run runs a command as the user, by su as cloud-init has it: with the user's own login and the
// search path of this program.
//
// Difference from cloud-init: ANSIBLE_CONFIG reaches the command of a user too.
func (u ansibleUser) run(ctx context.Context, dir string, argv ...string) (host.Result, error) {
	var env []string
	if u.config != "" {
		env = append(env, "ANSIBLE_CONFIG="+u.config)
	}
	command := host.Command{Argv: argv, Dir: dir, Env: append(env, "HOME=/root"), Timeout: host.NoTimeout}
	if u.name != "" {
		line := "env PATH=$PATH"
		if u.bin != "" {
			line += ":" + shWord(u.bin)
		}
		for _, word := range append(env, argv...) {
			line += " " + shWord(word)
		}
		if dir != "" {
			line = "cd " + shWord(dir) + " && " + line
		}
		command = host.Command{Argv: []string{"su", "-", u.name, "-c", line}, Timeout: host.NoTimeout}
	}
	result, err := u.e.Host.Run(ctx, command)
	if out := result.Stdout + result.Stderr; out != "" && u.e.Output != nil {
		if _, err := u.e.Output.Write([]byte(out)); err != nil {
			u.e.Log.Debug("cannot write what Ansible says: " + err.Error())
		}
	}
	return result, err
}

// shSafe are words that a shell takes as they are, as Python's shlex.quote has it.
var shSafe = pattern(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shWord is a word for a shell.
func shWord(word string) string {
	if shSafe().MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'"'"'`) + "'"
}

// install installs Ansible where it is missing.
func (u *ansibleUser) install(ctx context.Context, method, name string) error {
	if method == "pip" {
		return u.installByPip(ctx, name)
	}
	if _, err := u.e.Host.LookPath("ansible"); err == nil {
		return nil
	}
	if err := u.e.install(ctx, name); err != nil {
		return err
	}
	if _, err := u.e.Host.LookPath("ansible"); err != nil {
		return fmt.Errorf("the package %s has no program ansible: %w", name, err)
	}
	return nil
}

// installByPip installs Ansible by pip, which it installs first where that is missing.
func (u *ansibleUser) installByPip(ctx context.Context, name string) error {
	const python = "/usr/bin/python3"
	if u.name != "" {
		base, err := u.run(ctx, "", python, "-c", "import site; print(site.getuserbase())")
		if err != nil {
			return err
		}
		if dir := strings.TrimSpace(base.Stdout); path.IsAbs(dir) {
			u.bin = path.Join(dir, "bin")
		}
	}
	if _, err := u.e.Host.Run(ctx, host.Command{Argv: []string{python, "-c", "import pip"}, Quiet: true}); err != nil {
		if err := u.e.install(ctx, "python3-pip"); err != nil {
			return err
		}
	}
	list, install := []string{python, "-m", "pip", "list"}, []string{python, "-m", "pip", "install"}
	if marks, err := u.e.Host.Glob("/usr/lib/python3*/EXTERNALLY-MANAGED"); err == nil && len(marks) > 0 {
		install = append(install, "--break-system-packages") // PEP 668
	}
	if u.name != "" {
		list, install = append(list, "--user"), append(install, "--user")
	}
	if there, err := u.run(ctx, "", list...); err != nil || strings.Contains(there.Stdout, "ansible") {
		return err
	}
	if _, err := u.run(ctx, "", append(slices.Clone(install), "--upgrade", "pip")...); err != nil {
		u.e.Log.Info("pip was not upgraded: " + err.Error()) // the one that there is may do
	}
	_, err := u.run(ctx, "", append(install, name)...)
	return err
}

// pull pulls the repositories, one after the other.
func (u *ansibleUser) pull(ctx context.Context, pulls []ansibleRun) {
	if len(pulls) == 0 {
		return
	}
	version, err := u.run(ctx, "", "ansible-pull", "--version")
	if err != nil {
		pulls[0].at.Fail(fmt.Errorf("cannot ask for its version, and nothing is pulled: %w", err))
		return
	}
	major, minor := ansibleVersion(version.Stdout)
	for _, p := range pulls {
		if slices.Contains(p.options, "--diff") && major > 0 && (major < 2 || major == 2 && minor < 7) {
			p.at.Get("diff").Errorf("ansible-pull %d.%d has no option --diff; the repository is skipped", major, minor)
			continue
		}
		calls := [][]string{p.playbooks}
		if major < 2 || major == 2 && minor < 12 { // before, it ran the first playbook alone
			calls = slices.Collect(slices.Chunk(p.playbooks, 1))
		}
		var errs []error
		for _, playbooks := range calls {
			_, err := u.run(ctx, "", slices.Concat([]string{"ansible-pull"}, p.options, playbooks)...)
			errs = append(errs, err)
		}
		p.at.Fail(errors.Join(errs...))
	}
}

// ansibleVersion is the version that "ansible-pull [core 2.14.3]" names; 0.0 if it names none.
func ansibleVersion(said string) (major, minor int) {
	m := regexp.MustCompile(`(\d+)\.(\d+)`).FindStringSubmatch(strings.SplitN(said, "\n", 2)[0])
	if m == nil {
		return 0, 0
	}
	major, _ = strconv.Atoi(m[1]) // digits alone
	minor, _ = strconv.Atoi(m[2])
	return major, minor
}
