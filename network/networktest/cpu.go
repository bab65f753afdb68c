package networktest

import (
	"syscall"
	"testing"
	"time"
)

// CPU measures the processor's time of a benchmark, with that of the garbage collector,
// until the function that it gives is called: on a busy machine the time on the wall says
// little.
func CPU(b *testing.B) func() {
	before := used(b)
	return func() { b.ReportMetric(float64((used(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op") }
}

func used(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
