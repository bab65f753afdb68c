package udev

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"cloudseed/test/needs"
)

// messages are two ends of a socket that keeps messages apart, as netlink does.
func messages(t *testing.T) (ours *os.File, theirs int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours = os.NewFile(uintptr(pair[0]), "events")
	t.Cleanup(func() { ours.Close(); unix.Close(pair[1]) })
	return ours, pair[1]
}

func TestUntilAsksAfterEveryEventOfTheSubsystemAndNoOther(t *testing.T) {
	t.Parallel()
	events, sender := messages(t)
	for _, text := range []string{
		"add@/devices/block/sda\x00ACTION=add\x00SUBSYSTEM=block\x00SEQNUM=1\x00",
		"add@/devices/net/eth0\x00ACTION=add\x00SUBSYSTEM=net\x00SEQNUM=2\x00",
		"libudev\x00\xfe\xed\xca\xfe\x00ACTION=add\x00SUBSYSTEM=net\x00SEQNUM=2\x00",
	} {
		if err := unix.Send(sender, []byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
	asked := 0
	if err := until(t.Context(), events, "net", func() bool { asked++; return asked == 3 }); err != nil {
		t.Fatal(err)
	}
	if asked != 3 {
		t.Errorf("it was asked %d times", asked)
	}
}

func TestUntilEndsWithTheContext(t *testing.T) {
	t.Parallel()
	events, _ := messages(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := until(ctx, events, "net", func() bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestUntilListensToTheKernel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := Until(ctx, "net", func() bool { return true }); err != nil {
		t.Error(err)
	}
}

// TestUntilSeesADeviceThatComes lets a name come up in a network of its own. It is that of
// the loopback device, which every kernel has.
func TestUntilSeesADeviceThatComes(t *testing.T) {
	needs.Programs(t, "ip")
	needs.Network(t)
	events, err := watch(kernelGroup)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	asked := 0
	err = until(ctx, events, "net", func() bool {
		if asked++; asked == 1 {
			if out, err := exec.CommandContext(ctx, "ip", "link", "set", "dev", "lo", "name", "late0").CombinedOutput(); err != nil {
				t.Errorf("ip: %v: %s", err, out)
			}
			return false
		}
		_, err := net.InterfaceByName("late0")
		return err == nil
	})
	if err != nil || asked < 2 {
		t.Errorf("asked %d times: %v", asked, err)
	}
}
