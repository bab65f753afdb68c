package boot_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"cloudseed/boot"
	"cloudseed/host"
	"cloudseed/state"
	"cloudseed/test/needs"
	"cloudseed/test/seed"

	"github.com/google/go-cmp/cmp"
)

// busySeed has work for each stage: users, files and a password in the network stage, a
// script that the config stage writes and the final stage runs.
func busySeed(dsmode string) seed.Files {
	return seed.NoCloud("i-1", `#cloud-config
users: [{name: alice, lock_passwd: true}, {name: bob, lock_passwd: true}]
write_files: [{path: /etc/a, content: a}, {path: /etc/b, content: b, defer: true}]
runcmd: [echo done]
`).With("meta-data", "{instance-id: i-1, local-hostname: vm, dsmode: "+dsmode+"}\n")
}

// death kills a process at one of its effects: a write or a command. It counts down; once
// the process is dead, none of its goroutines does anything any more.
type death struct {
	mu   sync.Mutex
	left int
	died bool
}

func (d *death) step() {
	d.mu.Lock()
	d.left--
	d.died = d.died || d.left == 0
	died := d.died
	d.mu.Unlock()
	if died {
		runtime.Goexit()
	}
}

// bootKilling boots as systemd would, a process a stage, and kills one stage at one of its
// effects; died is false when it has fewer, ended true when it had done all of its work by
// then. The later stages' units start if they find an instance.
func bootKilling(t *testing.T, g *guest, stage string, effect int) (died, ended bool) {
	t.Helper()
	must(t, g.RemoveAll(state.RunDir))
	d := &death{left: effect}
	commands := []string{"passwd", "chpasswd", "useradd", "groupadd", runsRuncmd}
	for _, current := range state.Stages {
		if current != state.StageLocal && !g.Exists(state.RunDir+"/.instance-id") {
			continue
		}
		if current == stage {
			g.Guard(func(string) error { d.step(); return nil })
			for _, prefix := range commands {
				g.On(prefix, func(host.Command) { d.step() })
			}
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			g.run(t, current)
		}()
		<-done
		g.Guard(nil)
		for _, prefix := range commands {
			g.On(prefix, func(host.Command) {})
		}
		if current == stage {
			ended = standing(t, state.New(g.Host), stage) == state.Done
		}
	}
	return d.died, ended
}

// finalKilled looks at a boot whose last stage was killed: it is an error once systemd has
// nothing more to start, and the next boot remembers it.
func finalKilled(t *testing.T, g *guest, o state.Overall) {
	t.Helper()
	g.Units = map[string]host.UnitState{}
	for _, unit := range state.Units {
		g.Units[unit] = host.UnitState{Active: "active"}
	}
	g.Units["cloud-final.service"] = host.UnitState{Active: "failed", Result: "signal"}
	s := state.New(g.Host)
	if stopped := s.Stopped(t.Context(), o); stopped.ExitCode() != 1 || stopped.Word != state.Failed {
		t.Errorf("the status is %q with exit code %d", stopped.Word, stopped.ExitCode())
	}
	g.Units = nil
	g.boot(t)
	next, err := s.Overall("")
	must(t, err)
	if o.Status.Stages[state.StageFinal].Finished == nil && !slices.ContainsFunc(next.Earlier, func(f state.Failure) bool { return f.Module == "stage "+state.StageFinal }) {
		t.Errorf("the next boot remembers %+v", next.Earlier)
	}
	g.boot(t)
	next, err = s.Overall("")
	if err != nil || slices.ContainsFunc(next.Earlier, func(f state.Failure) bool { return strings.HasPrefix(f.Module, "stage ") }) {
		t.Errorf("the boot after that remembers %+v, %v", next.Earlier, err)
	}
}

func standing(t *testing.T, s *state.Store, stage string) state.Standing {
	t.Helper()
	standing, err := s.StageStanding(stage)
	must(t, err)
	return standing
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestAStageThatIsKilledIsNeverABootThatWentWell kills each stage at each of its effects,
// while the others go on as systemd would have them: the boot is not "done", and the
// guest is what it was to be, at the latest after the next boot.
func TestAStageThatIsKilledIsNeverABootThatWentWell(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ dsmode, stage string }{
		{"net", state.StageLocal}, {"net", state.StageNetwork}, {"net", state.StageConfig}, {"net", state.StageFinal}, {"local", state.StageLocal},
	} {
		t.Run(row.stage+", dsmode "+row.dsmode, func(t *testing.T) {
			t.Parallel()
			whole := newGuest(t, busySeed(row.dsmode))
			if r := whole.boot(t); len(r.Errors) > 0 {
				t.Fatalf("undisturbed: %q", r.Errors)
			}
			want := guestFiles(t, whole.Dir)
			effect, stride := 1, 5
			if needs.All() {
				stride = 1
			}
			for ; ; effect += stride {
				g := newGuest(t, busySeed(row.dsmode))
				died, ended := bootKilling(t, g, row.stage, effect)
				if !died {
					break
				}
				s := state.New(g.Host)
				o, err := s.Overall("")
				if err != nil {
					t.Fatalf("effect %d: %v", effect, err)
				}
				if o.Over() {
					says := strings.Join(o.Errors, "\n")
					if !ended && (o.ExitCode() != 1 || !strings.Contains(says, "the stage "+row.stage+" ")) {
						t.Errorf("killed at effect %d: the boot is %q with exit code %d, and says %q", effect, o.Word, o.ExitCode(), says)
					}
					if diff := cmp.Diff(want, guestFiles(t, g.Dir)); diff != "" {
						t.Errorf("killed at effect %d, at the end of the boot the guest differs (-whole +killed):\n%s", effect, diff)
					}
				} else if row.stage == state.StageFinal {
					finalKilled(t, g, o)
				}
				g.boot(t)
				if diff := cmp.Diff(want, guestFiles(t, g.Dir)); diff != "" {
					t.Errorf("killed at effect %d, after the next boot the guest differs (-whole +killed):\n%s", effect, diff)
				}
				if scripts := slices.Index(g.Lines(), runsRuncmd); scripts < 0 {
					t.Errorf("killed at effect %d: runcmd never ran", effect)
				}
			}
			if effect < 10 {
				t.Errorf("there were only %d effects to kill it at", effect-1)
			}
			t.Logf("%d effects", effect-1)
		})
	}
}

func TestAPartHandlerThatKillsItsStageIsNotRunAgainByTheNext(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", mimeOf(
		"text/part-handler", "def list_types(): return ['text/x-mine']\ndef handle_part(*a): pass\n",
		"text/cloud-config", "runcmd: [echo done]\nwrite_files: [{path: /etc/a, content: a}]\n",
	)))
	asked := 0
	g.On("python3", func(host.Command) { asked++; runtime.Goexit() })
	must(t, g.RemoveAll(state.RunDir))
	for _, stage := range state.Stages {
		done := make(chan struct{})
		go func() { defer close(done); g.run(t, stage) }()
		<-done
	}
	if asked != 1 {
		t.Errorf("the part handler was started %d times", asked)
	}
	if !slices.Contains(g.Lines(), runsRuncmd) || g.Text(t, "/etc/a") != "a" {
		t.Errorf("the rest of the user data was not applied: %q", g.Lines())
	}
	o, err := state.New(g.Host).Overall("")
	if errs := strings.Join(o.Errors, "\n"); err != nil || !strings.Contains(errs, "the stage init was killed before its end") || !strings.Contains(errs, "is not run again in this boot") {
		t.Errorf("%v, %s", err, errs)
	}
}

// mimeOf is a MIME message of parts, each a type and its content.
func mimeOf(parts ...string) string {
	var out strings.Builder
	out.WriteString("Content-Type: multipart/mixed; boundary=b\nMIME-Version: 1.0\n\n")
	for pair := range slices.Chunk(parts, 2) {
		fmt.Fprintf(&out, "--b\nContent-Type: %s\n\n%s\n", pair[0], pair[1])
	}
	return out.String() + "--b--\n"
}

// TestAFullDiskIsNeverABootThatWentWell lets each write below /var/lib/cloud, /etc or both
// fail from one point on, and then boots with room again.
func TestAFullDiskIsNeverABootThatWentWell(t *testing.T) {
	t.Parallel()
	whole := newGuest(t, busySeed("net"))
	whole.boot(t)
	want := guestFiles(t, whole.Dir)
	for _, dir := range []string{state.CloudDir, "/etc"} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			for from := 1; ; from++ {
				g := newGuest(t, busySeed("net"))
				writes, failed := 0, false
				g.Guard(func(path string) error {
					if !strings.HasPrefix(path, dir) {
						return nil
					}
					if writes++; writes < from {
						return nil
					}
					failed = true
					return syscall.ENOSPC
				})
				r := g.bootAsSystemd(t)
				g.Guard(nil)
				if !failed {
					t.Logf("%d writes", writes)
					return
				}
				if o, err := state.New(g.Host).Overall(""); err != nil || o.Over() && o.ExitCode() == 0 {
					t.Errorf("full from write %d on: the boot is %q, errors %q, %v", from, o.Word, r.Errors, err)
				}
				if dir == state.CloudDir {
					g.boot(t)
					if diff := cmp.Diff(want, guestFiles(t, g.Dir)); diff != "" {
						t.Errorf("full from write %d on, after the next boot the guest differs (-whole +full):\n%s", from, diff)
					}
				}
			}
		})
	}
}

// bootAsSystemd is boot, but stages without an instance are not started.
func (g *guest) bootAsSystemd(t *testing.T) (all boot.Report) {
	t.Helper()
	must(t, g.RemoveAll(state.RunDir))
	for _, stage := range state.Stages {
		if stage == state.StageLocal || g.Exists(filepath.Join(state.RunDir, ".instance-id")) {
			all.Errors = append(all.Errors, g.run(t, stage).Errors...)
		}
	}
	return all
}

// A stage that did not get its turn is the next one's work, the first one's too.
func TestAStageThatMissedItsTurnIsTakenOver(t *testing.T) {
	t.Parallel()
	whole := newGuest(t, busySeed("net"))
	whole.boot(t)
	want := guestFiles(t, whole.Dir)
	for _, missed := range state.Stages[:3] {
		t.Run(missed, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, busySeed("net"))
			must(t, g.RemoveAll(state.RunDir))
			for _, stage := range state.Stages {
				if stage == missed {
					must(t, state.New(g.Host).StageMissed(stage, errors.New("another process was at work")))
					continue
				}
				if stage != state.StageLocal && !g.Exists(state.RunDir+"/.instance-id") && !g.Exists(state.RunDir+"/.awaited-seed") {
					t.Fatalf("the unit of %s does not start", stage)
				}
				g.run(t, stage)
			}
			if diff := cmp.Diff(want, guestFiles(t, g.Dir)); diff != "" {
				t.Errorf("the guest differs (-whole +missed):\n%s", diff)
			}
			o, err := state.New(g.Host).Overall("")
			if says := strings.Join(o.Errors, "\n"); err != nil || !o.Over() || o.ExitCode() != 1 ||
				!strings.Contains(says, "another process was at work") || !strings.Contains(says, "the stage "+missed+" did not run in this boot") {
				t.Errorf("%q, %v: %s", o.Word, err, says)
			}
		})
	}
}

// What the stage before could not do, nothing is built on: no module of this stage runs.
func TestAStageDoesNotRunWhenTheOneBeforeItCannotBeDone(t *testing.T) {
	t.Parallel()
	g := newGuest(t, busySeed("net"))
	must(t, g.RemoveAll(state.RunDir))
	g.run(t, state.StageLocal)
	must(t, state.New(g.Host).StageMissed(state.StageNetwork, errors.New("another process was at work")))
	if _, err := g.WriteFile(state.InstanceDir("i-1")+"/seed.json", []byte("{"), host.File{Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	before := g.Lines()
	r := g.run(t, state.StageConfig)
	says := strings.Join(r.Errors, "\n")
	for _, want := range []string{
		"the stage init did not run in this boot; the stage modules-config runs what it left undone",
		"cannot read the seed of instance i-1",
		"the stage modules-config does not run: the stage init could not be done",
	} {
		if !strings.Contains(says, want) {
			t.Errorf("%q is not in %s", want, says)
		}
	}
	if diff := cmp.Diff(before, g.Lines()); diff != "" || len(r.Modules) > 0 || g.Exists("/etc/a") {
		t.Errorf("something ran: %v\n%s", r.Modules, diff)
	}
	if s := standing(t, state.New(g.Host), state.StageConfig); s == state.Done {
		t.Error("the stage counts as done")
	}
}
