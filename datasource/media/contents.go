package media

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// contents is a volume's tree as the child reads it. Paths are slash-separated
// and made of names that list returned; the root is ".".
type contents interface {
	list(dir string) ([]entry, error)
	// foldsCase tells that names are found in upper and lower case alike, as
	// the kernel does it on FAT and Joliet.
	foldsCase() bool
	// read passes on exactly size bytes, or fails.
	read(path string, size int64, emit func([]byte) error) error
}

// unsupportedError is a sound volume of a kind that is not read in user space:
// the one reason for which a volume is mounted instead.
type unsupportedError string

func (e unsupportedError) Error() string { return string(e) }

// openContents opens the volume; in the child only.
func openContents(kind Filesystem, source *volumeReader) (contents, error) {
	switch kind {
	case ISO9660:
		return openISO(source)
	case VFAT:
		return openFAT(source)
	}
	return nil, unsupportedError(fmt.Sprintf("no reader for %s", kind))
}

// volumeReader is what the readers read from. It keeps the first error, and
// counts a read past the end as one: go-diskfs loses both and goes on with
// zeros.
//
// It also ends what goes in circles, which go-diskfs does for ever with a Rock Ridge
// continuation entry that points to itself (SUSP 5.1).
type volumeReader struct {
	r    io.ReaderAt
	size int64
	err  error

	again map[int64]int // how often a place was read, of late
}

// maxAgain is how often one place of a volume is read before the reader goes in circles:
// more often than the entries of the largest directory ask for it. maxPlaces is how many
// places are counted at a time.
const (
	maxAgain  = 4 * MaxDirectoryEntries
	maxPlaces = 4096
)

// circles reports whether a place is read again and again.
func (v *volumeReader) circles(off int64) bool {
	if v.again == nil || len(v.again) > maxPlaces {
		v.again = make(map[int64]int)
	}
	v.again[off]++
	return v.again[off] > maxAgain
}

// ReadAt implements io.ReaderAt.
func (v *volumeReader) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 || off > v.size || int64(len(b)) > v.size-off {
		v.fail(fmt.Errorf("it refers to byte %d, past the volume's end at %d", off+int64(len(b)), v.size))
		return 0, v.err
	}
	if v.circles(off) {
		v.fail(fmt.Errorf("it refers to byte %d again and again", off))
		return 0, v.err
	}
	n, err := v.r.ReadAt(b, off)
	if err != nil {
		v.fail(fmt.Errorf("cannot read at byte %d: %w", off+int64(n), err))
	}
	return n, err
}

func (v *volumeReader) fail(err error) {
	if v.err == nil {
		v.err = err
	}
}

// first returns the error of reading the volume if there was one, else err: the
// cause rather than what a reader made of it.
func (v *volumeReader) first(err error) error {
	if v.err != nil {
		return v.err
	}
	return err
}

// Stat, Read, Seek and Close make it the file that go-diskfs asks for; none of
// them is used to read a volume.
func (v *volumeReader) Stat() (os.FileInfo, error)     { return nil, errors.ErrUnsupported }
func (v *volumeReader) Read([]byte) (int, error)       { return 0, errors.ErrUnsupported }
func (v *volumeReader) Seek(int64, int) (int64, error) { return 0, errors.ErrUnsupported }
func (v *volumeReader) Close() error                   { return nil }

// zisofs begins a file that mkisofs compressed (linux/fs/isofs/compress.c;
// the second is version 2 of libisofs). Only the kernel unpacks it.
var zisofs = [][]byte{
	{0x37, 0xe4, 0x53, 0x96, 0xc9, 0xdb, 0xd6, 0x07},
	{0xef, 0x22, 0x55, 0xa1, 0xbc, 0x1b, 0x95, 0xa0},
}

func refuseZisofs(head []byte) error {
	for _, magic := range zisofs {
		if bytes.HasPrefix(head, magic) {
			return errors.New("it is compressed (zisofs), which is not supported")
		}
	}
	return nil
}
