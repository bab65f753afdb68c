package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"cloudseed/test/needs"
)

// A seed is written on a laptop, by somebody who is not root there.
func TestANonRootUserConvertsANetworkConfiguration(t *testing.T) {
	needs.Root(t) // to become somebody else
	const nobody = 65534
	dir := t.TempDir()
	config := filepath.Join(dir, "net.yaml")
	if err := os.WriteFile(config, []byte("version: 2\nethernets: {eth0: {dhcp4: true}}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	// Each temporary directory above it must let the other user through.
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(out, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "cloudseed") // that of the test is where root alone can go
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "devel", "net-convert", "-p", config, "-k", "yaml", "-d", out, "-D", "rhel", "-O", "network-manager", "-m", "eth0,52:54:00:00:00:01")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	written := filepath.Join(out, "etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection")
	info, err := os.Stat(written)
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t).Uid; owner != nobody {
		t.Errorf("the file belongs to %d", owner)
	}
}
