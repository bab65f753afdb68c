package packages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudseed/host"
	"cloudseed/host/hosttest"
)

// has makes a machine with one package manager.
func has(t *testing.T, tool string) *hosttest.Machine {
	t.Helper()
	m := hosttest.New(t)
	switch tool {
	case "dnf 4":
		link(t, m, "dnf-3", "/usr/bin/dnf")
	case "dnf5 as dnf":
		link(t, m, "dnf5", "/usr/bin/dnf")
	case "dnf5":
		m.Lacks("dnf")
	case "yum":
		m.Lacks("dnf", "dnf5")
	case "apt":
		m.Lacks("dnf", "dnf5", "yum")
	default:
		m.Lacks("dnf", "dnf5", "yum", "apt-get")
	}
	return m
}

func link(t *testing.T, m *hosttest.Machine, target, path string) {
	t.Helper()
	at := filepath.Join(m.Dir, path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, at); err != nil {
		t.Fatal(err)
	}
}

// manager is the machine's, with waits that only are noted.
func manager(m *hosttest.Machine, said *[]string, waits *[]time.Duration) *guest {
	return &guest{
		host: m.Host, lockWait: lockWait, progress: func(line string) { *said = append(*said, line) },
		sleep: func(_ context.Context, d time.Duration) error { *waits = append(*waits, d); return nil },
	}
}

func TestEachToolIsCalledInItsOwnWay(t *testing.T) {
	t.Parallel()
	const ask = "rpm -q httpd vim-9.1-1"
	for tool, want := range map[string][]string{
		"dnf 4":       {"dnf -y --setopt=exit_on_lock=1 makecache", "dnf -y --setopt=exit_on_lock=1 upgrade", "dnf -y --setopt=exit_on_lock=1 --setopt=strict=0 install httpd vim-2:9.1-1", ask, "dnf needs-restarting -r"},
		"dnf5 as dnf": {"dnf -y makecache", "dnf -y upgrade", "dnf -y install --skip-unavailable --skip-broken httpd vim-2:9.1-1", ask, "dnf needs-restarting"},
		"dnf5":        {"dnf5 -y makecache", "dnf5 -y upgrade", "dnf5 -y install --skip-unavailable --skip-broken httpd vim-2:9.1-1", ask, "dnf5 needs-restarting"},
		"yum":         {"yum -t -y --setopt=exit_on_lock=1 makecache", "yum -t -y --setopt=exit_on_lock=1 upgrade", "yum -t -y --setopt=exit_on_lock=1 --setopt=skip_missing_names_on_install=1 install httpd vim-2:9.1-1", ask, "needs-restarting -r"},
		"apt":         {"apt-get --option=Dpkg::Options::=--force-confold --assume-yes --quiet update", "apt-get --option=Dpkg::Options::=--force-confold --assume-yes --quiet dist-upgrade", "apt-get --option=Dpkg::Options::=--force-confold --assume-yes --quiet install httpd vim=2:9.1-1"},
	} {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			m := has(t, tool)
			g := Of(m.Host, nil)
			missing, err := g.Install(t.Context(), []Spec{{Name: "httpd"}, {"vim", "2:9.1-1"}})
			if err != nil || missing != nil {
				t.Errorf("missing %v, %v", missing, err)
			}
			installed := m.Lines()
			if err := errors.Join(g.Refresh(t.Context()), g.Upgrade(t.Context())); err != nil {
				t.Error(err)
			}
			if why, err := g.NeedsReboot(t.Context()); why != "" || err != nil {
				t.Errorf("a reboot: %q, %v", why, err)
			}
			rest := m.Lines()[len(installed):]
			got := append(append(append([]string{}, rest[:2]...), installed...), rest[2:]...)
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("it runs\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestInstallSaysWhichNamesAreMissing(t *testing.T) {
	t.Parallel()
	fails := func(stderr string) host.Result { return host.Result{Exit: 1, Stderr: stderr} }
	for name, test := range map[string]struct {
		tool    string
		specs   []Spec
		answers map[string]host.Result
		missing string
		err     string
		runs    int // how many commands of the tool itself
	}{
		"dnf 4 names one":     {tool: "dnf 4", specs: []Spec{{Name: "a"}, {Name: "b"}}, answers: map[string]host.Result{"dnf": {Stderr: "No match for argument: b\n"}}, missing: "[b]", runs: 1},
		"dnf5 names one":      {tool: "dnf5", specs: []Spec{{Name: "a"}, {Name: "b"}}, answers: map[string]host.Result{"dnf5": {Stderr: "No match for argument: b\n"}}, missing: "[b]", runs: 1},
		"a version is named":  {tool: "dnf 4", specs: []Spec{{"a", "7"}}, answers: map[string]host.Result{"dnf": {Stderr: "No match for argument: a-7\n"}}, missing: "[a 7]", runs: 1},
		"yum has nothing":     {tool: "yum", specs: []Spec{{Name: "a"}}, answers: map[string]host.Result{"yum": fails("No package a available.\nError: Nothing to do\n")}, missing: "[a]", runs: 1},
		"yum fails otherwise": {tool: "yum", specs: []Spec{{Name: "a"}}, answers: map[string]host.Result{"yum": fails("Error: disk full\nyou could try\n")}, missing: "[]", err: "cannot install packages: yum failed with exit code 1: Error: disk full", runs: 1},
		"apt is asked again without those it names": {
			tool: "apt", specs: []Spec{{Name: "a"}, {Name: "b"}, {"c", "3"}},
			answers: map[string]host.Result{
				"apt-get": {}, "apt-get --option=Dpkg::Options::=--force-confold --assume-yes --quiet install a b": fails("E: Unable to locate package b\nE: Version '3' for 'c' was not found\n"),
			},
			missing: "[b c 3]", runs: 2,
		},
		"rpm knows of one that was skipped": {
			tool: "dnf 4", specs: []Spec{{Name: "a"}, {Name: "b"}},
			answers: map[string]host.Result{"rpm -q a b": {Exit: 1}, "rpm -q b": {Exit: 1}, "rpm -q --whatprovides b": {Exit: 1}},
			missing: "[b]", runs: 1,
		},
		"what another package provides is there": {
			tool: "dnf 4", specs: []Spec{{Name: "webserver"}},
			answers: map[string]host.Result{"rpm -q webserver": {Exit: 1}}, missing: "[]", runs: 1,
		},
		"rpm cannot tell of groups, patterns and files": {
			tool: "dnf 4", specs: []Spec{{Name: "@base"}, {Name: "vim-*"}, {Name: "https://h/a.rpm"}, {Name: "/a.rpm"}},
			answers: map[string]host.Result{"rpm": {Exit: 1}}, missing: "[]", runs: 1,
		},
		"a name that begins with a dash is refused": {tool: "dnf 4", specs: []Spec{{Name: "a"}, {Name: "--installroot=/x"}}, missing: "[]", err: `cannot install packages: "--installroot=/x" begins with "-"`},
		"a version that does, too":                  {tool: "dnf 4", specs: []Spec{{"a", "-1"}}, missing: "[]", err: `cannot install packages: "-1" begins with "-"`},
		"a newline is refused":                      {tool: "dnf 4", specs: []Spec{{Name: "a\nb"}}, missing: "[]", err: `cannot install packages: "a\nb" holds a control character`},
		"an empty name is refused":                  {tool: "dnf 4", specs: []Spec{{}}, missing: "[]", err: "cannot install packages: the name is empty"},
		"no package is nothing to do":               {tool: "dnf 4", missing: "[]"},
		"there is no tool":                          {tool: "none", specs: []Spec{{Name: "a"}}, missing: "[]", err: "cannot install packages: " + ErrNoTool.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := has(t, test.tool)
			for prefix, answer := range test.answers {
				m.Answer(prefix, answer, nil) // Host.Run makes an exit code an error
			}
			missing, err := Of(m.Host, nil).Install(t.Context(), test.specs)
			if fmt.Sprint(missing) != test.missing || message(err) != test.err {
				t.Errorf("missing %v, want %s; error %q, want %q", missing, test.missing, message(err), test.err)
			}
			runs := 0
			for _, line := range m.Lines() {
				if !strings.HasPrefix(line, "rpm ") {
					runs++
				}
			}
			if runs != test.runs {
				t.Errorf("it ran %q", m.Lines())
			}
		})
	}
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestAGuestInImageModeIsRefusedBeforeAnythingRuns(t *testing.T) {
	t.Parallel()
	for _, mark := range []string{"/run/ostree-booted", "/sysroot/ostree/repo/config"} {
		m := has(t, "dnf 4")
		m.Put(t, mark, "")
		g := Of(m.Host, nil)
		_, err := g.Install(t.Context(), []Spec{{Name: "a"}})
		_, reboot := g.NeedsReboot(t.Context())
		for _, err := range []error{err, g.Refresh(t.Context()), g.Upgrade(t.Context()), reboot} {
			if !errors.Is(err, ErrImageMode) {
				t.Errorf("%s: %v", mark, err)
			}
		}
		if lines := m.Lines(); len(lines) > 0 {
			t.Errorf("%s: it ran %q", mark, lines)
		}
	}
}

func TestWaitsHaveAnEnd(t *testing.T) {
	t.Parallel()
	dead := host.Result{Exit: 1, Stderr: "Error: Failed to download metadata for repo 'x': Cannot download repomd.xml: Curl error (7)\n"}
	for name, test := range map[string]struct {
		tool   string
		answer host.Result
		until  int // the call that succeeds; 0: none
		waits  time.Duration
		calls  int
		err    string
		said   string
	}{
		"a lock of dnf 4 that is given back":      {tool: "dnf 4", answer: host.Result{Exit: 200}, until: 4, waits: 15 * time.Second, calls: 4, said: "another program holds the package manager's lock; trying again in 5s"},
		"a lock of yum that is not":               {tool: "yum", answer: host.Result{Exit: 200}, waits: lockWait, calls: 121, err: "cannot refresh the package metadata: another program has held the package manager's lock for 10m0s: yum failed with exit code 200", said: "another program holds"},
		"a lock of rpm, by dnf5":                  {tool: "dnf5", answer: host.Result{Exit: 1, Stderr: "Failed to obtain rpm transaction lock. Another transaction is in progress.\n"}, until: 2, waits: 5 * time.Second, calls: 2, said: "another program holds"},
		"a lock of apt":                           {tool: "apt", answer: host.Result{Exit: 100, Stderr: "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1\n"}, until: 3, waits: 10 * time.Second, calls: 3, said: "another program holds"},
		"a repository that answers late":          {tool: "dnf 4", answer: dead, until: 3, waits: 20 * time.Second, calls: 3, said: "a repository does not answer; trying again in 15s"},
		"a repository that does not":              {tool: "dnf 4", answer: dead, waits: 65 * time.Second, calls: 4, err: "cannot refresh the package metadata: dnf failed with exit code 1: " + strings.TrimSpace(dead.Stderr), said: "trying again in 45s"},
		"a file that is not there is no silence":  {tool: "dnf 4", answer: host.Result{Exit: 1, Stderr: "Failed to download metadata for repo 'x': Status code: 404 for http://h/repomd.xml\n"}, calls: 1, err: "cannot refresh the package metadata: dnf failed with exit code 1: Failed to download metadata for repo 'x': Status code: 404 for http://h/repomd.xml"},
		"any other failure is not tried again":    {tool: "dnf 4", answer: host.Result{Exit: 1, Stderr: "Error: no space\n"}, calls: 1, err: "cannot refresh the package metadata: dnf failed with exit code 1: Error: no space"},
		"a lock that only is mentioned is no one": {tool: "dnf 4", answer: host.Result{Stdout: "transaction lock\n"}, calls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := has(t, test.tool)
			calls := 0
			m.Reply("", func(host.Command) host.Result {
				if calls++; calls == test.until {
					return host.Result{}
				}
				return test.answer
			})
			var said []string
			var waits []time.Duration
			err := manager(m, &said, &waits).Refresh(t.Context())
			var sum time.Duration
			for _, d := range waits {
				sum += d
			}
			if message(err) != test.err || calls != test.calls || sum != test.waits {
				t.Errorf("error %q, want %q; %d calls, want %d; waits of %s, want %s", message(err), test.err, calls, test.calls, sum, test.waits)
			}
			if all := strings.Join(said, "\n"); !strings.Contains(all, test.said) {
				t.Errorf("progress is %q, want %q in it", all, test.said)
			}
		})
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	m := has(t, "dnf 4")
	m.Answer("dnf", host.Result{Exit: 200}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	g := Of(m.Host, func(string) { cancel() })
	if err := g.Upgrade(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
}

func TestWhetherARebootIsNeeded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		tool   string
		mark   string
		answer host.Result
		want   string
	}{
		"a mark says so":                  {tool: "none", mark: "/run/reboot-needed", want: "/run/reboot-needed is there"},
		"the old place of the mark, too":  {tool: "none", mark: "/var/run/reboot-required", want: "/var/run/reboot-required is there"},
		"dnf 4 says so":                   {tool: "dnf 4", answer: host.Result{Exit: 1, Stdout: "Core libraries or services have been updated:\n  * systemd\n\nReboot is required to ensure that your system benefits from these updates.\n"}, want: "dnf needs-restarting -r says so"},
		"the plugin is not installed":     {tool: "dnf 4", answer: host.Result{Exit: 1, Stderr: "No such command: needs-restarting.\n"}},
		"dnf5 says that none is required": {tool: "dnf5", answer: host.Result{Stdout: "No core libraries or services have been updated since boot-up.\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := has(t, test.tool)
			if test.mark != "" {
				m.Put(t, test.mark, "")
			}
			m.Answer("", test.answer, nil)
			if got, err := Of(m.Host, nil).NeedsReboot(t.Context()); got != test.want || err != nil {
				t.Errorf("it says %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestAToolThatWaitsForALockByItselfIsEnded(t *testing.T) {
	t.Parallel()
	const waits = "echo 'Waiting for a lock on the system repository. The following processes are currently accessing it:'; echo '1 systemd'; "
	for name, test := range map[string]struct{ script, err string }{
		"the lock is not given back": {waits + "sleep 60", "cannot upgrade the packages: sh was stopped: another program has held the package manager's lock for 1.5s"},
		"the lock is given back":     {waits + "sleep 1.2; echo 'Running transaction'; sleep 1", ""},
		"it only takes long":         {"echo 'Running transaction'; sleep 2", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := has(t, "dnf5")
			live := host.New("/", host.Options{})
			h := host.New(m.Dir, host.Options{
				LookPath: func(program string) (string, error) {
					if program == "dnf5" {
						return program, nil
					}
					return "", &host.MissingError{Program: program}
				},
				Exec: func(ctx context.Context, c host.Command) (host.Result, error) {
					c.Argv = []string{"sh", "-c", test.script}
					return live.Run(ctx, c)
				},
			})
			start := time.Now()
			g := &guest{host: h, sleep: sleep, lockWait: 1500 * time.Millisecond}
			if err := g.Upgrade(t.Context()); message(err) != test.err || time.Since(start) > 20*time.Second {
				t.Errorf("after %s: %q, want %q", time.Since(start), message(err), test.err)
			}
		})
	}
}

func TestALoginInAURLIsShownNowhere(t *testing.T) {
	t.Parallel()
	m := has(t, "dnf 4")
	const url = "https://me:hunter2@h/a.rpm"
	m.Answer("dnf", host.Result{Exit: 1, Stderr: "Error: Status code: 404 for " + url + "\nno " + url + "\n"}, nil)
	var said []string
	_, err := manager(m, &said, &[]time.Duration{}).Install(t.Context(), []Spec{{Name: url}})
	shown := fmt.Sprint(err, said, Spec{Name: url}, m.Effects(), m.Logged())
	if strings.Contains(shown, "hunter2") || !strings.Contains(message(err), "Error: Status code: 404") {
		t.Error(shown)
	}
	if line := m.Lines()[0]; !strings.HasSuffix(line, " install "+url) {
		t.Errorf("it runs %s", line)
	}
}
