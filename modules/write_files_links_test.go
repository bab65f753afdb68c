package modules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"
)

// A user of the guest owns the directory that the seed writes to, and can put there what
// it likes before the next instance begins.
func TestWriteFilesActsOnNothingThatAUserPlanted(t *testing.T) {
	t.Parallel()
	const (
		file = "/home/cloud-user/.config/app.conf"
		dir  = "/home/cloud-user/.config"
	)
	for name, row := range map[string]struct {
		keys, at, target, want string
	}{
		"the file is a link": {
			"", file, "/etc/shadow",
			"user-data:1:15: write_files.0: cannot write /home/cloud-user/.config/app.conf: refused: /home/cloud-user/.config/app.conf is a link that does not belong to root",
		},
		"the file that is appended to is a link": {
			", append: true", file, "/etc/shadow",
			"user-data:1:15: write_files.0: cannot append to /home/cloud-user/.config/app.conf: refused: /home/cloud-user/.config/app.conf is a link that does not belong to root",
		},
		"the directory is a link": {
			"", dir, "/etc/cron.d",
			"user-data:1:15: write_files.0: cannot create directory /home/cloud-user/.config: refused: /home/cloud-user/.config is a link that does not belong to root",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "write_files: [{path: "+file+", content: new, owner: 'cloud-user:cloud-user'"+row.keys+"}]")
			g.Put(t, "/etc/shadow", "secret\n")
			g.Put(t, "/etc/cron.d/daily", "job\n")
			at := filepath.Join(g.Dir, row.at)
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(row.target, at); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{"/home/cloud-user", dir, file} {
				g.Give(path, 1000, 1000)
			}
			if got := strings.Join(g.run(t, writeFiles), "\n"); !strings.Contains(got, row.want) {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
			if g.Text(t, "/etc/shadow") != "secret\n" || g.Text(t, "/etc/cron.d/daily") != "job\n" || g.Owner("/etc/shadow") != "" {
				t.Error("a file of root's was changed")
			}
			if _, err := g.Lstat("/etc/cron.d/app.conf"); err == nil {
				t.Error("a file was written into a directory of root's")
			}
			if effects := g.Effects(); len(effects) > 0 {
				t.Errorf("recorded: %+v", effects)
			}
		})
	}
}

func TestTheNextInstanceReplacesAFileThatTheFirstOneGaveToAUser(t *testing.T) {
	t.Parallel()
	const file = "/home/cloud-user/app.conf"
	userData := "write_files: [{path: " + file + ", content: seed, owner: 'cloud-user:cloud-user'}]"
	g := newGuest(t, userData)
	if err := g.Mkdir("/home/cloud-user", 0o700, host.Owner{UID: 1000, GID: 1000}); err != nil {
		t.Fatal(err)
	}
	g.clean(t, writeFiles)
	if err := os.WriteFile(filepath.Join(g.Dir, file), []byte("the user's\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g.clean(t, writeFiles) // the same seed with another instance-id
	if got := g.Text(t, file); got != "seed" || g.Owner(file) != "1000:1000" {
		t.Errorf("got %q of %s", got, g.Owner(file))
	}
}

// useradd copies /etc/skel only into a home that is not there yet.
func TestAFileInTheHomeOfAUserThatIsStillToBeCreatedIsWrittenAfterIt(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "users: [{name: ann}, {name: bob, homedir: /srv/bob}]\n"+
		"write_files: [{path: /home/ann/a, content: a}, {path: /srv/bob/b, content: b}, {path: /home/cloud-user/c, content: c}, {path: /etc/d, content: d}]\n")
	got := strings.Join(g.run(t, writeFiles), "\n")
	if want := "note: user-data:2:15: write_files.0.path: it is below the home directory of ann, and is written after that user is created"; !strings.Contains(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for file, there := range map[string]bool{"/home/ann": false, "/srv/bob": false, "/home/cloud-user/c": true, "/etc/d": true} {
		if g.Exists(file) != there {
			t.Errorf("%s is there: %v", file, !there)
		}
	}
	g.Put(t, "/etc/passwd", hosttest.Passwd+"ann:x:1001:1001::/home/ann:/bin/sh\nbob:x:1002:1002::/srv/bob:/bin/sh\n")
	g.run(t, writeFilesDeferred)
	if g.Text(t, "/home/ann/a") != "a" || g.Text(t, "/srv/bob/b") != "b" {
		t.Error("they were not written after the users")
	}
}
