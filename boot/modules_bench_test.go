package boot_test

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cloudseed/test/seed"
)

// BenchmarkSecondBoot is what the modules take at the boot of a guest that is set up, when there
// is nothing to do: the CPU time of its four stages in one process, with the packaged cloud.cfg and
// then with the same without modules, as the median of the differences. The collector runs
// between the boots, since the process of a stage ends before it would.
func BenchmarkSecondBoot(b *testing.B) {
	packaged, err := os.ReadFile("../packaging/cloud.cfg")
	if err != nil {
		b.Fatal(err)
	}
	lists := regexp.MustCompile(`(?m)^(cloud_\w+_modules:)\n(  - \w+\n)+`)
	if n := len(lists.FindAll(packaged, -1)); n != 3 {
		b.Fatalf("cloud.cfg has %d lists of modules", n)
	}
	setUp := func(config string) *guest {
		g := newGuest(b, seed.OVirt())
		log, err := os.Create(filepath.Join(b.TempDir(), "log"))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = log.Close() }) // nothing reads it
		g.logFile = log
		g.Put(b, "/etc/cloud/cloud.cfg", config)
		g.boot(b)
		return g
	}
	all, none := setUp(string(packaged)), setUp(lists.ReplaceAllString(string(packaged), "$1 []\n"))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var differences, whole []float64
	for b.Loop() {
		runtime.GC()
		before := cpu(b)
		all.boot(b)
		between := cpu(b)
		none.boot(b)
		after := cpu(b)
		differences = append(differences, ms(between-before)-ms(after-between))
		whole = append(whole, ms(between-before))
	}
	slices.Sort(differences)
	slices.Sort(whole)
	b.ReportMetric(differences[len(differences)/2], "modules-cpu-ms/op")
	b.ReportMetric(whole[len(whole)/2], "boot-cpu-ms/op")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// cpu is what this process has used, in user space and in the kernel.
func cpu(b *testing.B) time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
