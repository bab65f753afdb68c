package modules

import (
	"context"
	"fmt"
	"path"

	"cloudseed/config"
	"cloudseed/modules/commands"
	"cloudseed/state"
)

type bootcmdKeys struct {
	Bootcmd *config.Value `key:"bootcmd" takes:"list(text|list(text|nothing)|nothing)|text" doc:"commands, run at every boot by one sh script: a string is taken as sh reads it, a list is a program and its arguments, each taken as it is"`
}

var bootcmd = Of[bootcmdKeys]{
	Name:       "bootcmd",
	Stage:      InitStage,
	Frequency:  state.Always,
	ActiveIf:   []string{"bootcmd"},
	Repeatable: true, // it is for every boot
	Doc: "Runs commands early in every boot, as one sh script. The environment variable INSTANCE_ID is the " +
		"instance's id. The script's exit code, that of its last command, decides whether the module failed.",
	Example: "bootcmd:\n  - echo booted as $INSTANCE_ID >> /var/log/boots\n  - [modprobe, dummy]\n",
	Network: func(*Env, *bootcmdKeys) NetworkUse { return MayUseNetwork },
	Check:   func(e *Env, _ *bootcmdKeys) { commands.Check(e.At("bootcmd")) },
	Run:     runBootcmd,
}.Module()

func runBootcmd(ctx context.Context, e *Env, _ *bootcmdKeys) error {
	list, ok := commands.Read(e.At("bootcmd"))
	if !ok {
		return nil
	}
	// A file and not an argument or the standard input: an argument can be 128 KiB
	// long at most and is seen in the list of processes, and commands may read
	// their standard input.
	list.File = path.Join(e.Instance.RunDir, "bootcmd.sh")
	if e.Instance.ID != "" {
		list.Env = []string{"INSTANCE_ID=" + e.Instance.ID}
	}
	if _, err := list.Run(ctx, e.Host, e.Log); err != nil {
		return fmt.Errorf("cannot run all of bootcmd (%s): %w", e.Config.Where("bootcmd"), err)
	}
	return nil
}
