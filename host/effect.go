package host

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"
)

// Effect is one change that was made, or tried, on the machine.
type Effect struct {
	Time   time.Time `json:"time"`
	Stage  string    `json:"stage,omitempty"`
	Module string    `json:"module,omitempty"`
	Kind   Kind      `json:"kind"`

	// Of a file, directory or link.
	Path   string `json:"path,omitempty"`
	Change Change `json:"change,omitempty"`
	Mode   string `json:"mode,omitempty"`   // octal, as chmod takes it
	Before string `json:"before,omitempty"` // sha256 of the content
	After  string `json:"after,omitempty"`
	Diff   string `json:"diff,omitempty"` // unified; not for secrets or large files

	// Of a command or unit.
	Argv       []string `json:"argv,omitempty"`
	Exit       *int     `json:"exit,omitempty"`
	DurationMS int64    `json:"duration_ms,omitempty"`

	Value string `json:"value,omitempty"` // of the hostname
	Error string `json:"error,omitempty"` // why it did not work
}

// Kind is what an effect was on.
type Kind string

// The kinds of effects.
const (
	KindFile     Kind = "file"
	KindDir      Kind = "dir"
	KindLink     Kind = "link"
	KindCommand  Kind = "command"
	KindUnit     Kind = "unit"
	KindHostname Kind = "hostname"
	KindEntry    Kind = "entry"    // a command of a script, Value, failed with Exit
	KindSkipped  Kind = "skipped"  // the module did nothing of what it is asked for: Value says why
	KindInstance Kind = "instance" // the machine became another: Value, that was Before
)

// Change is what happened to a path.
type Change string

// The changes a path can go through.
const (
	Added    Change = "added"
	Modified Change = "modified"
	Removed  Change = "removed"
)

// maxDiff is the size in bytes of the largest file whose diff is kept: the
// ledger is for reading, not a backup.
const maxDiff = 64 << 10

// Note records what was done to the machine otherwise than by a Host.
func (h *Host) Note(e Effect) { h.note(e) }

// note records an effect as this view's stage and module.
func (h *Host) note(e Effect) {
	if h.quiet {
		return
	}
	e.Time, e.Stage, e.Module = h.now(), h.stage, h.module
	h.shared.mu.Lock()
	defer h.shared.mu.Unlock()
	if h.shared.record != nil {
		h.shared.record(e)
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Unified is the diff of two contents of a file, empty if either is too large or no text.
func Unified(path string, before, after []byte) string {
	if len(before) > maxDiff || len(after) > maxDiff || !isText(before) || !isText(after) {
		return ""
	}
	return string(diff.Diff("before"+path, before, "after"+path, after))
}

func isText(data []byte) bool {
	return utf8.Valid(data) && !bytes.ContainsRune(data, 0)
}

// Octal writes permission bits as chmod takes them, set-id and sticky included.
func Octal(mode fs.FileMode) string {
	return fmt.Sprintf("%04o", bitsOf(mode))
}

// bitsOf is the reverse of ModeOf.
func bitsOf(mode fs.FileMode) uint32 {
	bits := uint32(mode.Perm())
	for _, special := range []struct {
		flag fs.FileMode
		bit  uint32
	}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}} {
		if mode&special.flag != 0 {
			bits |= special.bit
		}
	}
	return bits
}

// ModeOf turns permission bits as chmod takes them into a file mode.
func ModeOf(bits uint32) fs.FileMode {
	mode := fs.FileMode(bits & 0o777)
	if bits&0o4000 != 0 {
		mode |= fs.ModeSetuid
	}
	if bits&0o2000 != 0 {
		mode |= fs.ModeSetgid
	}
	if bits&0o1000 != 0 {
		mode |= fs.ModeSticky
	}
	return mode
}
