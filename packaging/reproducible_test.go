package packaging

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"cloudseed/test/needs"
)

// TestTwoClonesGiveTheSameBytes builds the packages in two clones: by root with what was
// compiled before, and by another user, in another directory, with an umask and a clock of
// its own, who compiles all. `make test-reproducible` runs it.
func TestTwoClonesGiveTheSameBytes(t *testing.T) {
	if os.Getenv("CLOUDSEED_REPRODUCIBLE") == "" {
		t.Skip("make test-reproducible runs it: it compiles all")
	}
	needs.Root(t)
	needs.Programs(t, "faketime", "rpmbuild", "git", "setpriv")
	version := string(query(t, os.Getenv("CLOUDSEED_RPM"), "%{VERSION}"))
	built := [2]string{t.TempDir(), t.TempDir()}
	build(t, built[0], version, "0", "0022")
	build(t, built[1], version, "65534", "0077")
	sameBytes(t, filepath.Join(built[0], "out"), filepath.Join(built[1], "out"))
}

// TestThePackagesAreTheSameByteForByteWhenTheyAreBuiltAgain, by the same user.
func TestThePackagesAreTheSameByteForByteWhenTheyAreBuiltAgain(t *testing.T) {
	rpm := os.Getenv("CLOUDSEED_RPM")
	again := t.TempDir()
	run(t, os.Environ(), "./build-rpm.sh", string(query(t, rpm, "%{VERSION}")), string(query(t, rpm, "%{ARCH}")), again)
	sameBytes(t, filepath.Dir(rpm), again)
}

// sameBytes compares the packages in two directories.
func sameBytes(t *testing.T, dir, other string) {
	t.Helper()
	names, err := filepath.Glob(other + "/*.rpm")
	if err != nil || len(names) != 3 {
		t.Fatalf("not three packages but %q: %v", names, err)
	}
	for _, name := range names {
		one, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		two, err := os.ReadFile(filepath.Join(dir, filepath.Base(name)))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(one, two) {
			t.Errorf("%s is not the same when it is built again", filepath.Base(name))
		}
	}
}

// build clones these sources into a directory and builds the packages in its out/.
func build(t *testing.T, dir, version, user, umask string) {
	t.Helper()
	const script = `set -e; umask "$UMASK"
mkdir home out
git clone --quiet origin sources
cd sources
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) $CLOCK packaging/build-rpm.sh "$VERSION" x86_64 ../out`
	sources, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	run(t, nil, "git", "clone", "--quiet", "--bare", sources, dir+"/origin")
	environment := append(os.Environ(), "VERSION="+version, "UMASK="+umask)
	if user == "0" {
		run(t, environment, "sh", "-c", "cd "+dir+" && "+script)
		return
	}
	// What go downloaded for root, as a proxy for who may not read root's files.
	modules, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	proxy := filepath.Join(dir, "proxy")
	run(t, nil, "cp", "-r", string(bytes.TrimSpace(modules))+"/cache/download", proxy)
	for above := dir; above != os.TempDir(); above = filepath.Dir(above) {
		run(t, nil, "chmod", "a+rx", above)
	}
	run(t, nil, "chown", "-R", user, dir)
	environment = append(environment, "CLOCK=faketime -f +9d", "HOME="+dir+"/home", "GOCACHE="+dir+"/home/cache", "GOMODCACHE="+dir+"/home/modules",
		"GOPROXY=file://"+proxy, "GOFLAGS=-modcacherw", "GONOSUMDB=*")
	run(t, environment, "setpriv", "--reuid", user, "--regid", user, "--clear-groups", "sh", "-c", "cd "+dir+" && "+script)
}

func run(t *testing.T, environment []string, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = environment
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot run %s %q: %v: %s", name, args, err, out)
	}
}
