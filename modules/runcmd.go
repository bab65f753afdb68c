package modules

import (
	"context"
	"path"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/state"
)

type runcmdKeys struct {
	Runcmd  *config.Value `key:"runcmd" takes:"list(text|list(text|nothing)|nothing)|text" doc:"commands, run in order by one sh script: a string is taken as sh reads it, a list is a program and its arguments, each taken as it is"`
	OnError string        `key:"runcmd_on_error" enum:"continue|stop" default:"continue" doc:"What a command that fails does: the script goes on, as with cloud-init, or it stops with an error."`
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
	Check:   func(e *Env, keys *runcmdKeys) { checkScript(e, "runcmd", keys.Runcmd) },
	Run:     runRuncmd,
}.Module()

func runRuncmd(_ context.Context, e *Env, _ *runcmdKeys) error {
	commands, ok := commandsOf(e, "runcmd")
	if !ok {
		return nil
	}
	_, err := e.Host.WriteFile(runcmdScript(e), []byte(commands.Text()), host.File{Mode: 0o700, Secret: true})
	return e.undone(err)
}

// runcmdScript is the script that runcmd writes and scripts_user runs.
func runcmdScript(e *Env) string { return path.Join(e.Instance.Dir, "scripts/runcmd") }
