package packages

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cloudseed/host"
	"cloudseed/test/needs"
)

// world is an empty root with a repository of its own, and a real dnf that works in it.
type world struct {
	*guest
	t         *testing.T
	dir, root string
	said      []string
	waits     []time.Duration
	waiting   func() // during each wait
}

// newWorld makes a repository of toy packages by rpmbuild and createrepo_c: ok in two versions,
// needy, whose dependency is nowhere, and fails, whose %pre fails.
func newWorld(t *testing.T, tool string) *world {
	t.Helper()
	needs.Root(t)
	if _, err := exec.LookPath(tool); tool == "dnf5" && err != nil {
		// Debian has it since 14 only: no failure where nothing else may be skipped.
		needs.Rare(t, "the program dnf5")
	}
	needs.Programs(t, tool, "rpm", "rpmbuild", "createrepo_c")
	w := &world{t: t, dir: t.TempDir()}
	w.root = filepath.Join(w.dir, "root")
	w.build("ok", "1", "")
	w.build("ok", "2", "")
	w.build("other", "1", "Provides: webserver")
	w.build("needy", "1", "Requires: nowhere-to-be-had")
	// rpm runs Lua by itself: the root needs no shell.
	w.build("fails", "1", "%pre -p <lua>\nerror(\"it cannot go on\")")
	w.do("createrepo_c", "-q", filepath.Join(w.dir, "repo"))
	w.repository("file://" + w.dir + "/repo")

	real := host.New("/", host.Options{})
	h := host.New(w.root, host.Options{
		LookPath: func(name string) (string, error) {
			if name == tool || name == "rpm" {
				return "/usr/bin/" + name, nil
			}
			return "", &host.MissingError{Program: name}
		},
		Exec: func(ctx context.Context, c host.Command) (host.Result, error) {
			options := []string{"--root=" + w.root}
			switch c.Argv[0] {
			case "dnf":
				options = []string{"-c", filepath.Join(w.dir, "dnf.conf"), "--installroot=" + w.root, "--releasever=9"}
			case "dnf5":
				options = []string{"--installroot=" + w.root, "--releasever=9"}
			}
			c.Argv = slices.Insert(slices.Clone(c.Argv), 1, options...)
			r, err := real.Run(ctx, c)
			if exit := (*host.ExitError)(nil); errors.As(err, &exit) && r.Exit > 0 {
				err = nil // the host outside judges it
			}
			return r, err
		},
	})
	w.guest = &guest{
		host: h, lockWait: lockWait, progress: func(line string) { w.said = append(w.said, line) },
		sleep: func(_ context.Context, d time.Duration) error {
			w.waits = append(w.waits, d)
			if w.waiting != nil {
				w.waiting()
			}
			return nil
		},
	}
	return w
}

func (w *world) write(name, content string) {
	w.t.Helper()
	at := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) do(argv ...string) string {
	w.t.Helper()
	out, err := exec.CommandContext(w.t.Context(), argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("%q: %v: %s", argv, err, out)
	}
	return string(out)
}

func (w *world) build(name, version, more string) {
	w.t.Helper()
	w.write(name+".spec", fmt.Sprintf("Name: %s\nVersion: %s\nRelease: 1\nSummary: toy\nLicense: MIT\nBuildArch: noarch\n%s\n%%description\ntoy\n%%files\n", name, version, more))
	w.do("rpmbuild", "-bb", "--define=_topdir "+w.dir+"/build", "--define=_rpmdir "+w.dir+"/repo", filepath.Join(w.dir, name+".spec"))
}

// repository gives the root its one repository.
func (w *world) repository(url string) {
	w.t.Helper()
	toy := "[toy]\nname=toy\ngpgcheck=0\nbaseurl=" + url + "\n"
	w.write("dnf.conf", fmt.Sprintf("[main]\nreposdir=%[1]s/none\ncachedir=%[1]s/cache\npersistdir=%[1]s/persist\nlogdir=%[1]s/log\nretries=1\ntimeout=5\n%[2]s", w.dir, toy))
	w.write("root/etc/yum.repos.d/toy.repo", toy)
}

func (w *world) installed() string {
	w.t.Helper()
	names := strings.Fields(w.do("rpm", "--root="+w.root, "-qa"))
	slices.Sort(names)
	return strings.Join(names, " ")
}

func eachRealTool(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, tool := range []string{"dnf", "dnf5"} {
		t.Run(tool, func(t *testing.T) { test(t, newWorld(t, tool)) })
	}
}

func TestARealToolInstallsAllButTheWrongNames(t *testing.T) {
	eachRealTool(t, func(t *testing.T, w *world) {
		if err := w.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		missing, err := w.Install(t.Context(), []Spec{{Name: "nosuch"}, {"ok", "1"}, {Name: "needy"}, {Name: "webserver"}, {"other", "7"}})
		if err != nil || fmt.Sprint(missing) != "[nosuch other 7 needy]" {
			t.Errorf("missing %v, %v", missing, err)
		}
		if got := w.installed(); got != "ok-1-1.noarch other-1-1.noarch" {
			t.Errorf("installed is %s", got)
		}
		if all := strings.Join(w.said, "\n"); !strings.Contains(all, "Complete!") {
			t.Errorf("progress is %s", all)
		}
		if err := w.Upgrade(t.Context()); err != nil {
			t.Error(err)
		}
		if got := w.installed(); got != "ok-2-1.noarch other-1-1.noarch" {
			t.Errorf("after the upgrade, installed is %s", got)
		}
		for _, again := range [][]Spec{{{Name: "ok"}}, {{Name: "nosuch"}}} {
			missing, err := w.Install(t.Context(), again)
			if err != nil || (len(missing) > 0) != (again[0].Name == "nosuch") {
				t.Errorf("again %v: missing %v, %v", again, missing, err)
			}
		}
	})
}

func TestARealToolFailsWithAScriptlet(t *testing.T) {
	eachRealTool(t, func(t *testing.T, w *world) {
		missing, err := w.Install(t.Context(), []Spec{{Name: "fails"}})
		if err == nil || !strings.Contains(err.Error(), ": Error in ") || !strings.Contains(err.Error(), "fails") {
			t.Errorf("missing %v, %v; it said %s", missing, err, strings.Join(w.said, "\n"))
		}
		if got := w.installed(); got != "" {
			t.Errorf("installed is %s", got)
		}
	})
}

func TestARealLockIsWaitedFor(t *testing.T) {
	w := newWorld(t, "dnf")
	// dnf 4 takes a file with the number of a process that lives for a lock; its cachedir is
	// below the root that it installs into.
	name := filepath.Join("root", w.dir, "cache/metadata_lock.pid")
	lock := filepath.Join(w.dir, name)
	w.write(name, strconv.Itoa(os.Getpid()))
	w.waiting = func() {
		if len(w.waits) == 2 {
			if err := os.Remove(lock); err != nil {
				t.Error(err)
			}
		}
	}
	if missing, err := w.Install(t.Context(), []Spec{{Name: "ok"}}); err != nil || missing != nil {
		t.Errorf("missing %v, %v: %s", missing, err, strings.Join(w.said, "\n"))
	}
	if len(w.waits) != 2 || w.installed() != "ok-2-1.noarch" {
		t.Errorf("waits %v, installed is %s", w.waits, w.installed())
	}
}

func TestARealToolDoesNotWaitForALockForEver(t *testing.T) {
	w := newWorld(t, "dnf5")
	const name = "root/var/lib/dnf/system-repo.lock"
	w.write(name, "")
	f, err := os.OpenFile(filepath.Join(w.dir, name), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// Of the open file: another lock of this process would be its own.
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		t.Fatal(err)
	}
	w.lockWait = 3 * time.Second
	_, err = w.Install(t.Context(), []Spec{{Name: "ok"}})
	if err == nil || !strings.Contains(err.Error(), "another program has held the package manager's lock for 3s") || w.installed() != "" {
		t.Errorf("%v, installed is %q; it said %s", err, w.installed(), strings.Join(w.said, "\n"))
	}
}

func TestARealRepositoryThatDoesNotAnswerIsTriedAgain(t *testing.T) {
	eachRealTool(t, func(t *testing.T, w *world) {
		w.repository("http://127.0.0.1:1/")
		w.waiting = func() {
			if len(w.waits) == 2 {
				w.repository("file://" + w.dir + "/repo")
			}
		}
		if err := w.Refresh(t.Context()); err != nil || len(w.waits) != 2 {
			t.Errorf("waits %v, %v: %s", w.waits, err, strings.Join(w.said, "\n"))
		}
		w.repository("file://" + w.dir + "/nothing-there")
		w.waiting, w.waits = nil, nil
		if err := w.Refresh(t.Context()); err == nil || len(w.waits) > 0 {
			t.Errorf("a directory that is not there: waits %v, %v", w.waits, err)
		}
	})
}
