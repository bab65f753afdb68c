package modules

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host"
)

// An image is built in a root that has /proc, /sys and /dev of the machine that builds it.
func TestDisksOfTheMachineThatBuildsAnImageAreLeftAlone(t *testing.T) {
	t.Parallel()
	const userData = `
growpart: {devices: [/, /dev/sda1]}
disk_setup: {/dev/sdb: {layout: true, overwrite: true}}
fs_setup: [{device: /dev/sdb, filesystem: ext4, partition: none, overwrite: true}]
mounts: [[sdb, /data]]
swap: {size: 1M, filename: /swap.img}
`
	for _, m := range []Module{growpart, resizefs, diskSetup, mounts} {
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for _, device := range []string{"sda/dev", "sda1/dev", "sda1/partition", "sda1/size", "sdb/dev", "sdb/size", "sdb1/dev"} {
				at := filepath.Join(root, "sys/class/block", device)
				if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(at, []byte("8:1\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for at, text := range map[string]string{
				"proc/self/mountinfo": "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n", "proc/swaps": "/swap.img file 1 0 0\n", "dev/sda1": "", "dev/sdb": "", "dev/sdb1": "",
			} {
				if err := os.MkdirAll(filepath.Join(root, filepath.Dir(at)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(root, at), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			var lines []string
			g := newGuest(t, userData)
			g.env.Host = host.New(root, host.Options{
				Log: slog.New(slog.DiscardHandler), LookPath: func(name string) (string, error) { return "/usr/sbin/" + name, nil },
				Chown: func(string, int, int) error { return nil },
				Exec: func(_ context.Context, c host.Command) (host.Result, error) {
					lines = append(lines, strings.Join(c.Argv, " "))
					return host.Result{}, nil
				},
			})
			if reports := g.run(t, m); len(reports) > 0 || len(lines) > 0 {
				t.Errorf("it reports %q and runs %q", reports, lines)
			}
			if fstab, err := os.ReadFile(filepath.Join(root, "etc/fstab")); m.Name == "mounts" && (err != nil || !strings.HasPrefix(string(fstab), "sdb\t/data\t")) {
				t.Errorf("fstab is %q: %v", fstab, err)
			}
		})
	}
}
