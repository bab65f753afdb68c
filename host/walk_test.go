package host_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/test/needs"

	"golang.org/x/sys/unix"
)

const aliceID = 1000

var alice = host.Owner{UID: aliceID, GID: aliceID}

// alicesMachine has a user whose home is that user's to fill, and a file of root's that
// only root may read.
func alicesMachine(t *testing.T) *hosttest.Machine {
	t.Helper()
	m := hosttest.New(t)
	m.Put(t, "/etc/passwd", hosttest.Passwd+"alice:x:1000:1000::/home/alice:/bin/bash\n")
	m.Put(t, "/etc/group", hosttest.Group+"alice:x:1000:\n")
	m.Put(t, "/etc/shadow", "root:secret\n")
	m.Put(t, "/etc/cron.d/daily", "job\n")
	m.Put(t, "/home/alice/own/file", "mine\n")
	for _, path := range []string{"/home/alice", "/home/alice/own", "/home/alice/own/file"} {
		m.Give(path, aliceID, aliceID)
	}
	return m
}

// plant is what alice puts in her home.
type plant func(t *testing.T, m *hosttest.Machine)

func linkOf(owner int, target, path string) plant {
	return func(t *testing.T, m *hosttest.Machine) {
		t.Helper()
		must(t, os.RemoveAll(filepath.Join(m.Dir, path)))
		must(t, os.Symlink(target, filepath.Join(m.Dir, path)))
		m.Give(path, owner, owner)
	}
}

func hardLink(from, path string) plant {
	return func(t *testing.T, m *hosttest.Machine) {
		t.Helper()
		must(t, os.RemoveAll(filepath.Join(m.Dir, path)))
		must(t, os.Link(filepath.Join(m.Dir, from), filepath.Join(m.Dir, path)))
	}
}

func pipe(path string) plant {
	return func(t *testing.T, m *hosttest.Machine) {
		t.Helper()
		must(t, os.RemoveAll(filepath.Join(m.Dir, path)))
		must(t, unix.Mkfifo(filepath.Join(m.Dir, path), 0o600))
		m.Give(path, aliceID, aliceID)
	}
}

func ownedBy(uid int, path string) plant {
	return func(_ *testing.T, m *hosttest.Machine) { m.Give(path, uid, uid) }
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What root does in alice's home. Each of them is tried with each plant.
var alicesFile = host.File{Owner: alice, Mode: 0o644}

func writeFile(m *hosttest.Machine) error {
	_, err := m.WriteFile("/home/alice/own/file", []byte("new\n"), alicesFile)
	return err
}

func keepMeta(m *hosttest.Machine) error {
	f := alicesFile
	f.KeepMeta = true
	_, err := m.WriteFile("/home/alice/own/file", []byte("new\n"), f)
	return err
}

func appendFile(m *hosttest.Machine) error {
	_, err := m.AppendFile("/home/alice/own/file", []byte("new\n"), alicesFile)
	return err
}

func readOwned(m *hosttest.Machine) error {
	_, err := m.ReadOwned("/home/alice/own/file", aliceID, 1<<20)
	return err
}
func chmod(m *hosttest.Machine) error  { return m.Chmod("/home/alice/own/file", 0o666) }
func chown(m *hosttest.Machine) error  { return m.Chown("/home/alice/own/file", alice) }
func mkdir(m *hosttest.Machine) error  { return m.Mkdir("/home/alice/own/new", 0o755, alice) }
func link(m *hosttest.Machine) error   { return m.Symlink("/etc/motd", "/home/alice/own/link") }
func remove(m *hosttest.Machine) error { return m.Remove("/home/alice/own/daily") }
func removeAll(m *hosttest.Machine) error {
	return m.RemoveAll("/home/alice/own/daily")
}

func TestWhatAUserPlantsInItsHomeIsNotActedOn(t *testing.T) {
	t.Parallel()
	const file, dir = "/home/alice/own/file", "/home/alice/own"
	type operation struct {
		name string
		do   func(*hosttest.Machine) error
	}
	all := []operation{
		{"write", writeFile}, {"write, keeping the owner", keepMeta}, {"append", appendFile}, {"read", readOwned}, {"chmod", chmod}, {"chown", chown},
	}
	inside := []operation{{"mkdir", mkdir}, {"symlink", link}, {"remove", remove}, {"remove all", removeAll}}
	for _, row := range []struct {
		name       string
		plant      plant
		operations []operation
		want       string
	}{
		{"a link in the place of the file", linkOf(aliceID, "/etc/shadow", file), all, "is a link that does not belong to root"},
		{"a relative link in the place of the file", linkOf(aliceID, "../../../etc/shadow", file), all, "is a link that does not belong to root"},
		{"a link in the place of the directory", linkOf(aliceID, "/etc/cron.d", dir), append(all, inside...), "is a link that does not belong to root"},
		{"another user's link in the place of the file", linkOf(1001, "/etc/shadow", file), all, "is a link that does not belong to root"},
		{"a hard link to a file of root's", hardLink("/etc/shadow", file), all[1:], "has more than one hard link"},
		{"a pipe", pipe(file), all, "is not a regular file"},
		{"a third party's file", ownedBy(1001, file), all[1:], "belongs to neither root nor the owner of the directory"},
	} {
		for _, op := range row.operations {
			t.Run(row.name+"/"+op.name, func(t *testing.T) {
				t.Parallel()
				m := alicesMachine(t)
				row.plant(t, m)
				err := op.do(m)
				var refused *host.RefusedError
				if !errors.As(err, &refused) || refused.Reason != row.want {
					t.Errorf("got %v, want a refusal: %s", err, row.want)
				}
				if len(m.Effects()) > 0 {
					t.Errorf("recorded: %+v", m.Effects())
				}
				if m.Text(t, "/etc/shadow") != "root:secret\n" || m.Text(t, "/etc/cron.d/daily") != "job\n" || m.Owner("/etc/shadow") != "" {
					t.Error("a file of root's was changed")
				}
			})
		}
	}
}

func TestAUsersOwnFilesAreWrittenAsBefore(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]func(*hosttest.Machine) error{
		"write": writeFile, "keep the owner": keepMeta, "append": appendFile, "read": readOwned, "chmod": chmod, "chown": chown, "mkdir": mkdir, "symlink": link,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			must(t, op(alicesMachine(t)))
		})
	}
	t.Run("a hard link is replaced, not written to", func(t *testing.T) {
		t.Parallel()
		m := alicesMachine(t)
		hardLink("/etc/shadow", "/home/alice/own/file")(t, m)
		must(t, writeFile(m))
		if got := m.Text(t, "/home/alice/own/file") + m.Text(t, "/etc/shadow"); got != "new\nroot:secret\n" {
			t.Errorf("got %q", got)
		}
		// What alice linked is not in the change log: not its content, not its digest.
		if e := m.Effects(); len(e) != 1 || e[0].Before != "" || strings.Contains(e[0].Diff, "secret") {
			t.Errorf("recorded: %+v", e)
		}
	})
}

func TestRootsLinksAreFollowed(t *testing.T) {
	t.Parallel()
	for name, plants := range map[string][]plant{
		"in root's directory":       {linkOf(0, "/etc/motd", "/etc/link")},
		"a relative one, with dots": {linkOf(0, "../etc/./motd", "/etc/link")},
		"a directory":               {linkOf(0, "/etc", "/link"), linkOf(0, "/link/motd", "/etc/link")},
		"above the root":            {linkOf(0, "../../../../etc/motd", "/etc/link")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := alicesMachine(t)
			m.Put(t, "/etc/motd", "old\n")
			for _, p := range plants {
				p(t, m)
			}
			_, err := m.WriteFile("/etc/link", []byte("new\n"), host.File{})
			must(t, err)
			if got := m.Text(t, "/etc/motd"); got != "new\n" {
				t.Errorf("got %q", got)
			}
			if info, err := m.Lstat("/etc/link"); err != nil || info.Mode()&os.ModeSymlink == 0 {
				t.Errorf("the link is gone: %v, %v", info, err)
			}
		})
	}
	t.Run("a loop ends", func(t *testing.T) {
		t.Parallel()
		m := hosttest.New(t)
		linkOf(0, "b", "/etc/a")(t, m)
		linkOf(0, "a", "/etc/b")(t, m)
		if _, err := m.WriteFile("/etc/a", nil, host.File{}); !errors.Is(err, unix.ELOOP) {
			t.Errorf("got %v", err)
		}
	})
}

func TestStickyDirectories(t *testing.T) {
	t.Parallel()
	m := alicesMachine(t)
	must(t, os.Mkdir(filepath.Join(m.Dir, "tmp"), 0o755))
	must(t, os.Chmod(filepath.Join(m.Dir, "tmp"), 0o777|os.ModeSticky))
	linkOf(0, "/etc/motd", "/tmp/roots")(t, m)
	linkOf(aliceID, "/etc/motd", "/tmp/alices")(t, m)
	if _, err := m.WriteFile("/tmp/roots", []byte("new\n"), host.File{}); err != nil {
		t.Errorf("root's own link in /tmp: %v", err)
	}
	var refused *host.RefusedError
	if _, err := m.WriteFile("/tmp/alices", []byte("new\n"), host.File{}); !errors.As(err, &refused) {
		t.Errorf("alice's link in /tmp: %v", err)
	}
}

func TestNamesAsLongAsTheFileSystemAllowsAreWritten(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	name := "/etc/" + strings.Repeat("x", 255)
	_, err := m.WriteFile(name, []byte("a\n"), host.File{})
	must(t, err)
	must(t, m.Symlink("/etc/motd", "/etc/"+strings.Repeat("y", 255)))
	if m.Text(t, name) != "a\n" {
		t.Error("it was not written")
	}
}

func TestALogThatCouldStopTheBootIsNotOpened(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	pipe("/etc/log")(t, m)
	done := make(chan error, 1)
	go func() {
		_, err := m.OpenLog("/etc/log", host.Log{})
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			t.Error("the pipe was opened")
		}
	case <-time.After(time.Minute):
		t.Error("the open waits for a reader")
	}
	if _, err := m.ReadFile("/etc/log"); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("reading it: %v", err)
	}
}

func TestAFileThatPretendsToBeHugeIsNotRead(t *testing.T) {
	t.Parallel()
	m := alicesMachine(t)
	const file = "/home/alice/own/file"
	must(t, os.Truncate(filepath.Join(m.Dir, file), 8<<30))
	var large *host.TooLargeError
	if _, err := m.ReadFile(file); !errors.As(err, &large) {
		t.Errorf("read: %v", err)
	}
	if _, err := m.ReadOwned(file, aliceID, 1<<20); !errors.As(err, &large) || large.Limit != 1<<20 {
		t.Errorf("read with a limit: %v", err)
	}
	if err := appendFile(m); !errors.As(err, &large) {
		t.Errorf("append: %v", err)
	}
	must(t, writeFile(m))
	if e := m.Effects(); len(e) != 1 || e[0].Before != "" || e[0].After == "" {
		t.Errorf("recorded: %+v", e)
	}
}

// TestTheFutureOwnerCannotWinTheRace has alice exchange what root is writing with a link to
// a file of root's, as fast as she can, while root gives it to her.
func TestTheFutureOwnerCannotWinTheRace(t *testing.T) {
	needs.Root(t)
	t.Parallel()
	root := t.TempDir()
	home := filepath.Join(root, "home/alice")
	must(t, os.MkdirAll(home, 0o755))
	must(t, os.MkdirAll(filepath.Join(root, "etc"), 0o755))
	shadow := filepath.Join(root, "etc/shadow")
	must(t, os.WriteFile(shadow, []byte("secret\n"), 0o600))
	must(t, os.Chown(home, aliceID, aliceID))
	bait := filepath.Join(home, "bait")
	must(t, os.Symlink("../../etc/shadow", bait))
	must(t, os.Lchown(bait, aliceID, aliceID))

	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		d, err := os.Open(home)
		if err != nil {
			t.Error(err)
			return
		}
		defer d.Close()
		for {
			select {
			case <-stop:
				return
			default:
			}
			names, err := d.Readdirnames(-1)
			if _, seek := d.Seek(0, io.SeekStart); err != nil || seek != nil {
				t.Error(err, seek)
				return
			}
			for _, name := range names {
				if name == "dir" || strings.HasSuffix(name, "~") { // it may be gone by now
					_ = unix.Renameat2(int(d.Fd()), name, int(d.Fd()), "bait", unix.RENAME_EXCHANGE)
				}
			}
		}
	}()
	h := host.New(root, host.Options{})
	owner := host.File{Owner: alice, Mode: 0o644}
	for range 200 {
		// Alice may well spoil what is written: it is hers. What root owns is not.
		_, _ = h.WriteFile("/home/alice/file", []byte("hers\n"), owner)
		_ = h.Mkdir("/home/alice/dir", 0o755, alice)
		_ = h.RemoveAll("/home/alice/dir")
	}
	close(stop)
	<-stopped
	var st unix.Stat_t
	must(t, unix.Stat(shadow, &st))
	if st.Uid != 0 || st.Mode&0o777 != 0o600 {
		t.Errorf("the file of root's has owner %d, mode %o", st.Uid, st.Mode&0o777)
	}
	if data, err := os.ReadFile(shadow); err != nil || string(data) != "secret\n" {
		t.Errorf("it holds %q, %v", data, err)
	}
}
