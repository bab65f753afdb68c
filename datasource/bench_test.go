package datasource_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/datasource/configdrive"
	"cloudseed/datasource/media"
	"cloudseed/datasource/media/image"
	"cloudseed/datasource/nocloud"
	"cloudseed/host/hosttest"
)

// BenchmarkFind finds and reads a seed among so many block devices, for which files
// stand: the seed's disc, volumes that are not seeds, blank disks. It tells the processor
// time of this process and of the confined readers too.
func BenchmarkFind(b *testing.B) { benchmarkFind(b, true) }

// BenchmarkFindNothing is the same without a seed: each volume is opened, for a config
// drive need not have a label.
func BenchmarkFindNothing(b *testing.B) { benchmarkFind(b, false) }

func benchmarkFind(b *testing.B, seeded bool) {
	for _, count := range []int{6, 12, 24, 48, 96} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			root := devices(b, count, seeded)
			search := datasource.Search{
				Host: hosttest.New(b).Host, Config: config.FromAny("test", map[string]any{}), Log: slog.New(slog.DiscardHandler),
				Sources: []datasource.Source{nocloud.Source{}, configdrive.Source{}},
				Devices: func(ctx context.Context) ([]media.Device, []media.Problem) {
					return media.Scan(ctx, media.ScanOptions{SysRoot: filepath.Join(root, "sys"), DevRoot: filepath.Join(root, "dev")})
				},
			}
			before := processorTime(b)
			for b.Loop() {
				seed, report := datasource.Find(b.Context(), search)
				if (seed != nil) != seeded || seeded && (seed.InstanceID != "u-1" || len(seed.UserData.Reveal()) == 0) {
					b.Fatal(report.Summary())
				}
			}
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}

// devices makes a /sys and a /dev with so many disks; one of them may be a config drive.
func devices(b *testing.B, count int, seeded bool) (root string) {
	root = b.TempDir()
	seed, other, blank := filepath.Join(root, "seed"), filepath.Join(root, "other"), filepath.Join(root, "blank")
	files := fstest.MapFS{
		"openstack/latest/meta_data.json":    {Data: []byte(`{"uuid": "u-1", "hostname": "h"}`), Mode: 0o644},
		"openstack/latest/user_data":         {Data: []byte("#cloud-config\n{}\n"), Mode: 0o644},
		"openstack/latest/network_data.json": {Data: []byte(`{"links": [{"id": "a", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:01"}]}`), Mode: 0o644},
	}
	for _, err := range []error{
		image.WriteISO(seed, "config-2", files), image.WriteFAT(other, "DATA", fstest.MapFS{"readme": {Data: []byte("x")}}),
		os.WriteFile(blank, make([]byte, 1<<20), 0o600), os.MkdirAll(filepath.Join(root, "sys/class/block"), 0o755), os.MkdirAll(filepath.Join(root, "dev"), 0o755),
	} {
		if err != nil {
			b.Fatal(err)
		}
	}
	for i := range count {
		content, name := []string{other, blank, blank}[i%3], fmt.Sprintf("vd%02d", i)
		if seeded && i == count/2 {
			content = seed
		}
		info, err := os.Stat(content)
		if err != nil {
			b.Fatal(err)
		}
		sys := filepath.Join(root, "sys/class/block", name)
		for _, err := range []error{
			os.Mkdir(sys, 0o755), os.WriteFile(filepath.Join(sys, "size"), fmt.Appendf(nil, "%d\n", info.Size()/512), 0o644),
			os.Symlink(content, filepath.Join(root, "dev", name)),
		} {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	return root
}

// processorTime is what this process and its children have used.
func processorTime(b *testing.B) time.Duration {
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		if err := syscall.Getrusage(who, &usage); err != nil {
			b.Fatal(err)
		}
		sum += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	return sum
}
