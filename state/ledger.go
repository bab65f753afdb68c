package state

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"

	"cloudseed/host"
)

// ledgerFile holds one effect a line, as JSON. Only root may read it: a diff may
// show what its file would not.
const ledgerFile = CloudDir + "/data/ledger.jsonl"

// maxLedger is the size in bytes from which a new boot puts the change log aside, so
// that a guest that is never cleaned does not fill its disk.
const maxLedger = 4 << 20

// Entry is a line of the change log.
type Entry struct {
	Boot     string `json:"boot"`
	Instance string `json:"instance,omitempty"`
	host.Effect
}

// Ledger records effects as they happen. It is safe for use by several goroutines.
type Ledger struct {
	mu       sync.Mutex
	file     *os.File
	boot     string
	instance string
	err      error
}

// OpenLedger opens the machine's ledger to add to it. It is not durable line by
// line: a power cut may cost the last ones, and a torn line is skipped when it
// is read.
func OpenLedger(h *host.Host, boot string) (*Ledger, error) {
	if info, err := h.Stat(ledgerFile); err == nil && info.Size() > maxLedger {
		if err := h.Rename(ledgerFile, ledgerFile+".1"); err != nil {
			return nil, fmt.Errorf("cannot put the old change log aside: %w", err)
		}
	}
	file, err := h.OpenLog(ledgerFile, host.Log{})
	if err != nil {
		return nil, fmt.Errorf("cannot open the change log: %w", err)
	}
	// A torn last line would swallow the next one: a newline ends it. Readers pass
	// over empty lines.
	if _, err := file.WriteString("\n"); err != nil {
		return nil, fmt.Errorf("cannot write the change log: %w", errors.Join(err, file.Close()))
	}
	return &Ledger{file: file, boot: boot}, nil
}

// SetInstance names the instance that effects from now on are of.
func (l *Ledger) SetInstance(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.instance = id
}

// Record adds an effect. A ledger that cannot be written must not stop a boot: the
// first error is kept for Close.
func (l *Ledger) Record(e host.Effect) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, err := json.Marshal(Entry{Boot: l.boot, Instance: l.instance, Effect: e})
	if err == nil {
		_, err = l.file.Write(append(line, '\n'))
	}
	if l.err == nil {
		l.err = err
	}
}

// Close ends recording and tells whether something could not be recorded.
func (l *Ledger) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := errors.Join(l.err, l.file.Close()); err != nil {
		return fmt.Errorf("cannot write the change log: %w", err)
	}
	return nil
}

// Ledger reads all that was recorded, oldest first.
func (s *Store) Ledger() ([]Entry, error) {
	var entries []Entry
	for _, file := range []string{ledgerFile + ".1", ledgerFile} {
		f, err := s.host.Open(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read the change log: %w", err)
		}
		entries, err = readLedger(f, entries)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("cannot read the change log %s: %w", file, err)
		}
	}
	return entries, nil
}

func readLedger(r io.Reader, entries []Entry) ([]Entry, error) {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		var e Entry
		if json.Unmarshal(line, &e) == nil {
			entries = append(entries, e) // else empty, or torn by a power cut
		}
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return entries, err
		}
	}
}

// BootID is this boot's name in the change log: the kernel's.
func BootID() string {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(data))
}
