package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// isoTree reads the Joliet or the primary tree of an ISO 9660 volume: directory
// records (ECMA-119 9.1) and contiguous files, no more. Why it is here: openISO.
type isoTree struct {
	r      io.ReaderAt
	root   []byte // the root directory's record in the volume descriptor
	joliet bool
}

const (
	isoRecordHeader = 33
	// maxDirectoryBytes bounds one directory: 8,192 entries of 128 bytes.
	maxDirectoryBytes = 1 << 20

	isoFlagDirectory  = 0x02
	isoFlagAssociated = 0x04
	isoFlagMoreExtent = 0x80
)

func newISOTree(r io.ReaderAt, d descriptors) isoTree {
	if d.joliet != nil {
		return isoTree{r: r, root: d.joliet[156:190], joliet: true}
	}
	return isoTree{r: r, root: d.primary[156:190]}
}

// isoRecord is one directory record.
type isoRecord struct {
	extent     uint32 // of the data, behind an extended attribute record
	size       uint32
	flags      byte
	interleave bool
	id         []byte
}

func (r isoRecord) offset() int64 { return int64(r.extent) * isoSectorSize }

var errBadRecord = errors.New("directory record that makes no sense")

// parseISORecord reads the record that b begins with.
func parseISORecord(b []byte) (isoRecord, error) {
	if len(b) <= isoRecordHeader {
		return isoRecord{}, errBadRecord
	}
	length, name := int(b[0]), int(b[32])
	if length > len(b) || length < isoRecordHeader+name || name == 0 {
		return isoRecord{}, errBadRecord
	}
	extent := uint64(binary.LittleEndian.Uint32(b[2:])) + uint64(b[1])
	if extent>>32 != 0 {
		return isoRecord{}, errBadRecord
	}
	return isoRecord{
		extent:     uint32(extent),
		size:       binary.LittleEndian.Uint32(b[10:]),
		flags:      b[25],
		interleave: b[26] != 0 || b[27] != 0,
		id:         b[isoRecordHeader : isoRecordHeader+name],
	}, nil
}

// records reads a directory. A record does not cross a sector: a length of
// zero ends the sector's.
func (t isoTree) records(dir isoRecord) ([]isoRecord, error) {
	if dir.size > maxDirectoryBytes {
		return nil, fmt.Errorf("directory of %d bytes, more than %d", dir.size, maxDirectoryBytes)
	}
	b := make([]byte, dir.size)
	if _, err := t.r.ReadAt(b, dir.offset()); err != nil {
		return nil, err
	}
	var records []isoRecord
	for len(b) > 0 {
		sector := b[:min(len(b), isoSectorSize)]
		b = b[len(sector):]
		for len(sector) > 0 && sector[0] != 0 {
			r, err := parseISORecord(sector)
			if err != nil {
				return nil, err
			}
			sector = sector[sector[0]:]
			self := len(r.id) == 1 && r.id[0] <= 1 // "." and ".."
			if !self && r.flags&isoFlagAssociated == 0 {
				records = append(records, r)
			}
		}
	}
	return records, nil
}

// name returns a record's name as the kernel shows it: without the version and
// a final dot, of the primary tree in lower case.
func (t isoTree) name(r isoRecord) string {
	name := string(r.id)
	if t.joliet {
		name = ucs2(r.id)
	}
	if i := strings.LastIndexByte(name, ';'); i >= 0 && strings.Trim(name[i+1:], "0123456789") == "" {
		name = name[:i]
	}
	name = strings.TrimSuffix(name, ".")
	if !t.joliet {
		name = strings.ToLower(name)
	}
	return name
}

// find walks down to a path.
func (t isoTree) find(path string) (isoRecord, error) {
	at, err := parseISORecord(t.root)
	if err != nil {
		return isoRecord{}, err
	}
	if path == "." {
		return at, nil
	}
walk:
	for part := range strings.SplitSeq(path, "/") {
		records, err := t.records(at)
		if err != nil {
			return isoRecord{}, err
		}
		for _, r := range records {
			if t.name(r) == part {
				at = r
				continue walk
			}
		}
		return isoRecord{}, fs.ErrNotExist
	}
	return at, nil
}

func (t isoTree) foldsCase() bool { return t.joliet }

func (t isoTree) list(dir string) ([]entry, error) {
	d, err := t.find(dir)
	if err != nil {
		return nil, err
	}
	records, err := t.records(d)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, 0, len(records))
	for _, r := range records {
		e := entry{name: t.name(r)}
		switch {
		case r.flags&isoFlagDirectory != 0:
			e.kind = fs.ModeDir
		case r.interleave, r.flags&isoFlagMoreExtent != 0:
			e.kind = fs.ModeIrregular
		default:
			e.size = int64(r.size)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (t isoTree) read(path string, size int64, emit func([]byte) error) error {
	r, err := t.find(path)
	if err != nil {
		return err
	}
	if r.flags&isoFlagDirectory != 0 || int64(r.size) != size {
		return fmt.Errorf("it has %d bytes here and %d in its directory", r.size, size)
	}
	return emitAll(io.NewSectionReader(t.r, r.offset(), size), size, emit)
}
