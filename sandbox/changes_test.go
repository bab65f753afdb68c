package sandbox

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lowerFiles makes a file system below / with something for each kind of change.
const lowerFiles = `
	mount -t tmpfs tmpfs /mnt; cd /mnt; umask 022
	for f in untouched content mode owner touched rewritten removed renamed tofile setuid hardlinked capable read; do echo $f >$f; done
	ln -s old link; ln -s same samelink; ln hardlinked otherlink; mkfifo fifo
	mkdir -p dir/sub deep/er/still remade/inner emptied todir-not opened kept
	echo 1 >dir/a; echo 2 >dir/sub/b; echo d >deep/er/still/file; echo k >kept/k
	echo a >remade/a; echo b >remade/b; echo i >remade/inner/i; echo e >emptied/e; echo t >todir; rm -d todir-not
	mkdir fromdir; echo f >fromdir/f; echo o >opened/o
	printf 'x' >'a name, with: all ü'
`

func TestEachKindOfChangeIsToldExactly(t *testing.T) {
	t.Parallel()
	a := call{Setup: lowerFiles, Limit: 10, Script: `
		umask 022; cd /mnt
		cat read >/dev/null; ls -lR . >/dev/null
		touch touched; echo rewritten >tmp; cat tmp >rewritten; rm tmp
		echo CONTENT >content; chmod 600 mode; chown 1:1 owner; chmod u+s setuid
		rm removed; mv renamed new-name; rm -r dir
		ln -sfn new link; ln -sfn same samelink
		echo more >deep/er/still/file
		rm -r remade; mkdir remade; echo a >remade/a; echo c >remade/c; mkdir remade/inner
		rm emptied/e; chmod 700 opened
		rm todir; mkdir todir; echo new >todir/in; rm -r fromdir; echo f >fromdir
		mkdir -p added/sub; echo in >added/sub/file; echo long enough to be skipped >long
		echo gone >gone; rm gone; mkdir goned; rmdir goned
		mkfifo pipe; ln content linked; rm tofile; mkfifo tofile
		chmod 644 kept/k; chown 0:0 kept
		echo y >'a name, with: all ü'
		` + programPath + ` setcap capable
	`}.make(t)
	if a.Err != "" || a.Out != "" {
		t.Fatal(a.Err, a.Out)
	}
	want := []string{
		"modified /mnt/a name, with: all ü -rw-r--r--",
		"added /mnt/added drwxr-xr-x",
		"added /mnt/added/sub drwxr-xr-x",
		"added /mnt/added/sub/file -rw-r--r--",
		"modified /mnt/capable -rw-r--r--",
		"modified /mnt/content -rw-r--r--",
		"modified /mnt/deep/er/still/file -rw-r--r--",
		"removed /mnt/dir drwxr-xr-x",
		"removed /mnt/emptied/e -rw-r--r--",
		"modified /mnt/fromdir -rw-r--r--",
		"modified /mnt/link Lrwxrwxrwx",
		"added /mnt/linked -rw-r--r--",
		"added /mnt/long -rw-r--r--",
		"modified /mnt/mode -rw-------",
		"added /mnt/new-name -rw-r--r--",
		"modified /mnt/opened drwx------",
		"modified /mnt/owner -rw-r--r--",
		"added /mnt/pipe prw-r--r--",
		"removed /mnt/remade/b -rw-r--r--",
		"added /mnt/remade/c -rw-r--r--",
		"removed /mnt/remade/inner/i -rw-r--r--",
		"removed /mnt/removed -rw-r--r--",
		"removed /mnt/renamed -rw-r--r--",
		"modified /mnt/setuid urw-r--r--",
		"modified /mnt/todir drwxr-xr-x",
		"added /mnt/todir/in -rw-r--r--",
		"modified /mnt/tofile prw-r--r--",
	}
	if diff := cmp.Diff(want, a.Changes); diff != "" {
		t.Error(diff)
	}
	for path, content := range map[string][2]string{
		"/mnt/content":   {"content\n", "CONTENT\n"},
		"/mnt/new-name":  {"", "renamed\n"},
		"/mnt/removed":   {"removed\n", ""},
		"/mnt/remade/c":  {"", "c\n"},
		"/mnt/capable":   {"capable\n", "capable\n"},
		"/mnt/todir/in":  {"", "new\n"},
		"/mnt/remade/b":  {"b\n", ""},
		"/mnt/mode":      {"mode\n", "mode\n"},
		"/mnt/remade":    {"", ""},
		"/mnt/long":      {"", ""},
		"/mnt/untouched": {"", ""},
	} {
		if diff := cmp.Diff(content, a.Contents[path]); diff != "" {
			t.Errorf("content of %s: %s", path, diff)
		}
	}
}

func TestAFileSystemBelowAnotherIsOverlaidToo(t *testing.T) {
	t.Parallel()
	a := call{
		Setup: `
			mount -t tmpfs tmpfs /mnt; mkdir '/mnt/a b,c:d\e'; mount -t tmpfs tmpfs '/mnt/a b,c:d\e'
			cd '/mnt/a b,c:d\e'; echo 1 >f; mkdir sub hidden; mount -t tmpfs -o nosuid,noexec,mode=0750,uid=1 tmpfs sub
			mkdir hidden/deep; mount -t tmpfs tmpfs hidden/deep; mount -t tmpfs tmpfs hidden; echo top >hidden/top
			mkdir /mnt/fixed /mnt/part; mount -t tmpfs -o ro tmpfs /mnt/fixed
			mount --bind sub /mnt/part; mkdir /mnt/proc; mount -t proc proc /mnt/proc; touch /mnt/single; mount --bind f /mnt/single`,
		Script: `
			cd '/mnt/a b,c:d\e'; echo 2 >f; stat -c '%a %u' sub; ls hidden
			echo new >sub/new; echo 3 >/mnt/part/other; chmod 700 sub; touch /mnt/fixed/x 2>/dev/null || echo fixed
			printf '#!/bin/sh' >sub/script; chmod 755 sub/script; sub/script 2>/dev/null || echo noexec
			cat /mnt/single; ls /mnt/proc`,
	}.make(t)
	if diff := cmp.Diff("750 1\ntop\nfixed\nnoexec", a.Out); diff != "" || a.Err != "" {
		t.Error(a.Err, diff)
	}
	want := []string{
		`modified /mnt/a b,c:d\e/f -rw-r--r--`,
		`modified /mnt/a b,c:d\e/sub drwx------`,
		`added /mnt/a b,c:d\e/sub/new -rw-r--r--`,
		`added /mnt/a b,c:d\e/sub/script -rwxr-xr-x`,
		`added /mnt/part/other -rw-r--r--`,
	}
	if diff := cmp.Diff(want, a.Changes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"/mnt/proc is not in the sandbox: it shows the kernel, not files",
		"/mnt/single is not in the sandbox: it is a single file that is mounted",
	}, a.Result.Notes); diff != "" {
		t.Error(diff)
	}
}

func TestAFileSystemThatTakesNoOverlayIsReadOnly(t *testing.T) {
	t.Parallel()
	a := call{
		// The kernel stacks two overlays and no third (FILESYSTEM_MAX_STACK_DEPTH).
		Setup: `
			mount -t tmpfs tmpfs /mnt; cd /mnt; mkdir a b u1 w1 u2 w2; echo low >a/f
			mount -t overlay o -o lowerdir=a,upperdir=u1,workdir=w1 b
			mkdir c; mount -t overlay o -o lowerdir=b,upperdir=u2,workdir=w2 c`,
		Script: `cat /mnt/c/f; (echo x >/mnt/c/f) 2>&1 | sed 's/.*: //'; echo x >/mnt/b/f`,
	}.make(t)
	if diff := cmp.Diff("low\nRead-only file system", a.Out); diff != "" || a.Err != "" {
		t.Error(a.Err, diff)
	}
	if diff := cmp.Diff([]string{"modified /mnt/b/f -rw-r--r--"}, a.Changes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/mnt/c is read-only in the sandbox: no overlay of overlay: invalid argument"}, a.Result.Notes); diff != "" {
		t.Error(diff)
	}
}
