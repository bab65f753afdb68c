package datasource

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/datasource/media"
)

// volume is a device whose file system may hold a seed; it is opened when it is first
// asked for.
type volume struct {
	device media.Device
	open   Volume
	failed bool
}

// Volumes are the devices that may hold a seed, in cloud-init's order of preference:
// by name, backwards, so that the device that was attached last comes first.
func (s *Search) Volumes(ctx context.Context, r *Report) []media.Device {
	if !s.scanned {
		s.scanned = true
		if s.Only != "" {
			s.onlyDevice(r)
		} else {
			s.scan(ctx, r)
		}
	}
	devices := make([]media.Device, len(s.volumes))
	for i, v := range s.volumes {
		devices[i] = v.device
	}
	return devices
}

func (s *Search) scan(ctx context.Context, r *Report) {
	find := s.Devices
	if find == nil {
		if !s.Host.IsLive() {
			return // an image's root has no devices of its own
		}
		find = func(ctx context.Context) ([]media.Device, []media.Problem) {
			return media.Scan(ctx, media.ScanOptions{})
		}
	}
	devices, problems := find(ctx)
	for _, p := range problems {
		r.Note(p.Path, "%v", p.Err)
	}
	slices.SortFunc(devices, func(a, b media.Device) int { return strings.Compare(b.Path, a.Path) })
	for _, d := range devices {
		switch {
		case d.Filesystem != media.Unknown:
			s.volumes = append(s.volumes, &volume{device: d})
		case strings.HasPrefix(d.Name, "sr"):
			// A disk may hold anything; a disc in a drive was put there to be read.
			r.Note(d.Path, nothingKnown)
		}
	}
}

const nothingKnown = "it holds no ISO 9660, FAT or UDF file system"

// onlyDevice probes the device or image file that the user named.
func (s *Search) onlyDevice(r *Report) {
	device, why := probe(s.Only)
	switch {
	case why != nil:
		r.Note(s.called(s.Only), "%v", why)
	case device == nil: // a directory
	case device.Filesystem == media.Unknown && device.partitioned:
		what := "it is a disk with partitions: look at one of those"
		if device.file {
			what += " (losetup --find --show --partscan makes devices of an image's)"
		}
		r.Note(s.called(s.Only), "%s", what)
	case device.Filesystem == media.Unknown:
		r.Note(s.called(s.Only), nothingKnown)
	default:
		s.volumes = append(s.volumes, &volume{device: device.Device})
	}
}

// probedDevice is a device or image file, and whether it is a disk with partitions.
type probedDevice struct {
	media.Device
	partitioned bool
	file        bool // not a device
}

// probe tells what is on a device or in an image file; nil is a directory.
func probe(path string) (*probedDevice, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	super, err := media.Probe(f, size)
	return &probedDevice{media.Device{Path: path, Size: size, Superblock: super}, media.IsPartitioned(f), info.Mode().IsRegular()}, err
}

// called is what messages call a path.
func (s *Search) called(path string) string {
	if path == s.Only && s.Name != "" {
		return s.Name
	}
	return path
}

// OpenVolume gives the files of a device, nil when they cannot be read.
func (s *Search) OpenVolume(ctx context.Context, d media.Device, r *Report) *Tree {
	i := slices.IndexFunc(s.volumes, func(v *volume) bool { return v.device.Path == d.Path })
	if i < 0 || s.volumes[i].failed {
		return nil
	}
	v := s.volumes[i]
	if v.open == nil {
		open := s.Open
		if open == nil {
			open = s.openMedia
		}
		opened, err := open(ctx, d, s.mayMount(d))
		if err != nil {
			v.failed = true
			if s.Only != "" || s.isLabelled(d) {
				r.Warn(s.called(d.Path), "%v", err)
			} else {
				r.Note(s.called(d.Path), "%v", err)
			}
			return nil
		}
		v.open = opened
		if m, ok := opened.(*media.Volume); ok {
			s.logOddities(d, m)
		}
	}
	return &Tree{FS: v.open.FS(), Source: s.called(d.Path)}
}

// logOddities logs what is odd about a volume that is read all the same.
func (s *Search) logOddities(d media.Device, m *media.Volume) {
	if len(m.Missing()) > 0 {
		s.Log.Info("a medium is read by a process that this machine cannot confine wholly", "device", s.called(d.Path), "missing", strings.Join(m.Missing(), ", "))
	}
	for _, note := range m.Notes() {
		s.Log.Info("a medium contradicts itself: "+note, "device", s.called(d.Path))
	}
}

// openMedia opens a volume. With datasource: {unconfined: false} it is not read where the
// reader cannot be confined wholly.
func (s *Search) openMedia(ctx context.Context, d media.Device, mount bool) (Volume, error) {
	unconfined, ok := config.AsBool(s.Config.Get("datasource").Get("unconfined"))
	opened, err := media.Open(ctx, d.Path, d.Superblock, media.OpenOptions{NoMount: !mount, Confined: ok && !unconfined})
	if err != nil {
		return nil, err // not opened: a nil *media.Volume is no nil Volume
	}
	return opened, nil
}

// mayMount tells whether the kernel's own drivers may read a volume that the confined
// reader cannot: only with a seed's label, and unless datasource: {mount: false}
// forbids it.
func (s *Search) mayMount(d media.Device) bool {
	if allowed, ok := config.AsBool(s.Config.Get("datasource").Get("mount")); ok && !allowed {
		return false
	}
	return s.isLabelled(d)
}

// isLabelled tells whether a volume has a label by which a person meant it to be a seed.
func (s *Search) isLabelled(d media.Device) bool {
	labels := []string{"cidata", "config-2"}
	if own := s.Setting("NoCloud", "fs_label").Text(); own != "" {
		labels = append(labels, own)
	}
	return slices.ContainsFunc(d.Labels(), func(l string) bool {
		return slices.ContainsFunc(labels, func(known string) bool { return strings.EqualFold(l, known) })
	})
}

// OnlyDir is the directory that the user named as the only place to look, "" when it
// is not a directory.
func (s *Search) OnlyDir() string {
	if info, err := os.Stat(s.Only); s.Only != "" && err == nil && info.IsDir() {
		return s.Only
	}
	return ""
}

// Dir gives the files of a directory: the one that the user named, or one of the
// machine.
func (s *Search) Dir(dir string) *Tree {
	if dir == s.Only {
		return &Tree{FS: os.DirFS(dir), Source: s.called(dir), Dir: true}
	}
	return &Tree{FS: s.Host.FS(dir), Source: dir, Dir: true}
}

func (s *Search) close() {
	for _, v := range s.volumes {
		if v.open == nil {
			continue
		}
		if err := v.open.Close(); err != nil {
			s.Log.Warn("cannot close " + v.device.Path + ": " + err.Error())
		}
	}
}
