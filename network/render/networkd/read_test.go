package networkd_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloudseed/network"
	"cloudseed/network/render/networkd"
	"cloudseed/test/needs"
)

// service is the real thing. systemd has kept it here since it has it (merged /usr).
const service = "/usr/lib/systemd/systemd-networkd"

// start runs networkd over the files of $1 in a network and mount namespace of its own,
// in which it may do nothing: with the right to make interfaces it would have the
// kernel load modules.
const start = `set -e
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/systemd/network
cp -p "$1"/* /run/systemd/network/
chgrp -R 65534 /run/systemd/network
mount -t sysfs none /sys
exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs ` + service

// needNetworkd leaves a test out where systemd-networkd cannot be run.
func needNetworkd(t *testing.T) {
	t.Helper()
	needs.Root(t)
	needs.Programs(t, service)
}

// complaints are what the real networkd logs of files while it reads them.
func complaints(t *testing.T, files []network.File) []string {
	t.Helper()
	const limit = time.Minute // only reached when something hangs
	dir := t.TempDir()
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f.Path)), f.Content, f.Mode); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", "--net", "--mount", "sh", "-c", start, "sh", dir)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_LOG_LEVEL=info", "SYSTEMD_LOG_TARGET=console", "SYSTEMD_LOG_COLOR=0"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said, all []string
	finished := false
	for lines := bufio.NewScanner(log); !finished && lines.Scan(); {
		all = append(all, lines.Text())
		// It reads its files first, and looks at the interfaces that there are next.
		finished = strings.Contains(lines.Text(), "Enumeration completed")
		// Of a gateway beside DHCP it says that it takes it for one on the link, as is meant;
		// cloud-init leaves that to it too.
		if strings.Contains(lines.Text(), "/10-cloud-init-") && !strings.HasSuffix(lines.Text(), "Enabling GatewayOnLink= option.") {
			said = append(said, lines.Text())
		}
	}
	cancel()
	_ = cmd.Wait() // it was killed
	if !finished {
		t.Fatalf("networkd did not come to the end of its files:\n%s", strings.Join(all, "\n"))
	}
	return said
}

func TestNetworkdUnderstandsEveryFile(t *testing.T) {
	t.Parallel()
	needNetworkd(t)
	for name, archive := range goldens(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files, _ := renderCase(t, archive)
			for _, line := range complaints(t, files) {
				t.Error(line)
			}
		})
	}
}

func TestNetworkdUnderstandsRandomConfigurations(t *testing.T) {
	t.Parallel()
	needNetworkd(t)
	random(t, 20, func(name string, c *network.Config) {
		files, _ := networkd.Render(c)
		for _, line := range complaints(t, files) {
			t.Errorf("%s\n%s", name, line)
		}
	})
}

// TestNetworkdSaysWhatItDoesNotUnderstand shows that the tests above can fail.
func TestNetworkdSaysWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	needNetworkd(t)
	for name, test := range map[string]struct{ kind, content, want string }{
		"a key that it does not know":           {"network", "[Match]\nName=eth0\n\n[Network]\nDHPC=yes\n", "Unknown key"},
		"a section that it does not know":       {"network", "[Match]\nName=eth0\n\n[Netwrok]\nDHCP=yes\n", "Unknown section"},
		"a value that it cannot read":           {"network", "[Match]\nName=eth0\n\n[Address]\nAddress=10.0.0.300/24\n", "10.0.0.300"},
		"a bond whose mode is a number":         {"netdev", "[NetDev]\nKind=bond\nName=bond0\n\n[Bond]\nMode=1\n", "bond mode"},
		"keys that everyone may read":           {"netdev", "[NetDev]\nKind=wireguard\nName=wg0\n\n[WireGuard]\nPrivateKey=4GgaQCy68nzNsUE5aJ9fuLzHhB65tAlwbmA72MWnOm8=\n", "too permissive"},
		"an interface that lacks what it needs": {"netdev", "[NetDev]\nKind=vxlan\nName=vx0\n\n[VXLAN]\nTTL=3\n", "VNI"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said := strings.Join(complaints(t, []network.File{{Path: networkd.Path("x", test.kind), Mode: 0o644, Content: []byte(test.content)}}), "\n")
			if !strings.Contains(said, test.want) {
				t.Errorf("networkd said %q, nothing of %q", said, test.want)
			}
		})
	}
	if said := complaints(t, []network.File{{Path: networkd.Path("x", "network"), Mode: 0o644, Content: []byte("[Match]\nName=eth0\n\n[Network]\nDHCP=yes\n")}}); len(said) > 0 {
		t.Errorf("networkd complains of a good file: %q", said)
	}
}
