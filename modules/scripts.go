package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/modules/commands"
	"cloudseed/state"
)

type runcmdKeys struct {
	Runcmd  *config.Value `key:"runcmd" takes:"list(text|list(text|nothing)|nothing)|text" doc:"commands, run in order by one sh script: a string is taken as sh reads it, a list is a program and its arguments, each taken as it is"`
	OnError string        `key:"runcmd_on_error" enum:"continue|stop" default:"continue" doc:"What a command that fails does: the script goes on, as with cloud-init, or it stops with an error."`
}

type scriptsVendorKeys struct {
	VendorData vendorData `key:"vendor_data" doc:"what is done with vendor data"`
}

type vendorData struct {
	Enabled *bool    `key:"enabled" doc:"take vendor data at all" default:"true"`
	Prefix  []string `key:"prefix" accept:"scalar" doc:"a program and its arguments, to run each vendor script with"`
	LeftOut []string `key:"disabled_handlers" accept:"scalar" doc:"types of parts with which nothing is done, such as text/x-shellscript"`
}

var runcmd = Of[runcmdKeys]{
	Name:       "runcmd",
	Stage:      ConfigStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"runcmd"},
	Repeatable: true, // it only writes the script
	RunBy:      "scripts_user",
	Doc: "Writes the commands of runcmd as one sh script into the instance's directory of scripts, " +
		"where scripts_user runs it late in the boot, after packages are installed. A command that fails is " +
		"told of by its exit code and its place in the user data; the script goes on.",
	Example: "runcmd:\n  - echo installed > /root/done\n  - [systemctl, start, --no-block, httpd]\n",
	Check:   func(e *Env, _ *runcmdKeys) { commands.Check(e.At("runcmd")) },
	Run:     runRuncmd,
}.Module()

// The modules that run scripts may all be run again after a power cut: their steps
// keep any script from being run twice.
var (
	scriptsVendor = Of[scriptsVendorKeys]{
		Name: "scripts_vendor", Stage: FinalStage, Frequency: state.PerInstance, Repeatable: true,
		Doc:     "Runs the scripts of the vendor data, each with vendor_data.prefix before it.",
		Example: "vendor_data:\n  enabled: true\n  prefix: [/usr/bin/ltrace]\n",
		Run: func(ctx context.Context, e *Env, keys *scriptsVendorKeys) error {
			return runScripts(ctx, e, path.Join(e.Instance.Dir, "scripts/vendor"), keys.VendorData.Prefix)
		},
	}.Module()
	scriptsPerOnce = Of[struct{}]{
		Name: "scripts_per_once", Stage: FinalStage, Frequency: state.Once, Repeatable: true,
		Doc: "Runs the scripts in /var/lib/cloud/scripts/per-once, once in the life of the system.",
		Run: func(ctx context.Context, e *Env, _ *struct{}) error {
			return runScripts(ctx, e, path.Join(e.Instance.CloudDir, "scripts/per-once"), nil)
		},
	}.Module()
	scriptsPerBoot = Of[struct{}]{
		Name: "scripts_per_boot", Stage: FinalStage, Frequency: state.Always, Repeatable: true,
		Doc: "Runs the scripts in /var/lib/cloud/scripts/per-boot at every boot.",
		Run: func(ctx context.Context, e *Env, _ *struct{}) error {
			return runScripts(ctx, e, path.Join(e.Instance.CloudDir, "scripts/per-boot"), nil)
		},
	}.Module()
	scriptsPerInstance = Of[struct{}]{
		Name: "scripts_per_instance", Stage: FinalStage, Frequency: state.PerInstance, Repeatable: true,
		Doc: "Runs the scripts in /var/lib/cloud/scripts/per-instance once for each instance.",
		Run: func(ctx context.Context, e *Env, _ *struct{}) error {
			return runScripts(ctx, e, path.Join(e.Instance.CloudDir, "scripts/per-instance"), nil)
		},
	}.Module()
	scriptsUser = Of[struct{}]{
		Name: "scripts_user", Stage: FinalStage, Frequency: state.PerInstance, Repeatable: true,
		Doc: "Runs the scripts of the user data and that of runcmd, in the order of their names.",
		Run: func(ctx context.Context, e *Env, _ *struct{}) error {
			missing := missingRuncmd(e) // before the scripts run: one of them may clean
			return errors.Join(runScripts(ctx, e, path.Join(e.Instance.Dir, "scripts"), nil), missing)
		},
	}.Module()
)

func runRuncmd(_ context.Context, e *Env, _ *runcmdKeys) error {
	list, ok := commands.Read(e.At("runcmd"))
	if !ok {
		return nil
	}
	_, err := e.Host.WriteFile(runcmdScript(e), []byte(list.Text()), host.File{Mode: 0o700, Secret: true})
	return e.undone(err)
}

// runcmdScript is the script that runcmd writes and scripts_user runs.
func runcmdScript(e *Env) string { return path.Join(e.Instance.Dir, "scripts/runcmd") }

// missingRuncmd is an error where runcmd is configured and its script was not written:
// its module failed, or its stage was killed.
func missingRuncmd(e *Env) error {
	list := e.Config.Get("runcmd")
	if k := list.Kind(); k != config.List && k != config.String || e.Host.Exists(runcmdScript(e)) {
		return nil
	}
	return e.undone(fmt.Errorf("the script of runcmd (%s) was not written, so its commands have not run", e.Config.Where("runcmd")))
}

// runScripts runs the executable files of a directory in the order of their names,
// all of them even if some fail.
//
// Each is a step of the module. After a power cut the scripts that ended are not
// run again and those that had not begun are run: that is where the boot would have
// led. The one in whose middle the power went is reported and left alone, since
// nobody but its author can say whether it may run twice.
//
// Difference from cloud-init: there the scripts after the interrupted one never
// run, and nothing tells of it.
func runScripts(ctx context.Context, e *Env, dir string, prefix []string) error {
	entries, err := e.Host.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot list the scripts of %s: %w", dir, err)
	}
	var failed []string
	attempted := 0
	for _, entry := range entries {
		if ctx.Err() != nil {
			return fmt.Errorf("cannot run the scripts of %s from %s on: %w", dir, entry.Name(), context.Cause(ctx))
		}
		file := path.Join(dir, entry.Name())
		if host.IsTemporary(entry.Name()) || !isScript(e, file) || !isDue(e, entry.Name(), file) {
			continue
		}
		attempted++
		run := func(starting func()) (host.Result, error) {
			argv := append(prefix[:len(prefix):len(prefix)], file)
			starting()
			return e.Host.Run(ctx, host.Command{Argv: argv, Pass: true, Timeout: host.NoTimeout})
		}
		if list, ok := commandsOfScript(e, file); ok {
			run = func(starting func()) (host.Result, error) {
				list.Starting = starting
				return list.Run(ctx, e.Host, e.Log)
			}
		}
		if err := runScript(ctx, e, entry.Name(), file, run); err != nil {
			failed = append(failed, scriptLabel(e, dir, entry.Name())+": "+scriptFault(err))
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d scripts failed: %s", len(failed), attempted, strings.Join(failed, "; "))
}

// isScript reports whether a path is a file that can be run. One that cannot is
// mostly a script whose author forgot to make it executable.
func isScript(e *Env, file string) bool {
	if _, err := e.Host.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		return false // a script before it removed it, as "clean" does
	}
	info, err := e.Host.Stat(file)
	if err != nil {
		e.Warn("cannot run %s: %v", file, err)
		return false
	}
	if !info.Mode().IsRegular() {
		return false
	}
	if info.Mode()&0o111 == 0 {
		e.Warn("%s is not executable and was skipped", file)
		return false
	}
	return true
}

// isDue reports whether a script is still to be run, and reports one that was
// interrupted.
func isDue(e *Env, name, file string) bool {
	standing, err := e.standing(name)
	if err != nil {
		e.Warn("cannot tell whether %s has run before, it is run now: %v", file, err)
		return true
	}
	if standing == state.Interrupted {
		e.nowhere().Errorf("%s was interrupted when the system last went down; it was not run again, and what it left undone is for you to see to", file)
	}
	return standing == state.NotRun
}

// commandsOfScript are the commands that a script was made of. ok: it is that of runcmd,
// and nobody has changed it.
func commandsOfScript(e *Env, file string) (list commands.List, ok bool) {
	if file != runcmdScript(e) {
		return list, false
	}
	list, ok = commands.Read(e.At("runcmd"))
	content, err := e.Host.ReadFile(file)
	if !ok || err != nil || string(content) != list.Text() {
		return list, false // it is run as any other script is
	}
	list.Plainly = []string{file}
	list.File = path.Join(e.Instance.RunDir, "runcmd.sh")
	list.Stop = e.Config.Get("runcmd_on_error").Text() == "stop"
	return list, true
}

// runScript runs a script, which calls starting when it is about to do something: what comes
// before, a power cut may undo.
func runScript(ctx context.Context, e *Env, name, file string, run func(starting func()) (host.Result, error)) error {
	result, err := run(func() {
		if err := e.begin(name); err != nil {
			e.Warn("%s is run without a record of it: %v", file, err)
		}
	})
	var exit *host.ExitError
	if err != nil && ctx.Err() != nil || errors.As(err, &exit) && result.Exit < 0 {
		// Ended from outside, as a shutdown does it: it did not come to its end,
		// and if the system is going down the next boot must say so.
		return err
	}
	if err := e.end(name); err != nil {
		e.Warn("%s has run, but there is no record of it: %v", file, err)
	}
	return err
}

// scriptLabel is what a person calls a script: its file's name, and for the one
// made from runcmd where that stands.
func scriptLabel(e *Env, dir, name string) string {
	if where := e.Config.Where("runcmd"); name == "runcmd" && where != "" && dir == path.Join(e.Instance.Dir, "scripts") {
		return "runcmd (" + where + ")"
	}
	return name
}

// scriptFault says shortly how a script failed.
func scriptFault(err error) string {
	if at := (commands.EndedAt{}); errors.As(err, &at) {
		return scriptFault(at.Err) + ", at " + at.Command
	}
	var exit *host.ExitError
	switch {
	case errors.As(err, &exit) && exit.Exit >= 0:
		return fmt.Sprintf("exit code %d", exit.Exit)
	case errors.As(err, &exit):
		return exit.Reason
	case errors.Is(err, syscall.ENOEXEC):
		return "it is not a program and does not begin with #!"
	}
	return err.Error()
}
