package boot_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/boot"
	"cloudseed/host"
	"cloudseed/state"
)

// Builders of images call "clean" at the end of runcmd, in the middle of the final stage.
func TestAfterACleanInAStageNothingIsKeptAndTheNextBootIsAFirstOne(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]string{
		"in runcmd":  runsRuncmd,
		"in bootcmd": "/bin/sh",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := busySeed("net")
			files["user-data"] += "bootcmd: [echo early]\n"
			g := newGuest(t, files)
			g.Machine.Guard(state.Guard(g.Host))
			g.On(command, func(c host.Command) {
				if err := state.New(g.Host).Clean(false); err != nil {
					t.Error(err)
				}
			})
			g.boot(t)
			entries, err := os.ReadDir(filepath.Join(g.Dir, state.CloudDir))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			for _, e := range entries {
				if e.Name() != "seed" {
					t.Errorf("after clean, %s is there", e.Name())
				}
			}
			s := state.New(g.Host)
			if o, err := s.Overall(""); err != nil || !o.Over() || o.Status == nil {
				t.Errorf("the boot says %+v, %v", o, err)
			}
			for _, file := range []string{"status.json", "result.json"} {
				if info, err := g.Lstat(state.RunDir + "/" + file); err != nil || !info.Mode().IsRegular() {
					t.Errorf("%s: %v, %v", file, info, err)
				}
			}
			g.On(command, func(host.Command) {})
			r := g.boot(t)
			if len(r.Errors) > 0 || results(r)["users_groups"] != boot.ResultOK || results(r)["runcmd"] != boot.ResultOK {
				t.Errorf("the next boot is no first one: %v, %q", results(r), r.Errors)
			}
		})
	}
}

func TestACleanAfterTheBootLeavesNothingBehindEither(t *testing.T) {
	t.Parallel()
	g := newGuest(t, busySeed("net"))
	g.boot(t)
	if err := state.New(g.Host).Clean(false); err != nil {
		t.Fatal(err)
	}
	if state.New(g.Host).Cleaned() {
		t.Error("the state is frozen though no stage runs")
	}
	if r := g.boot(t); len(r.Errors) > 0 || results(r)["users_groups"] != boot.ResultOK {
		t.Errorf("%v, %s", results(r), strings.Join(r.Errors, "\n"))
	}
}
