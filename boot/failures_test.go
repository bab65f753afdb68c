package boot_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"cloudseed/boot"
	"cloudseed/host"
	"cloudseed/state"
	"cloudseed/test/seed"
)

func TestWhatFailedInAnEarlierBootIsRememberedUntilItSucceedsOrIsAcknowledged(t *testing.T) {
	t.Parallel()
	fill := func(g *guest, full bool) {
		g.Guard(nil)
		if full {
			g.Guard(func(path string) error {
				if strings.HasPrefix(path, "/etc/") {
					return syscall.ENOSPC
				}
				return nil
			})
		}
	}
	for name, end := range map[string]func(t *testing.T, g *guest){
		"it succeeds": func(t *testing.T, g *guest) {
			t.Helper()
			if _, err := g.agent(t).Single(t.Context(), "write_files", state.Always, nil); err != nil {
				t.Fatal(err)
			}
		},
		"it is acknowledged": func(t *testing.T, g *guest) { t.Helper(); must(t, state.New(g.Host).Acknowledge("i-1")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nwrite_files: [{path: /etc/a, content: a}]\n").With("meta-data", "instance-id: i-1\n"))
			fill(g, true)
			g.boot(t)
			fill(g, false)
			g.console.Reset()
			if r := g.boot(t); len(r.Errors) > 0 {
				t.Errorf("the second boot's own errors: %q", r.Errors)
			}
			o, err := state.New(g.Host).Overall("")
			if err != nil || o.ExitCode() != 0 || len(o.Earlier) == 0 || o.Earlier[len(o.Earlier)-1].Module != "write_files" {
				t.Errorf("exit code %d, %+v, %v", o.ExitCode(), o.Earlier, err)
			}
			if got := g.console.String(); !strings.Contains(got, "Of an earlier boot") || !strings.Contains(got, "write_files: failed: ") {
				t.Errorf("the console says %q", got)
			}
			end(t, g)
			g.boot(t)
			o, err = state.New(g.Host).Overall("")
			if err != nil || slices.ContainsFunc(o.Earlier, func(f state.Failure) bool { return f.Module == "write_files" }) {
				t.Errorf("it is still remembered: %+v, %v", o.Earlier, err)
			}
		})
	}
}

func TestANewInstanceIsAnnounced(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\n{}\n"))
	g.boot(t)
	if got := g.console.String(); strings.Contains(got, "new instance") {
		t.Errorf("the first one is announced: %q", got)
	}
	if err := os.WriteFile(filepath.Join(g.seed, "meta-data"), []byte("instance-id: i-2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	g.boot(t)
	if got := g.console.String(); !strings.Contains(got, "cloudseed: new instance: id i-2, was i-1") {
		t.Errorf("the console says %q", got)
	}
	o, err := state.New(g.Host).Overall("")
	if err != nil || o.Status == nil || o.Status.Previous == nil || *o.Status.Previous != "i-1" {
		t.Errorf("the status is %+v, %v", o.Status, err)
	}
	recorded := false
	for _, e := range g.Effects() {
		recorded = recorded || e.Kind == "instance" && e.Value == "i-2" && e.Before == "i-1"
	}
	if !recorded {
		t.Error("the change log does not have it")
	}
}

// A command by hand prints no password: its output may be kept in a log.
func TestARandomPasswordIsForTheMachinesConsoleAlone(t *testing.T) {
	t.Parallel()
	for name, terminal := range map[string]bool{"with a console": true, "without one": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\n{}\n"))
			g.boot(t)
			g.console.Reset()
			g.Put(t, "/etc/cloud/cloud.cfg.d/99_random.cfg", "chpasswd: {expire: false, users: [{name: root, type: RANDOM}, {name: cloud-user, type: text, password: other}]}\n")
			o := g.options(t)
			var shown strings.Builder
			o.Terminal = nil
			if terminal {
				o.Terminal = &shown
			}
			r, err := boot.New(o).Single(t.Context(), "set_passwords", state.Always, nil)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(g.console.String(), "root:") {
				t.Errorf("the command prints %q", g.console.String())
			}
			if want := map[bool]boot.Result{true: boot.ResultOK, false: boot.ResultWarned}[terminal]; r.Result != want {
				t.Errorf("the module is %q: %s", r.Result, r.Error)
			}
			if terminal != strings.Contains(shown.String(), "root:") {
				t.Errorf("the console shows %q", shown.String())
			}
			if calls := g.Calls(); !strings.Contains(calls[len(calls)-1].Stdin, "cloud-user:other") {
				t.Errorf("the other password was not set: %+v", calls[len(calls)-1])
			}
		})
	}
}

// A document with very many mistakes must not fill the console, the status or the time.
func TestVeryManyMistakesAreCountedNotShown(t *testing.T) {
	t.Parallel()
	var userData, metadata strings.Builder
	userData.WriteString("#cloud-config\n")
	metadata.WriteString("instance-id: i-1\nnetwork-interfaces: |\n")
	for i := range 20_000 {
		fmt.Fprintf(&userData, "k%d: 1\n", i)
		metadata.WriteString("  iface x\n")
	}
	g := newGuest(t, seed.NoCloud("i-1", userData.String()).With("meta-data", metadata.String()))
	g.boot(t)
	if lines := strings.Count(g.console.String(), "\n"); lines > 500 {
		t.Errorf("%d lines on the console", lines)
	}
	if info, err := g.Stat(state.RunDir + "/status.json"); err != nil || info.Size() > 64<<10 {
		t.Errorf("the status has %d bytes, %v", info.Size(), err)
	}
	if status := g.Text(t, state.RunDir+"/status.json"); !strings.Contains(status, `more of the kind`) {
		t.Errorf("the rest is not counted: %.300s", status)
	}
}

// A seed may switch the agent off: the units of the later stages do not start then.
func TestAllStagesInOneProcessEndWhereTheUnitsWould(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nbootcmd: [switch it off]\nruncmd: [echo on]\n"))
	g.On("/bin/sh", func(host.Command) { g.Put(t, "/etc/cloud/cloud-init.disabled", "") })
	g.agent(t).RunAll(t.Context())
	for _, line := range g.Lines() {
		if strings.Contains(line, "runcmd") {
			t.Errorf("a later stage ran: %s", line)
		}
	}
	if !g.Exists("/etc/cloud/cloud-init.disabled") {
		t.Error("bootcmd did not run")
	}
}

// What the machine lacks on which a seed is tried is not the seed's fault.
func TestInARehearsalAMissingProgramIsANote(t *testing.T) {
	t.Parallel()
	for name, rehearsal := range map[string]bool{"in a guest": false, "in a rehearsal": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nssh_pwauth: true\nruncmd: [exit 3]\n"))
			g.Lacks("sshd")
			g.Answer("ssh-keygen", host.Result{Exit: -1}, &host.MissingError{Program: "ssh-keygen"})
			g.Answer(runsRuncmd, host.Result{Exit: 3}, &host.ExitError{Argv: []string{"runcmd"}, Exit: 3})
			o := g.options(t)
			o.Rehearsal = rehearsal
			b := boot.New(o)
			b.RunAll(t.Context())
			r := b.Report()
			want := map[bool]boot.Result{true: "left out: no ssh-keygen here", false: boot.ResultFailed}[rehearsal]
			if got := results(r)["ssh"]; got != want {
				t.Errorf("the module ssh is %q, want %q", got, want)
			}
			if got := results(r)["set_passwords"]; (got == boot.ResultOK) != rehearsal {
				t.Errorf("the module set_passwords is %q", got)
			}
			if noted := strings.Contains(strings.Join(r.Notes, "\n"), "sshd is not installed"); noted != rehearsal {
				t.Errorf("notes: %q", r.Notes)
			}
			// What is the seed's stays an error.
			if len(r.Errors) == 0 || rehearsal && len(r.Errors) != 1 {
				t.Errorf("errors: %q", r.Errors)
			}
		})
	}
}
