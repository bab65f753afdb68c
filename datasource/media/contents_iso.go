package media

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/iso9660"
)

// openISO chooses the tree by the order the kernel has: Rock Ridge, then
// Joliet, then the primary one. Rock Ridge is read by go-diskfs. On Joliet
// go-diskfs 1.9.4 finds no directory below the first level: its path table
// lookup never goes past a path's first element, and the walk it falls back to
// compares UCS-2 with the path's bytes. Joliet alone is what Multipass, Vagrant,
// Packer, hdiutil and oscdimg write, so isoTree reads it, and the primary tree
// along with it: the same records, with the names the kernel would show.
func openISO(source *volumeReader) (contents, error) {
	n := min(source.size-isoDescriptorStart, isoDescriptorSize*maxDescriptors)
	b, err := readUpTo(source, isoDescriptorStart, int(max(n, 0)))
	if err != nil {
		return nil, err
	}
	d := parseDescriptors(b)
	if d.primary == nil {
		return nil, errors.New("no primary volume descriptor")
	}
	if n := binary.LittleEndian.Uint16(d.primary[128:]); n != isoSectorSize {
		return nil, unsupportedError(fmt.Sprintf("ISO 9660 with logical blocks of %d bytes", n))
	}
	rockRidge, err := hasRockRidge(source, d.primary)
	if err != nil {
		return nil, err
	}
	if !rockRidge {
		return newISOTree(source, d), nil
	}
	f, err := iso9660.Read(file.New(source, true), source.size, 0, 0)
	if err != nil {
		return nil, unsupportedError(err.Error())
	}
	v := diskfsISO{fs: f}
	return v, v.understood()
}

// hasRockRidge looks at the root directory's own record for the SP entry that
// begins the system use area of the first record (SUSP 5.3), and for Rock
// Ridge's entries behind it: SP alone is no Rock Ridge.
func hasRockRidge(r io.ReaderAt, primary []byte) (bool, error) {
	root, err := parseISORecord(primary[156:190])
	if err != nil {
		return false, err
	}
	b, err := readUpTo(r, root.offset(), isoSectorSize)
	if err != nil {
		return false, err
	}
	if len(b) == 0 || int(b[0]) > len(b) || int(b[0]) < isoRecordHeader+1 {
		return false, nil
	}
	use := b[isoRecordHeader+1 : b[0]] // the record's name is one byte
	if !bytes.HasPrefix(use, []byte("SP\x07\x01\xbe\xef")) {
		return false, nil
	}
	for len(use) >= 4 && use[2] >= 4 && int(use[2]) <= len(use) {
		switch string(use[:2]) {
		case "RR", "PX", "TF", "NM":
			return true, nil
		}
		use = use[use[2]:]
	}
	return false, nil
}

// diskfsISO reads ISO 9660 with Rock Ridge by go-diskfs.
type diskfsISO struct{ fs diskfs }

// understood refuses a Rock Ridge whose identifier go-diskfs does not know: it
// would show the names of the primary tree.
func (v diskfsISO) understood() error {
	found, err := v.fs.ReadDir(".")
	if err != nil {
		return err
	}
	for _, d := range found {
		info, err := d.Info()
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*iso9660.StatT); ok && stat.RockRidge {
			return nil
		}
	}
	if len(found) > 0 {
		return unsupportedError("Rock Ridge under an unknown identifier")
	}
	return nil
}

func (v diskfsISO) foldsCase() bool { return false }

func (v diskfsISO) list(dir string) ([]entry, error) {
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
		stat, ok := info.Sys().(*iso9660.StatT)
		if !ok {
			return nil, errors.New("go-diskfs gives no ISO 9660 attributes")
		}
		if stat.IsAssociated {
			continue // a resource fork under the file's name; Linux hides it too
		}
		e := entry{name: d.Name()}
		switch mode := info.Mode(); {
		case d.IsDir():
			e.kind = fs.ModeDir
		case mode&fs.ModeSymlink != 0:
			e.kind, e.target = fs.ModeSymlink, stat.LinkTarget
		case !mode.IsRegular(), stat.ExtAttrSize != 0:
			e.kind = fs.ModeIrregular
		default:
			e.size = info.Size()
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (v diskfsISO) read(path string, size int64, emit func([]byte) error) error {
	f, err := v.fs.Open(path)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() || info.Size() != size {
		return fmt.Errorf("it has %d bytes here and %d in its directory", info.Size(), size)
	}
	return emitAll(f, size, emit)
}

// emitAll passes on size bytes of an ISO 9660 file.
func emitAll(r io.Reader, size int64, emit func([]byte) error) error {
	buf := make([]byte, maxFrame)
	for done := int64(0); done < size; {
		b := buf[:min(size-done, maxFrame)]
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		if done == 0 {
			if err := refuseZisofs(b); err != nil {
				return err
			}
		}
		if err := emit(b); err != nil {
			return err
		}
		done += int64(len(b))
	}
	return nil
}
