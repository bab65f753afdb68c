package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Parent and child speak frames: a kind, a length of four bytes (big-endian),
// the payload. The parent sends a request and gets data frames, then an end or
// an error frame. It trusts nothing: a longer frame, an unknown kind, a name
// that is no name, more data than asked for end the child.
const (
	frameHello       = 'h' // the volume is open; payload: a greeting
	frameUnsupported = 'u' // sound, but nothing this reader can read
	frameList        = 'l' // request: the directory's path
	frameRead        = 'r' // request: the file's size (8 bytes), its path
	frameData        = 'd'
	frameEnd         = 'e'
	frameError       = 'x' // why, in words

	frameHeader = 5
	maxFrame    = 64 << 10
)

// maxGreeting is how many lines of a greeting are read: a child that was taken over may
// send any number.
const maxGreeting = 16

// greeting is what the child says once it has the volume open.
type greeting struct {
	folds   bool     // names are found in upper and lower case alike
	missing []string // of what confines it, what this machine cannot do
	notes   []string // what is odd about the volume
}

func (g greeting) encode() []byte {
	lines := []string{"exact"}
	if g.folds {
		lines[0] = "folds"
	}
	for _, m := range g.missing {
		lines = append(lines, "lacks "+m)
	}
	for _, n := range g.notes {
		lines = append(lines, "note "+n)
	}
	return []byte(strings.Join(lines, "\n"))
}

func decodeGreeting(payload []byte) greeting {
	lines := strings.Split(string(payload), "\n")
	g := greeting{folds: lines[0] == "folds"}
	for _, line := range lines[1:min(len(lines), maxGreeting)] {
		switch kind, text, _ := strings.Cut(line, " "); kind {
		case "lacks":
			g.missing = append(g.missing, oneLine(text))
		case "note":
			g.notes = append(g.notes, oneLine(text))
		}
	}
	return g
}

func writeFrame(w io.Writer, kind byte, payload []byte) error {
	b := make([]byte, frameHeader, frameHeader+len(payload))
	b[0] = kind
	binary.BigEndian.PutUint32(b[1:], uint32(len(payload)))
	_, err := w.Write(append(b, payload...))
	return err
}

// readFrame reads one frame into buf, which holds maxFrame bytes.
func readFrame(r io.Reader, buf []byte) (kind byte, payload []byte, err error) {
	var head [frameHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("frame of %d bytes", n)
	}
	if _, err := io.ReadFull(r, buf[:n]); err != nil {
		return 0, nil, err
	}
	return head[0], buf[:n], nil
}

// entry is one name in a directory of the volume.
type entry struct {
	name   string
	kind   fs.FileMode // 0, fs.ModeDir, fs.ModeSymlink or fs.ModeIrregular
	size   int64
	target string // of a symbolic link
}

const entryHeader = 1 + 8 + 2 + 2

var errBadEntry = errors.New("directory entry that makes no sense")

func (e entry) append(b []byte) []byte {
	kind := byte('-')
	switch e.kind {
	case fs.ModeDir:
		kind = 'd'
	case fs.ModeSymlink:
		kind = 'l'
	case fs.ModeIrregular:
		kind = '?'
	}
	b = append(b, kind)
	b = binary.BigEndian.AppendUint64(b, uint64(e.size))
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.name)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.target)))
	b = append(b, e.name...)
	return append(b, e.target...)
}

// decodeEntries reads the entries of one frame, which holds whole ones.
func decodeEntries(b []byte) ([]entry, error) {
	var entries []entry
	for len(b) > 0 {
		if len(b) < entryHeader {
			return nil, errBadEntry
		}
		size := binary.BigEndian.Uint64(b[1:])
		name, target := int(binary.BigEndian.Uint16(b[9:])), int(binary.BigEndian.Uint16(b[11:]))
		if len(b) < entryHeader+name+target || size > 1<<62 {
			return nil, errBadEntry
		}
		e := entry{
			size:   int64(size),
			name:   string(b[entryHeader : entryHeader+name]),
			target: string(b[entryHeader+name : entryHeader+name+target]),
		}
		switch b[0] {
		case '-':
		case 'd':
			e.kind = fs.ModeDir
		case 'l':
			e.kind = fs.ModeSymlink
		case '?':
			e.kind = fs.ModeIrregular
		default:
			return nil, errBadEntry
		}
		if !validName(e.name) {
			return nil, errBadEntry
		}
		entries = append(entries, e)
		b = b[entryHeader+name+target:]
	}
	return entries, nil
}

// validName tells whether s can be one element of a path, and be printed: names
// are in messages. A backslash is refused because go-diskfs takes it for a slash
// on FAT.
func validName(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= maxNameBytes &&
		utf8.ValidString(s) && !strings.ContainsAny(s, `/\`) && !strings.ContainsFunc(s, unicode.IsControl)
}
