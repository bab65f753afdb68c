package differential

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"cloudseed/test/differential/cloudinit"
)

var (
	update = flag.Bool("update", false, "write the golden files of the listed differences")
	seed   = flag.Uint64("seed", 1, "the `number` that random cases follow from; 0: another one each time")
	count  = flag.Int("count", 3000, "how `many` random configurations of the network to try")

	templateCount = flag.Int("template-count", 500, "how `many` random templates to try")
	moduleCount   = flag.Int("module-count", 500, "how `many` random configurations of modules to try")
	userCount     = flag.Int("user-count", 2000, "how `many` random inputs of user data to try")
)

// real is the cloud-init that all tests ask; realModules boots roots.
var real, realModules *cloudinit.Process

// TestMain starts cloud-init once. It is got from Debian's archive: `make
// test-differential` and CI run these tests, and there none is skipped. The others hold the
// lists to the documentation and to the modules; they need nothing, and always run.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("CLOUDSEED_DIFFERENTIAL") != "" {
		os.Exit(run(m))
	}
	fmt.Println("LEFT OUT: the comparison with the real cloud-init; make test-differential makes it")
	if err := flag.Set("test.run", "^TestEvery"); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// memory is a file system in memory: thousands of small machines are written there, and
// cloudseed waits until each of their files is on the disk.
const memory = "/dev/shm"

// hasRoom tells whether a file system can hold what the tests write at a time; a container's
// memory often cannot.
func hasRoom(dir string) bool {
	const enough = 512 << 20
	var free unix.Statfs_t
	return unix.Statfs(dir, &free) == nil && free.Bavail*uint64(free.Bsize) >= enough
}

func run(m *testing.M) int {
	ctx := context.Background()
	if hasRoom(memory) {
		if err := os.Setenv("TMPDIR", memory); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			return 1
		}
	}
	packages, err := cloudinit.Fetch(ctx, "../../build/cloud-init", cloudinit.Compared)
	if err == nil {
		real, err = cloudinit.Start(ctx, packages)
	}
	if err == nil {
		realModules, err = cloudinit.StartModules(ctx, packages)
	}
	programs, made := os.MkdirTemp("", "differential-")
	defer os.RemoveAll(programs) //nolint:errcheck // it is the system's folder for such things
	if err = errors.Join(err, made); err == nil {
		err = buildPrograms(ctx, programs, packages)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		fmt.Fprintln(os.Stderr, "hint: .ci/run says which packages of Debian's these tests need")
		return 1
	}
	fmt.Println("compared with cloud-init", real.Version)
	code := m.Run()
	if err := errors.Join(real.Close(), realModules.Close()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		return 1
	}
	return code
}
