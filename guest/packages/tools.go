package packages

import (
	"path"
	"regexp"
	"strings"
	"sync"

	"cloudseed/host"
)

// tool is how one package manager is called and understood.
type tool struct {
	argv     []string // the program and the options of every call
	env      []string
	refresh  []string
	upgrade  []string
	install  []string
	versions string // between a name and its version
	missing  func() *regexp.Regexp
	rpm      bool // rpm knows what is installed
	allOrNil bool // one wrong name makes it install nothing
	reboot   []string
}

// The options are those of each one's manual: dnf.conf(5), dnf5-install(8), yum.conf(5),
// apt-get(8). exit_on_lock makes dnf 4 and yum end with exit code 200 where they would wait
// for another program for ever. dnf5 5.4 waits whatever it is told, and says so.
var (
	dnf4 = tool{
		argv:    []string{"dnf", "-y", "--setopt=exit_on_lock=1"},
		refresh: []string{"makecache"}, upgrade: []string{"upgrade"},
		install:  []string{"--setopt=strict=0", "install"},
		versions: "-", rpm: true,
		missing: pattern(`(?m)^(?:No match for argument|No package): (.+)$`),
		reboot:  []string{"dnf", "needs-restarting", "-r"},
	}
	dnf5 = tool{
		argv:    []string{"dnf", "-y"},
		refresh: []string{"makecache"}, upgrade: []string{"upgrade"},
		install:  []string{"install", "--skip-unavailable", "--skip-broken"},
		versions: "-", rpm: true,
		missing: pattern(`(?m)^No match for argument: (.+)$`),
		reboot:  []string{"dnf", "needs-restarting"},
	}
	yum3 = tool{
		argv:    []string{"yum", "-t", "-y", "--setopt=exit_on_lock=1"},
		refresh: []string{"makecache"}, upgrade: []string{"upgrade"},
		install:  []string{"--setopt=skip_missing_names_on_install=1", "install"},
		versions: "-", rpm: true,
		missing: pattern(`(?m)^No package (.+) available\.$`),
		reboot:  []string{"needs-restarting", "-r"},
	}
	apt = tool{
		argv:    []string{"apt-get", "--option=Dpkg::Options::=--force-confold", "--assume-yes", "--quiet"},
		env:     []string{"DEBIAN_FRONTEND=noninteractive"},
		refresh: []string{"update"}, upgrade: []string{"dist-upgrade"},
		install:  []string{"install"},
		versions: "=", allOrNil: true,
		missing: pattern(`(?m)^E: (?:Unable to locate package (\S+)|Package '(\S+)' has no installation candidate|Version '\S+' for '(\S+)' was not found)$`),
	}
)

// toolOf finds the package manager of a guest, in the order in which cloud-init looks. dnf5
// is called dnf where it is the system's own, as on Fedora 41.
func toolOf(h *host.Host) (tool, bool) {
	if program, err := h.LookPath("dnf"); err == nil {
		if target, err := h.Readlink(program); err == nil && path.Base(target) == "dnf5" {
			return dnf5, true
		}
		return dnf4, true
	}
	if _, err := h.LookPath("dnf5"); err == nil {
		t := dnf5
		t.argv, t.reboot = []string{"dnf5", "-y"}, []string{"dnf5", "needs-restarting"}
		return t, true
	}
	if _, err := h.LookPath("yum"); err == nil {
		return yum3, true
	}
	if _, err := h.LookPath("apt-get"); err == nil {
		return apt, true
	}
	return tool{}, false
}

// unknown are the names that the tool says it does not know.
func (t tool) unknown(said string) map[string]bool {
	names := map[string]bool{}
	for _, match := range t.missing().FindAllStringSubmatch(said, -1) {
		names[strings.TrimSpace(strings.Join(match[1:], ""))] = true
	}
	return names
}

// lockedExit is the exit code of dnf 4 and yum where exit_on_lock ended them.
const lockedExit = 200

var (
	// rpm's own lock is meant by "transaction lock", whichever tool wanted it.
	lockWords = pattern(`transaction lock|Could not get lock|Unable to acquire the dpkg frontend lock|Unable to lock (?:directory|the administration)`)

	// What a tool says as it begins to wait for a lock by itself.
	waits = pattern(`^Waiting for (?:a lock|process with pid|cache lock)`)

	// The lines in which tools say why they failed.
	reasons = []func() *regexp.Regexp{
		pattern(`(?m)^\s*(?:>>> )?(Error in \S+ scriptlet.*)$`),
		pattern(`(?m)^\s*((?:Error:|E: |Failed to |Transaction failed).*)$`),
	}

	noAnswer = pattern(`(?i)failed to download|cannot download|errors? during downloading|cannot retrieve|failed to fetch|` +
		`cannot find a valid baseurl|temporary failure resolving|no more mirrors to try|all mirrors were tried|failed to synchronize cache`)
	// What a server says for good, and a file that is not there, come out the same again.
	answered = pattern(`(?i)status code: 4\d\d|http error 4\d\d|  ?4\d\d +(?:not found|forbidden|unauthorized)|couldn't open file|could not (?:open|read) file|gpg`)
)

func locked(r host.Result) bool {
	return r.Exit == lockedExit || r.Exit != 0 && lockWords().MatchString(r.Stdout+r.Stderr)
}

func unanswered(r host.Result) bool {
	said := r.Stdout + r.Stderr
	return r.Exit != 0 && noAnswer().MatchString(said) && !answered().MatchString(said)
}

// pattern is a regular expression that is compiled when it is first used: most boots use none.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
