package packages

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"cloudseed/host"
	"cloudseed/secret"
)

// Spec is a package to install: a name, or what else the guest's tool takes for one
// (a file, a URL, @group). Without a version it is the newest.
type Spec struct{ Name, Version string }

// String is for messages: a URL has no login in it.
func (s Spec) String() string {
	return secret.WithoutLogins(strings.TrimSpace(s.Name + " " + s.Version))
}

// Check returns why a name or version cannot be given to a package manager. One that begins
// with "-" would be an option of it.
func (s Spec) Check() error {
	for _, word := range []string{s.Name, s.Version} {
		switch {
		case strings.HasPrefix(word, "-"):
			return fmt.Errorf("%q begins with \"-\"", word)
		case strings.ContainsFunc(word, unicode.IsControl):
			return fmt.Errorf("%q holds a control character", word)
		}
	}
	if strings.TrimSpace(s.Name) == "" {
		return errors.New("the name is empty")
	}
	return nil
}

// Manager installs packages. Its errors say what the guest's tool said last.
type Manager interface {
	// Refresh gets the repositories' metadata.
	Refresh(ctx context.Context) error
	// Upgrade brings all packages to their newest versions.
	Upgrade(ctx context.Context) error
	// Install installs packages in one transaction, and returns those that are not
	// installed after it. What Check refuses is an error, and nothing is installed.
	Install(ctx context.Context, specs []Spec) (missing []Spec, err error)
	// NeedsReboot returns why the guest is to be rebooted after what was installed; "": it is not.
	NeedsReboot(ctx context.Context) (string, error)
}

// ErrImageMode says that a guest's packages are those of its image.
var ErrImageMode = errors.New("this system gets its packages with its image (bootc or ostree): add them to the image, " +
	"or install them with rpm-ostree from runcmd")

// ErrNoTool says that a guest has no package manager that this package knows.
var ErrNoTool = errors.New("there is no package manager: dnf, dnf5, yum and apt-get are not installed")

// How long is waited for what another program or a server holds up.
const (
	lockWait  = 10 * time.Minute
	lockPause = 5 * time.Second
)

// answerPauses are the pauses before a repository that did not answer is tried again.
var answerPauses = []time.Duration{5 * time.Second, 15 * time.Second, 45 * time.Second}

// guest is the Manager of a host.
type guest struct {
	host     *host.Host
	progress func(string)
	sleep    func(context.Context, time.Duration) error
	lockWait time.Duration // for a tool that waits by itself
}

// Of returns the package manager of a guest. progress is called with each line that a tool
// says, and before each wait.
func Of(h *host.Host, progress func(line string)) Manager {
	return &guest{host: h, progress: progress, sleep: sleep, lockWait: lockWait}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

func (g *guest) tool() (tool, error) {
	// ostree's own mark of a booted system, and the repository that each of its roots has.
	if g.host.Exists("/run/ostree-booted") || !g.host.IsLive() && g.host.Exists("/sysroot/ostree/repo") {
		return tool{}, ErrImageMode
	}
	t, ok := toolOf(g.host)
	if !ok {
		return tool{}, ErrNoTool
	}
	return t, nil
}

func (g *guest) Refresh(ctx context.Context) error {
	t, err := g.tool()
	if err == nil {
		_, err = g.run(ctx, t, t.refresh...)
	}
	if err != nil {
		return fmt.Errorf("cannot refresh the package metadata: %w", err)
	}
	return nil
}

func (g *guest) Upgrade(ctx context.Context) error {
	t, err := g.tool()
	if err == nil {
		_, err = g.run(ctx, t, t.upgrade...)
	}
	if err != nil {
		return fmt.Errorf("cannot upgrade the packages: %w", err)
	}
	return nil
}

func (g *guest) Install(ctx context.Context, specs []Spec) (missing []Spec, err error) {
	if len(specs) == 0 {
		return nil, nil
	}
	for _, s := range specs {
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("cannot install packages: %w", err)
		}
	}
	t, err := g.tool()
	if err == nil {
		missing, err = g.install(ctx, t, specs)
	}
	if err != nil {
		return missing, fmt.Errorf("cannot install packages: %w", err)
	}
	return missing, nil
}

func (g *guest) install(ctx context.Context, t tool, specs []Spec) (missing []Spec, err error) {
	for len(specs) > 0 {
		r, err := g.run(ctx, t, slices.Concat(t.install, t.arguments(specs))...)
		said := r.Stdout + r.Stderr
		unknown := t.unknown(said)
		var rest []Spec
		for _, s := range specs {
			if unknown[s.Name] || unknown[t.argument(s)] {
				missing = append(missing, s)
			} else {
				rest = append(rest, s)
			}
		}
		switch {
		case err != nil && t.allOrNil && len(rest) < len(specs):
			specs = rest // the tool has named all that it does not know
			continue
		case err != nil && !nothingToDo(t, said):
			return missing, err
		case !t.rpm:
			return missing, nil
		}
		absent, err := g.absent(ctx, t, rest)
		return append(missing, absent...), err
	}
	return missing, nil
}

// nothingToDo reports whether yum ended with an error only since none of the names was left.
func nothingToDo(t tool, said string) bool { return t.rpm && strings.Contains(said, "Nothing to do") }

func (t tool) arguments(specs []Spec) []string {
	var arguments []string
	for _, s := range specs {
		arguments = append(arguments, t.argument(s))
	}
	return arguments
}

func (t tool) argument(s Spec) string {
	if s.Version == "" {
		return s.Name
	}
	return s.Name + t.versions + s.Version
}

// absent asks rpm which packages are not installed: a tool passes over one whose
// dependencies are not to be had and ends well. rpm cannot tell of groups, files and patterns.
func (g *guest) absent(ctx context.Context, t tool, specs []Spec) (absent []Spec, err error) {
	var asked []Spec
	for _, s := range specs {
		if !strings.ContainsAny(s.Name, "@:*?[]() ") && !strings.HasSuffix(s.Name, ".rpm") {
			asked = append(asked, s)
		}
	}
	all := []string{"rpm", "-q"}
	for _, s := range asked {
		_, version, found := strings.Cut(s.Version, ":") // rpm takes no epoch in a query
		if found {
			s.Version = version
		}
		all = append(all, t.argument(s))
	}
	if len(asked) == 0 {
		return nil, nil
	}
	r, err := g.ask(ctx, all...)
	if err != nil || r.Exit == 0 {
		return nil, err
	}
	for i, s := range asked {
		// What is not a package's name may be what one provides.
		for _, question := range [][]string{{"rpm", "-q", all[i+2]}, {"rpm", "-q", "--whatprovides", all[i+2]}} {
			if r, err = g.ask(ctx, question...); err != nil {
				return absent, err
			} else if r.Exit == 0 {
				break
			}
		}
		if r.Exit != 0 {
			absent = append(absent, s)
		}
	}
	return absent, nil
}

// ask runs a command that changes nothing, and whose exit code is its answer.
func (g *guest) ask(ctx context.Context, argv ...string) (host.Result, error) {
	r, err := g.host.Run(ctx, host.Command{Argv: argv, Quiet: true})
	if exit := (*host.ExitError)(nil); errors.As(err, &exit) && exit.Exit >= 0 {
		return r, nil
	}
	return r, err
}

// run calls the tool until neither a lock nor a silent repository holds it up.
func (g *guest) run(ctx context.Context, t tool, args ...string) (host.Result, error) {
	c := host.Command{Argv: slices.Concat(t.argv, args), Env: t.env, Timeout: host.NoTimeout}
	for i, argument := range c.Argv {
		if secret.WithoutLogins(argument) != argument {
			c.SecretArgs = append(c.SecretArgs, i)
		}
	}
	var waited time.Duration
	tries := 0
	for {
		r, err := g.once(ctx, c)
		pause := time.Duration(0)
		switch {
		case err == nil || ctx.Err() != nil || r.Exit < 0:
			return r, err
		case locked(r) && waited >= lockWait:
			return r, fmt.Errorf("another program has held the package manager's lock for %s: %w", lockWait, err)
		case locked(r):
			pause = lockPause
			waited += pause
			g.tell("another program holds the package manager's lock; trying again in %s", pause)
		case unanswered(r) && tries < len(answerPauses):
			pause = answerPauses[tries]
			tries++
			g.tell("a repository does not answer; trying again in %s", pause)
		default:
			return r, reasoned(r, err)
		}
		if err := g.sleep(ctx, pause); err != nil {
			return r, err
		}
	}
}

// once calls the tool, and ends it where it has waited for a lock too long: dnf5 waits for ever.
func (g *guest) once(ctx context.Context, c host.Command) (host.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	waiting := time.AfterFunc(g.lockWait, func() {
		cancel(fmt.Errorf("another program has held the package manager's lock for %s", g.lockWait))
	})
	waiting.Stop()
	defer waiting.Stop()
	var since time.Time
	c.Line = func(line string) {
		switch {
		case waits().MatchString(line):
			since = time.Now()
			waiting.Reset(g.lockWait)
		case time.Since(since) > time.Second: // before that, it names who holds the lock
			waiting.Stop()
		}
		if g.progress != nil {
			g.progress(secret.WithoutLogins(line))
		}
	}
	return g.host.Run(ctx, c)
}

// reasoned names the line in which the tool says what is wrong; the last is often only how it ended.
func reasoned(r host.Result, err error) error {
	exit := (*host.ExitError)(nil)
	if !errors.As(err, &exit) {
		return err
	}
	said := r.Stderr + "\n" + r.Stdout
	for _, words := range reasons { // the most telling first
		if match := words().FindStringSubmatch(said); match != nil {
			return &host.ExitError{Argv: exit.Argv, Exit: exit.Exit, Reason: secret.WithoutLogins(strings.TrimSpace(match[1]))}
		}
	}
	return err
}

func (g *guest) tell(format string, args ...any) {
	if g.progress != nil {
		g.progress(fmt.Sprintf(format, args...))
	}
}

// NeedsReboot looks for the files that cloud-init looks for, which packages of some
// distributions make, and asks the tool: on the RHEL family nothing makes those files.
func (g *guest) NeedsReboot(ctx context.Context) (string, error) {
	for _, mark := range []string{"/run/reboot-required", "/var/run/reboot-required", "/run/reboot-needed"} {
		if g.host.Exists(mark) {
			return mark + " is there", nil
		}
	}
	t, err := g.tool()
	if err != nil || len(t.reboot) == 0 {
		return "", err
	}
	if _, err := g.host.LookPath(t.reboot[0]); err != nil {
		return "", nil // yum's is in yum-utils
	}
	r, err := g.ask(ctx, t.reboot...)
	if err != nil {
		return "", fmt.Errorf("cannot find out whether a reboot is needed: %w", err)
	}
	// A plugin that is not installed ends with 1 too.
	if r.Exit == 1 && strings.Contains(r.Stdout+r.Stderr, "Reboot is required") {
		return strings.Join(t.reboot, " ") + " says so", nil
	}
	return "", nil
}
