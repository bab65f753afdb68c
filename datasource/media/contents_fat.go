package media

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/fat12"
	"github.com/diskfs/go-diskfs/filesystem/fat16"
	"github.com/diskfs/go-diskfs/filesystem/fat32"
)

// maxFATBytes bounds one copy of the allocation table: go-diskfs holds three
// times as much.
const maxFATBytes = 16 << 20

// diskfsFAT reads FAT12, FAT16 and FAT32 by go-diskfs.
type diskfsFAT struct {
	fs     diskfs
	source io.ReaderAt
}

// diskfs is the part of go-diskfs's filesystems that is used.
type diskfs interface {
	fs.FS
	fs.ReadDirFS
}

func openFAT(source *volumeReader) (contents, error) {
	head, err := readUpTo(source, 0, fatBootSectorSize)
	if err != nil {
		return nil, err
	}
	g, ok := parseFAT(head, source.size)
	if !ok {
		return nil, errors.New("no FAT boot sector")
	}
	if why := g.beyondDiskfs(); why != "" {
		return nil, unsupportedError(why)
	}
	// Block size 0 and start 0: go-diskfs's errors and offsets are right only then.
	storage := file.New(source, true)
	var f diskfs
	switch g.bits {
	case 12:
		f, err = fat12.Read(storage, source.size, 0, 0)
	case 16:
		f, err = fat16.Read(storage, source.size, 0, 0)
	default:
		f, err = fat32.Read(storage, source.size, 0, 0)
	}
	if err != nil {
		return nil, unsupportedError(err.Error())
	}
	return diskfsFAT{fs: f, source: source}, nil
}

// beyondDiskfs tells what go-diskfs 1.9.4 would refuse or, worse, read wrongly:
// it takes for granted two FATs and the root directory of FAT32 at cluster 2.
func (g fatGeometry) beyondDiskfs() string {
	switch {
	case g.fats != 2:
		return fmt.Sprintf("FAT%d with %d allocation tables instead of 2", g.bits, g.fats)
	case g.bits == 32 && g.rootCluster != fatFirstCluster:
		return fmt.Sprintf("FAT32 with the root directory at cluster %d", g.rootCluster)
	case g.bits == 32 && g.fat32Version != 0:
		return fmt.Sprintf("FAT32 of version %#x", g.fat32Version)
	case !g.extended || !g.bootSigned:
		return fmt.Sprintf("FAT%d with a boot sector of before DOS 4", g.bits)
	case (g.rootStart-g.fatStart)/2 > maxFATBytes:
		return fmt.Sprintf("FAT%d with an allocation table of %d MiB", g.bits, (g.rootStart-g.fatStart)>>21)
	}
	return ""
}

func (v diskfsFAT) foldsCase() bool { return true }

func (v diskfsFAT) list(dir string) ([]entry, error) {
	found, err := v.fs.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, 0, len(found))
	for _, d := range found {
		info, err := d.Info()
		if err != nil {
			return nil, err
		}
		e := entry{name: d.Name()}
		if d.IsDir() {
			e.kind = fs.ModeDir
		} else {
			e.size = info.Size()
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// read takes from go-diskfs where the file's clusters are, and reads them itself.
// go-diskfs's own Read wants the whole file in one piece (from within a cluster
// it goes on behind the file's end), which would be the most memory by far that
// the child needs, loses the errors of the device, and fails on an empty file.
func (v diskfsFAT) read(path string, size int64, emit func([]byte) error) error {
	opened, err := v.fs.Open(path)
	if err != nil {
		return err
	}
	f, ok := opened.(*fat12.File) // of all three kinds
	if !ok {
		return errors.New("go-diskfs gives no FAT file")
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() || info.Size() != size {
		return fmt.Errorf("it has %d bytes here and %d in its directory", info.Size(), size)
	}
	if size == 0 {
		return nil // it has no clusters
	}
	ranges, err := f.GetDiskRanges()
	if err != nil {
		return err
	}
	buf := make([]byte, maxFrame)
	left := size
	for _, r := range ranges {
		section := io.NewSectionReader(v.source, int64(r.Offset), int64(r.Length))
		for n := min(left, section.Size()); n > 0; n -= maxFrame {
			b := buf[:min(n, maxFrame)]
			if _, err := io.ReadFull(section, b); err != nil {
				return err
			}
			if err := emit(b); err != nil {
				return err
			}
			left -= int64(len(b))
		}
	}
	if left > 0 {
		return fmt.Errorf("it ends after %d of %d bytes", size-left, size)
	}
	return nil
}
