package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"cloudseed/host"
	"cloudseed/printable"
	"cloudseed/python"
	"cloudseed/state"

	"github.com/spf13/cobra"
)

// boot prints when the kernel began and ended its part, when systemd started the first stage,
// and when that began.
func (a *analysis) boot(cmd *cobra.Command, out io.Writer) error {
	list, err := a.events(cmd)
	if err != nil {
		return err
	}
	h := host.New(a.root, host.Options{})
	began := "Could not find init-local log-line in cloud-init.log"
	var found bool
	for _, e := range list {
		if e.Name == state.StageLocal && !e.Finish {
			began, found = stamp(time.UnixMilli(int64(e.Time*1000))), true
		}
	}
	t, err := bootTimes(cmd.Context(), h)
	if err == nil && !found {
		err = fmt.Errorf("no boot is in %s", a.infile)
	}
	if err != nil {
		return fmt.Errorf("cannot tell when this boot began: %w", err)
	}
	if h.Exists("/run/systemd/container") {
		_, err = printable.Fprintf(out, "-- Most Recent Container Boot Record --\n    Container started at: %s\n"+
			"    Cloud-init activated by systemd at: %s\n    Cloud-init start: %s\n", stamp(t.kernel), stamp(t.activated), began)
		return err
	}
	_, err = printable.Fprintf(out, "-- Most Recent Boot Record --\n    Kernel Started at: %s\n    Kernel ended boot at: %s\n"+
		"    Kernel time to boot (seconds): %s\n    Cloud-init activated by systemd at: %s\n"+
		"    Time between Kernel end boot and Cloud-init activation (seconds): %s\n    Cloud-init start: %s\n",
		stamp(t.kernel), stamp(t.userspace), python.Float(t.userspace.Sub(t.kernel).Seconds()),
		stamp(t.activated), python.Float(t.activated.Sub(t.userspace).Seconds()), began)
	return err
}

// stamp is a time as Python prints it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000-07:00") }

// times are when the kernel began, when it started systemd, and when that started the first stage.
type times struct{ kernel, userspace, activated time.Time }

// bootTimes asks systemd. Its monotonic clock, which began with the kernel, is not moved by
// what sets the time. In a container the boot begins with systemd.
func bootTimes(ctx context.Context, h *host.Host) (t times, err error) {
	userspace, err := monotonic(ctx, h, "UserspaceTimestampMonotonic")
	if err != nil {
		return t, err
	}
	activated, err := monotonic(ctx, h, "InactiveExitTimestampMonotonic", state.Units[0])
	if err != nil {
		return t, err
	}
	t.kernel = h.Now().Add(-h.Uptime())
	t.userspace, t.activated = t.kernel.Add(userspace), t.kernel.Add(activated)
	if h.Exists("/run/systemd/container") {
		t.kernel = t.userspace
	}
	return t, nil
}

func monotonic(ctx context.Context, h *host.Host, property string, unit ...string) (time.Duration, error) {
	result, err := h.Run(ctx, host.Command{Argv: append([]string{"systemctl", "show", "-p", property}, unit...), Quiet: true})
	if err != nil {
		return 0, err
	}
	value, _ := strings.CutPrefix(strings.TrimSpace(result.Stdout), property+"=")
	microseconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("systemctl says %q of %s", strings.TrimSpace(result.Stdout), property)
	}
	return time.Duration(microseconds) * time.Microsecond, nil
}
