// Package modules holds what configures the guest: one file for each module of
// cloud-init, with its keys, its documentation and its effect.
//
// In come the merged configuration and the instance's facts, out go effects on
// the host. A module never knows where a seed came from, what stage runs it, or
// any other module.
package modules

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"

	"cloudseed/config"
	"cloudseed/guest/packages"
	"cloudseed/guest/power"
	"cloudseed/host"
	"cloudseed/modules/cloudconfig"
	"cloudseed/secret"
	"cloudseed/state"
)

// Of is a module with K, the struct of its keys. The configuration is decoded once: Check
// and Run get the same keys.
type Of[K any] struct {
	Name       string          // as in cloud.cfg, with underscores
	Stage      Stage           // where it runs unless cloud.cfg says otherwise
	Frequency  state.Frequency // unless cloud.cfg gives another
	ActiveIf   []string        // it runs only if one of these top-level keys is there; none: always
	Repeatable bool            // running it again after a power cut does no harm
	RunBy      string          // the module that does what this one only prepares; "": none
	CheckedBy  string          // the module that has the same keys and reports what is wrong with them; "": itself
	Doc        string          // for the reference: what it does, in a few sentences
	Example    string          // for the reference: cloud-config that it acts on

	// OffByDefault says that RHEL's cloud.cfg does not list it: who wants it adds it to a list.
	OffByDefault bool

	// Prepare starts work that takes long and that the guest cannot see yet. It is
	// called as soon as a new instance's configuration is known, before any stage
	// order, and must return at once. Most modules have none.
	Prepare func(ctx context.Context, e *Env, keys *K) error

	// Network tells what the configuration has it do with the network. Of the modules of the
	// init stage, which does not wait for the network by itself, most have none.
	Network func(e *Env, keys *K) NetworkUse

	// Check reports to Env what is wrong with the configuration beside the types of its
	// values, as far as that can be told without the machine: of Env it may use Config and
	// Instance alone. It runs before Run, which does not report the same again, and may
	// keep what it reads in unexported fields of keys. Most modules have none.
	Check func(e *Env, keys *K)

	// Run does the work. What is wrong with values of the configuration goes to
	// Env.Problem; the error is what stopped the module beside that.
	Run func(ctx context.Context, e *Env, keys *K) error
}

// Module returns the module without the type of its keys.
func (m Of[K]) Module() Module {
	var zero K
	read := func(e *Env, quietly bool) *K {
		var keys K
		e.decode(&keys, quietly)
		return &keys
	}
	check := func(e *Env) *K {
		keys := read(e, m.CheckedBy != "")
		if m.Check != nil {
			m.Check(e, keys)
		}
		return keys
	}
	module := Module{
		Name: m.Name, Stage: m.Stage, Frequency: m.Frequency, ActiveIf: m.ActiveIf, Repeatable: m.Repeatable,
		OffByDefault: m.OffByDefault, RunBy: m.RunBy, Doc: m.Doc, Example: m.Example, Keys: zero, sharesKeys: m.CheckedBy != "",
		Check: func(e *Env) { check(e) },
		Run:   func(ctx context.Context, e *Env) error { return m.Run(ctx, e, check(e)) },
	}
	if m.Prepare != nil {
		module.Prepare = func(ctx context.Context, e *Env) error { return m.Prepare(ctx, e, read(e, true)) }
	}
	module.Network = func(e *Env) NetworkUse {
		switch {
		case m.Network != nil:
			return m.Network(e, read(e, true))
		case m.Stage != InitStage: // those come after network-online.target
			return MayUseNetwork
		}
		return NoNetwork
	}
	return module
}

// Module is what the boot, the checks and the reference know of a module; see Of.
type Module struct {
	Name         string
	Stage        Stage
	Frequency    state.Frequency
	Keys         any // the zero value of the struct of its keys
	ActiveIf     []string
	Repeatable   bool
	OffByDefault bool
	RunBy        string
	Doc, Example string
	sharesKeys   bool // another module checks and documents them

	Prepare func(ctx context.Context, e *Env) error // may be nil
	Network func(e *Env) NetworkUse
	Check   func(e *Env)
	Run     func(ctx context.Context, e *Env) error
}

// NetworkUse is what a module does with the network.
type NetworkUse int

// The uses of the network, each more than the one before.
const (
	NoNetwork     NetworkUse = iota
	MayUseNetwork            // it runs the user's own commands, or is done where cloud-init has a network
	NeedsNetwork             // it gets something from the network
)

// Env is what a module is given to work with.
type Env struct {
	Host     *host.Host
	Config   *config.Config
	Instance Instance
	Log      *slog.Logger
	TopLevel []string // the keys that have a meaning at the top of cloud-config: Keys()
	Args     []string // what follows the module's name in cloud.cfg or on the command line
	Console  func(text string) error

	// What the boot lends a module. Each may be nil: the module then says what it
	// could not do, or does without.
	Output io.Writer                                                                           // where the stage's output goes (the key output)
	Fetch  func(ctx context.Context, url string, headers map[string]string) ([]byte, error)    // the content of a URL or file, tried as often as makes sense; its errors name the URL without its secrets
	Power  func(power.Request)                                                                 // has the machine restarted or turned off when the boot has ended and all is recorded
	Post   func(ctx context.Context, url string, content []byte, kind string, tries int) error // posts content of a MIME type to a URL; its errors name the URL without its secrets
	Steps  Steps                                                                               // how far an interrupted run of this module came

	Progress func() Progress   // how the boot went so far
	Doing    func(what string) // says what of its work the module is at; everybody may read it

	Packages packages.Manager // of tests; nil: the guest's own

	findings   config.Findings
	unfinished bool
	skipped    string
}

// Progress is how a boot went so far.
type Progress struct {
	Errors   []string
	Degraded bool               // there were warnings
	Seconds  map[string]float64 // by the stage's name; of the stage that runs, until now
}

// Status is the progress in a word: done, degraded or error.
func (p Progress) Status() string {
	switch {
	case len(p.Errors) > 0:
		return "error"
	case p.Degraded:
		return "degraded"
	}
	return "done"
}

// Steps is a module's memory, through power cuts, of how far it came with work of
// which no part may be done twice. Whoever runs the module keeps one for each run
// that must not be repeated, and forgets it when the module is to run anew; a
// module that runs at every boot has none. A step's name is any file name; names that
// differ at all are different steps.
type Steps interface {
	Standing(step string) (state.Standing, error)
	Begin(step string) error // on disk when it returns, with all that was done before
	End(step string) error   // on disk when another step begins, or the module has ended
}

// standing is how a step of this run stands; without a memory, each is new.
func (e *Env) standing(step string) (state.Standing, error) {
	if e.Steps == nil {
		return state.NotRun, nil
	}
	return e.Steps.Standing(step)
}

func (e *Env) begin(step string) error {
	if e.Steps == nil {
		return nil
	}
	return e.Steps.Begin(step)
}

func (e *Env) end(step string) error {
	if e.Steps == nil {
		return nil
	}
	return e.Steps.End(step)
}

// install has packages installed, by the guest's package manager. One that no repository
// has is an error.
func (e *Env) install(ctx context.Context, names ...string) error {
	var specs []packages.Spec
	for _, name := range names {
		specs = append(specs, packages.Spec{Name: name})
	}
	return e.installVersions(ctx, specs...)
}

func (e *Env) installVersions(ctx context.Context, specs ...packages.Spec) error {
	e.Log.Info("installing packages", "packages", fmt.Sprint(specs))
	missing, err := e.packageManager().Install(ctx, specs)
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("no repository has %v", missing)
	}
	return err
}

// download gets the content of a URL, which must have a SHA-256 digest unless that is empty.
func (e *Env) download(ctx context.Context, from string, headers map[string]string, digest string) ([]byte, error) {
	if e.Fetch == nil {
		return nil, fmt.Errorf("cannot fetch %s: there is no way to the network here", secret.URL(from))
	}
	data, err := e.Fetch(ctx, from, headers)
	if err != nil {
		return nil, err
	}
	return data, cloudconfig.HasDigest(data, secret.URL(from), digest)
}

// runInstaller runs a script that is downloaded: see download. It is written to the instance's
// directory: /tmp may be another user's, or have no programs run.
func (e *Env) runInstaller(ctx context.Context, from, digest, name string, timeout time.Duration, args ...string) (err error) {
	script, err := e.download(ctx, from, nil, digest)
	if err == nil && len(script) == 0 {
		err = fmt.Errorf("%s has no content", secret.URL(from))
	}
	if err != nil {
		return err
	}
	file := path.Join(e.Instance.Dir, name)
	if _, err := e.Host.Quietly().WriteFile(file, script, host.File{Mode: 0o700}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Host.Quietly().Remove(file)) }()
	_, err = e.Host.Run(ctx, host.Command{Argv: append([]string{file}, args...), Pass: true, Timeout: timeout})
	return err
}

// undone notes, if there is an error, that the module did not do its work and is to run
// again at the next boot: it could not record what it was about to do, or what it builds
// on is not there.
func (e *Env) undone(err error) error {
	if err != nil {
		e.unfinished = true
	}
	return err
}

// skip notes that the module does nothing of what it is asked for, and why.
func (e *Env) skip(at config.Cursor, reason string) {
	at.Notef("%s", reason)
	e.skipped = reason
}

// Skipped returns why the module did nothing of what it was asked for; "" if it did any.
func (e *Env) Skipped() string { return e.skipped }

// Unfinished reports whether the module is to run again at the next boot.
func (e *Env) Unfinished() bool { return e.unfinished }

// Instance is what a module may know of the instance.
type Instance struct {
	ID           string
	Dir          string // /var/lib/cloud/instance, as the guest sees it
	CloudDir     string // /var/lib/cloud
	RunDir       string // /run/cloud-init: gone at the next boot
	Hostname     string // from the metadata; "" when it has none
	PublicKeys   []string
	RandomSeed   secret.Bytes
	Datasource   string        // as cloud-init prints it: "DataSourceNoCloud [seed=/dev/sr0]"
	Version      string        // of this program
	DefaultUser  *config.Value // system_info.default_user of the system's configuration
	Distribution string        // ID of os-release: "rhel", "centos", "fedora"
}

// decode fills a module's key struct from the configuration. What cannot be understood is
// a problem of this module, and everything else is filled in.
func (e *Env) decode(into any, quietly bool) {
	problems := e.Config.Root().Decode(into, e.TopLevel...)
	if !quietly {
		e.findings.Add(problems...)
	}
}

// At returns the value at a path of the configuration, "" for all of it, to read and to report about it.
func (e *Env) At(path string) config.Cursor {
	root := e.Config.Root().At(&e.findings)
	if path == "" {
		return root
	}
	return root.Path(path)
}

// Problem adds a problem with a value of the configuration to those of the module.
func (e *Env) Problem(p config.Problem) { e.findings.Add(p) }

// Warn reports what the administrator should know and that stopped nothing.
func (e *Env) Warn(format string, args ...any) { e.nowhere().Warnf(format, args...) }

// ofKey returns the place of a top-level key that the configuration may not have: then there is none.
func (e *Env) ofKey(key string) config.Cursor { return e.findings.At(e.Config.Get(key).Pos(), key) }

// nowhere is for what is reported and has no place in the configuration.
func (e *Env) nowhere() config.Cursor { return e.findings.At(config.Pos{}, "") }

// announce shows something to who watches the machine boot: on its console or, where it has
// none that can be written to, in the stage's output.
func (e *Env) announce(text string) error {
	if e.Console != nil {
		err := e.Console(text)
		if err == nil {
			return nil
		}
		e.Log.Debug("the console cannot be written to", "why", err)
	}
	if e.Output == nil {
		return nil
	}
	_, err := io.WriteString(e.Output, text)
	return err
}

// packageManager is the guest's; what it says as it works goes where the stage's output goes.
func (e *Env) packageManager() packages.Manager {
	if e.Packages != nil {
		return e.Packages
	}
	return packages.Of(e.Host, func(line string) {
		if e.Doing != nil {
			e.Doing(line)
		}
		if e.Output == nil {
			return
		}
		if _, err := fmt.Fprintln(e.Output, line); err != nil {
			e.Log.Debug("cannot show what the package manager says", "error", err)
		}
	})
}

// Problems returns the problems that were found so far.
func (e *Env) Problems() []config.Problem { return e.findings.List() }

// Err returns an error with all problems that are errors, or nil.
func (e *Env) Err() error {
	var errs []error
	for _, p := range e.Problems() {
		if p.Severity == config.Error {
			errs = append(errs, p)
		}
	}
	return errors.Join(errs...)
}

// CanonicalName is a module's name however cloud.cfg or a command line spells it:
// "cc_set-passwords.py" is set_passwords.
func CanonicalName(name string) string {
	name = strings.ReplaceAll(strings.TrimSpace(name), "-", "_")
	return strings.TrimSuffix(strings.TrimPrefix(name, "cc_"), ".py")
}

// Names are the names of all modules.
func Names() []string {
	var names []string
	for _, m := range All() {
		names = append(names, m.Name)
	}
	return names
}

// Find returns the module of that name, however it is spelled.
func Find(name string) (Module, bool) {
	name = CanonicalName(name)
	for _, m := range All() {
		if m.Name == name {
			return m, true
		}
	}
	return Module{}, false
}

// isPlainPath reports whether a string is the absolute path of something below /.
func isPlainPath(p string) bool {
	return strings.HasPrefix(p, "/") && path.Clean(p) != "/" && !strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// pattern is a regular expression that is compiled when it is first used: of most modules a boot
// uses none, and each of its four processes would compile all.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
