package modules

import (
	"context"
	"path"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/state"
)

type runcmdKeys struct {
	Runcmd *config.Value `key:"runcmd" takes:"list(text|list(text|nothing)|nothing)|text" doc:"commands, run in order by one sh script: a string is taken as sh reads it, a list is a program and its arguments, each taken as it is"`
}

var runcmd = Module{
	Name:       "runcmd",
	Frequency:  state.PerInstance,
	Keys:       runcmdKeys{},
	ActiveIf:   []string{"runcmd"},
	Repeatable: true, // it only writes the script
	RunBy:      "scripts_user",
	Doc: "Writes the commands of runcmd as one sh script into the instance's directory of scripts, " +
		"where scripts_user runs it late in the boot, after packages are installed.",
	Check: func(e *Env) { checkScript(e, "runcmd") },
	Run:   runRuncmd,
}

func runRuncmd(_ context.Context, e *Env) error {
	list := e.Config.Get("runcmd")
	text, problems := script("runcmd", list)
	for _, p := range problems {
		e.Problem(p)
	}
	if k := list.Kind(); k != config.List && k != config.String {
		return nil
	}
	_, err := e.Host.WriteFile(runcmdScript(e), []byte(text), host.File{Mode: 0o700, Secret: true})
	return e.undone(err)
}

// runcmdScript is the script that runcmd writes and scripts_user runs.
func runcmdScript(e *Env) string { return path.Join(e.Instance.Dir, "scripts/runcmd") }
