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
	"strings"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/secret"
	"cloudseed/state"
)

// Module is a program that does one thing to the guest.
type Module struct {
	Name       string          // as in cloud.cfg, with underscores
	Frequency  state.Frequency // unless cloud.cfg gives another
	Keys       any             // the zero value of the struct of its keys
	ActiveIf   []string        // it runs only if one of these top-level keys is there; none: always
	Repeatable bool            // running it again after a power cut does no harm
	RunBy      string          // the module that does what this one only prepares; "": none
	Doc        string          // for the reference: what it does, in a few sentences

	// Prepare starts work that takes long and that the guest cannot see yet. It is
	// called as soon as a new instance's configuration is known, before any stage
	// order, and must return at once. Most modules have none.
	Prepare func(ctx context.Context, e *Env) error

	// NeedsNetwork tells whether the configuration has it get anything from the network.
	// Most modules have none.
	NeedsNetwork func(e *Env) bool

	// Check tells Env.Problem what Run will find wrong with the configuration, in Run's
	// words, as far as that can be told without the machine: of Env it may use Config and
	// Instance alone. Modules whose keys say all of it by their types have none.
	Check func(e *Env)

	// Run does the work. What is wrong with values of the configuration goes to
	// Env.Problem; the error is what stopped the module beside that.
	Run func(ctx context.Context, e *Env) error
}

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
	Output io.Writer                                                                        // where the stage's output goes (the key output)
	Fetch  func(ctx context.Context, url string, headers map[string]string) ([]byte, error) // the content of a URL or file, tried as often as makes sense; its errors name the URL without its secrets
	Steps  Steps                                                                            // how far an interrupted run of this module came

	problems   []config.Problem
	unfinished bool
}

// Steps is a module's memory, through power cuts, of how far it came with work of
// which no part may be done twice. Whoever runs the module keeps one for each run
// that must not be repeated, and forgets it when the module is to run anew; a
// module that runs at every boot has none. A step's name is any file name; names that
// differ at all are different steps.
type Steps interface {
	Standing(step string) (state.Standing, error)
	Begin(step string) error // on disk when it returns
	End(step string) error   // on disk when it returns
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

// undone notes, if there is an error, that the module did not do its work and is to run
// again at the next boot: it could not record what it was about to do, or what it builds
// on is not there.
func (e *Env) undone(err error) error {
	if err != nil {
		e.unfinished = true
	}
	return err
}

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

// Decode fills the module's key struct from the configuration. What cannot be
// understood is kept as a problem of this module, and everything else is filled in:
// one bad key must not cost the others.
func (e *Env) Decode(into any) {
	e.problems = append(e.problems, e.Config.Root().Decode(into, e.TopLevel...)...)
}

// Problem adds a problem with a value of the configuration to those of the module.
func (e *Env) Problem(p config.Problem) { e.problems = append(e.problems, p) }

// Warn adds something that a person should know and that stopped nothing. It is
// reported with the module's outcome.
func (e *Env) Warn(format string, args ...any) {
	e.problems = append(e.problems, config.Problem{Severity: config.Warning, Message: fmt.Sprintf(format, args...)})
}

// Problems are the problems that were found so far.
func (e *Env) Problems() []config.Problem { return e.problems }

// Err is an error with all problems that are errors, or nil.
func (e *Env) Err() error {
	var errs []error
	for _, p := range config.Limited(e.problems) {
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
