package boot_test

import (
	"os"
	"regexp"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cloudseed/test/seed"
)

// BenchmarkSecondBoot is the four stages of a guest that is set up, in one process, with the
// packaged cloud.cfg and with the same without modules: the difference is what the modules
// take when there is nothing to do.
func BenchmarkSecondBoot(b *testing.B) {
	packaged, err := os.ReadFile("../packaging/cloud.cfg")
	if err != nil {
		b.Fatal(err)
	}
	lists := regexp.MustCompile(`(?m)^(cloud_\w+_modules:)\n(  - \w+\n)+`)
	if n := len(lists.FindAll(packaged, -1)); n != 3 {
		b.Fatalf("cloud.cfg has %d lists of modules", n)
	}
	for name, config := range map[string]string{
		"all modules": string(packaged),
		"no modules":  lists.ReplaceAllString(string(packaged), "$1 []\n"),
	} {
		b.Run(name, func(b *testing.B) {
			g := newGuest(b, seed.OVirt())
			g.Put(b, "/etc/cloud/cloud.cfg", config)
			g.boot(b)
			before := cpu(b)
			for b.Loop() {
				g.boot(b)
			}
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}

// cpu is what this process has used, in user space and in the kernel.
func cpu(b *testing.B) time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
