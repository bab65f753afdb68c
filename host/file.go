package host

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// File says how a file is to be written. The zero value is root's, 0644.
type File struct {
	Mode     fs.FileMode // permission bits; 0 is 0644, NoAccess is none
	Owner    Owner
	KeepMeta bool // an existing file keeps its owner, group and mode
	Secret   bool // the content is not shown in the change log
}

// NoAccess is the Mode of a file that has no permission bits at all.
const NoAccess = fs.ModeIrregular

// WriteFile makes path a file with just this content, owner and mode, and reports
// whether anything had to change for it. At any moment, power cuts included, the
// path holds either the old content or the new, whole; devices, pipes, settings of
// the kernel and mount points are written into. Missing parent directories are
// created, 0755 and root's.
//
// The error is a *RefusedError where another user could have chosen what is written to.
func (h *Host) WriteFile(path string, data []byte, f File) (changed bool, err error) {
	if changed, err = h.put(path, data, f, false); err != nil {
		err = fmt.Errorf("cannot write %s: %w", path, err)
	}
	return changed, err
}

// AppendFile adds data at the end of a file, by replacing it as WriteFile does. A device,
// pipe or setting of the kernel has no end: it just gets the data.
func (h *Host) AppendFile(path string, data []byte, f File) (changed bool, err error) {
	if changed, err = h.put(path, data, f, true); err != nil {
		err = fmt.Errorf("cannot append to %s: %w", path, err)
	}
	return changed, err
}

func (h *Host) put(path string, data []byte, f File, add bool) (changed bool, err error) {
	if skip, err := h.guarded(path); skip {
		return false, err
	}
	wanted := f.wanted()
	p, err := h.files.walk(path, walk{follow: true, make: h.parent})
	if err != nil {
		return false, err
	}
	defer p.close()
	old, err := currentAt(p)
	if err != nil {
		return false, err
	}
	defer old.close()
	if f.KeepMeta && old.exists() {
		if err := h.files.owners.checkPlain(p, old.st, wanted.UID); err != nil {
			return false, err
		}
		wanted = old.ownership()
	}
	if add && old.regular() {
		before, err := h.files.toAppend(p, old, wanted)
		if err != nil {
			return false, err
		}
		data = append(before, data...)
	}
	// What another user may have put there is replaced unread.
	known := old.regular() && h.files.owners.checkPlain(p, old.st, wanted.UID) == nil
	if known && h.files.owners.matches(old.st, wanted) {
		same, err := old.holds(data)
		if same || err != nil {
			return false, err
		}
	}
	var effect Effect
	if !h.quiet {
		if effect, err = fileEffect(path, old, known, data, f.Secret); err != nil {
			return false, err
		}
	}
	if err := h.files.write(p, data, wanted, old); err != nil {
		return false, err
	}
	h.shared.forRelabel(path)
	effect.Mode = Octal(wanted.mode)
	h.note(effect)
	return true, nil
}

// toAppend reads what is to be added to.
func (f files) toAppend(p place, old current, wanted ownership) ([]byte, error) {
	if err := f.owners.checkPlain(p, old.st, wanted.UID); err != nil {
		return nil, err
	}
	return readAll(old.file, MaxRead)
}

// fileEffect is what the change log has of a write, but for the mode.
func fileEffect(path string, old current, known bool, data []byte, secret bool) (Effect, error) {
	e := Effect{Kind: KindFile, Path: filepath.Clean("/" + path), Change: Added}
	if old.exists() {
		e.Change = Modified
	}
	if secret { // not even a digest: that of a short secret can be guessed
		return e, nil
	}
	e.After = digest(data)
	if !known {
		if !old.exists() {
			e.Diff = Unified(e.Path, nil, data)
		}
		return e, nil
	}
	var err error
	if e.Before, err = old.digest(); err != nil || old.st.Size > maxDiff {
		return e, err
	}
	before, err := readAll(old.file, maxDiff)
	e.Diff = Unified(e.Path, before, data)
	return e, err
}

// parent makes a directory that is missing on the way to a file.
func (h *Host) parent(p place) error { return h.makeDir(p, ownership{mode: 0o755}) }

// permissions are the bits of a mode that chmod can set.
func permissions(mode fs.FileMode) fs.FileMode {
	return mode & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

// wanted is what the file is to have, with the default mode.
func (f File) wanted() ownership {
	want := ownership{permissions(f.Mode), f.Owner}
	if f.Mode == 0 {
		want.mode = 0o644
	}
	return want
}

// current is what is at a place before a write.
type current struct {
	st   unix.Stat_t
	file *os.File // open for reading, if it is a regular file
	some bool     // there is anything
}

func (c current) exists() bool  { return c.some }
func (c current) regular() bool { return c.file != nil }

func (c current) close() {
	if c.file != nil {
		_ = c.file.Close() // it was only read
	}
}

func (c current) ownership() ownership {
	return ownership{ModeOf(c.st.Mode), Owner{int(c.st.Uid), int(c.st.Gid)}}
}

// currentAt looks at what is there before a write. What could make the reader wait is not
// opened: a device or pipe may have no end.
func currentAt(p place) (current, error) {
	st, err := p.look()
	if errors.Is(err, fs.ErrNotExist) {
		return current{}, nil
	}
	if err != nil {
		return current{}, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return current{}, errors.New("it is a directory")
	case unix.S_IFREG:
	default:
		return current{st: st, some: true}, nil
	}
	f, err := p.open(unix.O_RDONLY)
	if err != nil {
		return current{}, err
	}
	c := current{file: f, some: true}
	if err := unix.Fstat(int(f.Fd()), &c.st); err != nil {
		return current{}, errors.Join(err, f.Close())
	}
	if c.st.Mode&unix.S_IFMT != unix.S_IFREG {
		return current{}, errors.Join(p.refuse("is not a regular file"), f.Close())
	}
	return c, nil
}

// holds reports whether the file has just this content.
func (c current) holds(data []byte) (bool, error) {
	if c.st.Size != int64(len(data)) {
		return false, nil
	}
	if _, err := c.file.Seek(0, io.SeekStart); err != nil {
		return false, err
	}
	buffer := make([]byte, min(len(data), 64<<10))
	for len(data) > 0 {
		n := min(len(buffer), len(data))
		if _, err := io.ReadFull(c.file, buffer[:n]); err != nil || !bytes.Equal(buffer[:n], data[:n]) {
			return false, nil // it became shorter meanwhile: not the same in any case
		}
		data = data[n:]
	}
	return true, nil
}

// maxDigest is the size in bytes of the largest file that is read for the digest of
// what it held before.
const maxDigest = 64 << 20

// digest is the sha256 of the content, "" of a file that is too large.
func (c current) digest() (string, error) {
	if c.st.Size > maxDigest {
		return "", nil
	}
	if _, err := c.file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(c.file, maxDigest)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
