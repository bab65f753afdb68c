package media

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The mutations of a run: for so long, or so many when no time is given, from a seed that
// repeats a run.
var (
	mutateFor   = flag.Duration("mutate", 0, "how long to try mutations of volumes; 0: a few")
	mutateFrom  = flag.Uint64("mutations-from", 1, "the seed of the mutations")
	mutateCount = flag.Int("mutations", 300, "how many mutations to try when no time is given")
)

// What every mutation is held to.
const (
	mutantTime     = 2 * time.Second      // that the reader has for a request
	mutantPatience = 20 * time.Second     // after which somebody hangs: a volume takes several requests
	mutantMemory   = childMemory + 96<<20 // bytes of the child, with the test's own program in it
)

// sample is a sound volume and what is to be read of it.
type sample struct {
	name    string
	image   []byte
	files   map[string][]byte
	content []span // where the content of files is; all else says what is where
}

// span is a part of an image.
type span struct{ from, to int }

// samples are the volumes of the corpus that are small enough to be changed often.
func samples(t testing.TB) []sample {
	t.Helper()
	var all []sample
	for _, v := range volumes() {
		path := v.make(t)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > 17<<20 || v.want.Filesystem == UDF {
			continue
		}
		image, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s := sample{name: v.name, image: image, files: seedFiles()}
		for _, content := range s.files {
			if len(content) < 512 {
				continue // it may stand anywhere
			}
			for at := 0; ; {
				i := bytes.Index(image[at:], content)
				if i < 0 {
					break
				}
				s.content = append(s.content, span{at + i, at + i + len(content)})
				at += i + len(content)
			}
		}
		all = append(all, s)
	}
	return all
}

// isContent tells whether a byte belongs to a file's content.
func (s sample) isContent(at int) bool {
	for _, c := range s.content {
		if at >= c.from && at < c.to {
			return true
		}
	}
	return false
}

// mutant is a changed volume, and what may have become of its files.
type mutant struct {
	image []byte
	how   string

	// content: only contents were changed, so that names and sizes must be what they were.
	content bool
	// cut: it only lost its end, so that what is read must be what it was.
	cut bool
}

// mutate makes one change of a volume, or a few.
func (s sample) mutate(r *rand.Rand, others []sample) mutant {
	m := mutant{image: bytes.Clone(s.image)}
	if r.IntN(12) == 0 {
		m.cut, m.how = true, "cut off"
		m.image = m.image[:r.IntN(len(m.image))]
		return m
	}
	if r.IntN(12) == 0 && len(s.content) > 0 {
		m.content, m.how = true, "contents changed"
		for range 1 + r.IntN(8) {
			c := s.content[r.IntN(len(s.content))]
			m.image[c.from+r.IntN(c.to-c.from)] ^= 1 << r.IntN(8)
		}
		return m
	}
	for range 1 + r.IntN(4) {
		m.how += s.change(r, m.image, others) + " "
	}
	return m
}

// change changes something of what says what is where.
func (s sample) change(r *rand.Rand, image []byte, others []sample) string {
	at := s.described(r)
	sector := at / 512 * 512
	switch r.IntN(8) {
	case 0, 1, 2:
		image[at] ^= 1 << r.IntN(8)
		return fmt.Sprintf("bit at %d", at)
	case 3: // a field of two or four bytes, of either order
		width := []int{2, 4}[r.IntN(2)]
		values := [][]byte{{0, 0, 0, 0}, {0xff, 0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0x7f}, {1, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, 1, 0}, {0xf8, 0xff, 0xff, 0x0f}}
		copy(image[at:min(at+width, len(image))], values[r.IntN(len(values))])
		return fmt.Sprintf("field at %d", at)
	case 4: // one more or less
		image[at] += byte(1 - 2*r.IntN(2))
		return fmt.Sprintf("step at %d", at)
	case 5: // a sector of another place: directories that hold themselves
		from := s.described(r) / 512 * 512
		copy(image[sector:min(sector+512, len(image))], image[from:min(from+512, len(image))])
		return fmt.Sprintf("sector %d over %d", from, sector)
	case 6: // a sector of another volume
		o := others[r.IntN(len(others))].image
		if sector < len(o) {
			copy(image[sector:min(sector+512, len(image))], o[sector:])
		}
		return fmt.Sprintf("a stranger's sector at %d", sector)
	default:
		clear(image[at:min(at+1+r.IntN(64), len(image))])
		return fmt.Sprintf("noughts at %d", at)
	}
}

// described is a byte that says what is where: one that is in use, if one is found soon.
func (s sample) described(r *rand.Rand) int {
	at := 0
	for range 200 {
		at = r.IntN(len(s.image))
		if r.IntN(2) == 0 {
			at = r.IntN(min(len(s.image), 128<<10)) // where most of it is
		}
		if s.image[at] != 0 && !s.isContent(at) {
			break
		}
	}
	return at
}

// sectors are the digests of an image's sectors: what is read must consist of them.
func sectors(image []byte) map[[32]byte]bool {
	all := map[[32]byte]bool{}
	for at := 0; at < len(image); at += 512 {
		all[sha256.Sum256(image[at:min(at+512, len(image))])] = true
	}
	return all
}

// isOf tells whether content consists of sectors of the image, but for its last one.
func isOf(content []byte, known map[[32]byte]bool) bool {
	for at := 0; at+512 <= len(content); at += 512 {
		if !known[sha256.Sum256(content[at:at+512])] {
			return false
		}
	}
	return true
}

// tally is what became of all mutants.
type tally struct {
	mu                      sync.Mutex
	tried, same, other, bad int
	stopped                 map[string]int // children that were stopped, by why
	slowest                 time.Duration
	largest                 int64 // bytes that a child had at once
}

// TestMutationsOfVolumesAreReadOrRefused changes volumes of the whole corpus and reads
// them as a boot does: no hang, no memory past the limit, no crash of the parent, nothing
// that is not on the volume taken for what is.
func TestMutationsOfVolumesAreReadOrRefused(t *testing.T) {
	t.Parallel()
	all := samples(t)
	if len(all) == 0 {
		t.Fatal("there are no volumes to change")
	}
	end := time.Now().Add(*mutateFor)
	var sum tally
	sum.stopped = map[string]int{}
	var group sync.WaitGroup
	const workers = 2
	for worker := range workers {
		group.Go(func() {
			path := filepath.Join(t.TempDir(), "mutant")
			for i := worker; *mutateFor > 0 && time.Now().Before(end) || *mutateFor == 0 && i < *mutateCount; i += workers {
				r := rand.New(rand.NewPCG(*mutateFrom, uint64(i)))
				s := all[r.IntN(len(all))]
				m := s.mutate(r, all)
				if wrong := sum.try(t, path, s, m); wrong != nil {
					t.Errorf("mutation %d from %d, %s, %s: %v", i, *mutateFrom, s.name, m.how, wrong)
				}
			}
		})
	}
	group.Wait()
	t.Logf("%d mutations of %d volumes from seed %d: %d read as they were, %d otherwise, %d refused; children stopped: %v; slowest %.1f s; largest child %d MiB",
		sum.tried, len(all), *mutateFrom, sum.same, sum.other, sum.bad, sum.stopped, sum.slowest.Seconds(), sum.largest>>20)
	if sum.largest > mutantMemory || sum.largest == 0 {
		t.Errorf("a child had %d MiB", sum.largest>>20)
	}
	if sum.bad == 0 || sum.same == 0 {
		t.Error("the mutations are the wrong ones: all or none of them matter")
	}
}

// try reads one mutant. An error is a finding.
func (sum *tally) try(t *testing.T, path string, s sample, m mutant) error {
	if err := os.WriteFile(path, m.image, 0o600); err != nil {
		return err
	}
	start := time.Now()
	read, memory, failed, wrong := readMutant(t, path)
	took := time.Since(start)
	sum.mu.Lock()
	defer sum.mu.Unlock()
	sum.tried++
	sum.slowest, sum.largest = max(sum.slowest, took), max(sum.largest, memory)
	for _, why := range []string{"MiB and was stopped", "processor time", "took longer", "crashed", "wrong answer", "without a word", "fell silent"} {
		if failed != nil && strings.Contains(failed.Error(), why) {
			sum.stopped[why]++
		}
	}
	switch {
	case wrong != nil:
		return wrong
	case took > mutantPatience:
		return fmt.Errorf("it took %v", took)
	}
	return sum.judge(s, m, read, failed)
}

// judge holds what was read against what may be.
func (sum *tally) judge(s sample, m mutant, read map[string][]byte, failed error) error {
	equal := failed == nil && len(read) == len(s.files)
	var known map[[32]byte]bool
	for name, content := range read {
		want, ok := s.files[name]
		if ok && bytes.Equal(want, content) {
			continue
		}
		equal = false
		switch {
		case m.cut:
			return fmt.Errorf("%s was read, and is not what it was", name)
		case m.content && (!ok || len(content) != len(want)):
			return fmt.Errorf("%s has %d bytes, though only contents were changed", name, len(content))
		}
		if known == nil {
			known = sectors(m.image)
		}
		if !isOf(content, known) {
			return fmt.Errorf("%s holds bytes that are not on the volume", name)
		}
	}
	switch {
	case failed != nil:
		sum.bad++
	case equal:
		sum.same++
	default:
		sum.other++
	}
	return nil
}

// readMutant reads all files of a volume, each of them twice. failed is the first error
// of reading; wrong is what must never be.
func readMutant(t *testing.T, path string) (read map[string][]byte, memory int64, failed, wrong error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, nil, err
	}
	sb, err := Probe(f, info.Size())
	if err != nil {
		return nil, 0, nil, fmt.Errorf("the probe failed on a file: %w", err)
	}
	v, err := Open(t.Context(), path, sb, OpenOptions{NoMount: true, Timeout: mutantTime})
	if err != nil {
		return nil, 0, err, nil
	}
	pid := v.fs.source.(*reader).cmd.Process.Pid
	read = map[string][]byte{}
	failed = fs.WalkDir(v.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := fs.ReadFile(v.FS(), name)
		if err != nil {
			return err
		}
		if again, err := fs.ReadFile(v.FS(), name); err == nil && !bytes.Equal(content, again) {
			wrong = fmt.Errorf("%s was read twice, and differs", name)
		}
		if info, err := d.Info(); err == nil && info.Size() != int64(len(content)) {
			wrong = fmt.Errorf("%s has %d bytes, its directory says %d", name, len(content), info.Size())
		}
		read[name] = content
		return nil
	})
	memory = peak(pid)
	if err := v.Close(); err != nil && failed == nil {
		failed = err
	}
	if err := unix.Kill(pid, 0); wrong == nil && !errors.Is(err, unix.ESRCH) {
		wrong = fmt.Errorf("the child is still there: %w", err)
	}
	return read, memory, failed, wrong
}

// peak is the most memory that a process had at once, in bytes; 0 when it is gone. The
// figure of wait4(2) is no use: it counts what its parent had when it was forked.
func peak(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kibibytes int64
	if _, err := fmt.Sscanf(rest, "%d kB", &kibibytes); err != nil {
		return 0
	}
	return kibibytes << 10
}
