package media

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

// childMark is in the child's environment: should a program not call ChildMain,
// its child stops at Open instead of having children without end.
const childMark = "CLOUDSEED_MEDIA_READER=1"

// reader is the parent's end of the confined child.
type reader struct {
	path     string
	kind     Filesystem
	left     time.Duration // what remains of the volume's time
	timeout  time.Duration
	cmd      *exec.Cmd
	requests *os.File
	answers  *os.File
	stderr   *head
	done     chan struct{} // closed when the child is reaped
	waitErr  error         // after done
	ended    error         // why no more can be asked
	stopWait func() bool
	buf      []byte
	greeting greeting
}

// openReader starts the child on the open volume f and waits until it has it
// open. An unsupportedError is the child's own finding that it cannot read the
// volume.
func openReader(ctx context.Context, path string, f *os.File, kind Filesystem, timeout time.Duration) (*reader, error) {
	if kind == UDF {
		return nil, unsupportedError("UDF has no reader in user space")
	}
	if mark, value, _ := strings.Cut(childMark, "="); os.Getenv(mark) == value {
		return nil, errors.New("cannot read media: the program does not call media.ChildMain")
	}
	r := newReader(path, kind, timeout)
	if err := r.start(f, childName, string(kind)); err != nil {
		return nil, fmt.Errorf("cannot start the reader of %s: %w", path, err)
	}
	// Ending ctx ends whatever waits for the child.
	r.stopWait = context.AfterFunc(ctx, func() { r.setDeadline(time.Unix(1, 0)) })
	err := r.await(ctx, func() error {
		answer, payload, err := readFrame(r.answers, r.buf)
		switch {
		case err != nil:
			return err
		case answer == frameHello:
			r.greeting = decodeGreeting(payload)
			return nil
		case answer == frameUnsupported:
			return unsupportedError(oneLine(string(payload)))
		case answer == frameError:
			return volumeError(oneLine(string(payload)))
		}
		return fmt.Errorf("frame %q", answer)
	})
	if err == nil {
		return r, nil
	}
	if !errors.As(err, new(unsupportedError)) {
		err = fmt.Errorf("cannot read %s: %w", path, err)
	}
	return nil, errors.Join(err, r.close())
}

func newReader(path string, kind Filesystem, timeout time.Duration) *reader {
	return &reader{
		path: path, kind: kind, left: timeout, timeout: timeout,
		stderr: &head{max: maxChildStderr}, buf: make([]byte, maxFrame),
		done: make(chan struct{}), stopWait: func() bool { return false },
	}
}

// start starts the child. Its owner is a goroutine that stays on one thread
// until the child is reaped: PDEATHSIG is sent at the end of the parent's
// thread, not of its process (prctl(2)).
func (r *reader) start(volume *os.File, argv ...string) error {
	childRequests, requests, err := os.Pipe()
	if err != nil {
		return err
	}
	defer childRequests.Close()
	answers, childAnswers, err := os.Pipe()
	if err != nil {
		return errors.Join(err, requests.Close())
	}
	defer childAnswers.Close()
	r.requests, r.answers = requests, answers
	r.cmd = &exec.Cmd{
		Path: "/proc/self/exe",
		Args: argv,
		// One thread parses; the runtime need not watch cgroups, for which it
		// would hold a descriptor, nor print every goroutine when it dies.
		Env:         []string{childMark, "GOMAXPROCS=1", "GODEBUG=containermaxprocs=0,updatemaxprocs=0", "GOTRACEBACK=none"},
		Dir:         "/",
		Stdin:       childRequests,
		Stdout:      childAnswers,
		Stderr:      r.stderr,
		ExtraFiles:  []*os.File{volume},
		SysProcAttr: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
		WaitDelay:   childGrace,
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := r.cmd.Start()
		started <- err
		if err == nil {
			r.waitErr = r.cmd.Wait()
			close(r.done)
		}
	}()
	if err := <-started; err != nil {
		return errors.Join(err, requests.Close(), answers.Close())
	}
	return nil
}

// volumeError is what the child says of the volume; the child lives on.
type volumeError string

func (e volumeError) Error() string { return string(e) }

// await runs one exchange with the child within the volume's time. Any error
// but the child's own words is the end of the child.
func (r *reader) await(ctx context.Context, exchange func() error) error {
	if r.ended != nil {
		return r.ended
	}
	begin := time.Now()
	r.setDeadline(begin.Add(r.left))
	if ctx.Err() != nil { // its end may have come before the deadline was set
		r.setDeadline(time.Unix(1, 0))
	}
	err := exchange()
	r.left -= time.Since(begin)
	if err == nil || errors.As(err, new(unsupportedError)) || errors.As(err, new(volumeError)) {
		return err
	}
	r.ended = r.explain(ctx, err)
	return r.ended
}

func (r *reader) setDeadline(t time.Time) {
	// Pipes of os.Pipe have deadlines; on closed ones there is nothing to wait for.
	_ = r.answers.SetDeadline(t)
	_ = r.requests.SetDeadline(t)
}

// explain ends the child and says in one line what happened to it.
func (r *reader) explain(ctx context.Context, err error) error {
	stopped := fmt.Sprintf("the %s reader", r.kind)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.kill()
		if ctx.Err() != nil {
			return fmt.Errorf("%s was stopped: %w", stopped, context.Cause(ctx))
		}
		return fmt.Errorf("%s took longer than %v and was stopped", stopped, r.timeout)
	}
	if errors.Is(err, errTooManyEntries) { // the volume's fault, not the reader's
		r.kill()
		return err
	}
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, unix.EPIPE) {
		r.kill()
		return fmt.Errorf("%s gave a wrong answer (%w) and was stopped", stopped, err)
	}
	// It has closed its end: it is dead or dying.
	select {
	case <-r.done:
	case <-time.After(childGrace):
		r.kill()
		return fmt.Errorf("%s fell silent and was stopped", stopped)
	}
	said := r.stderr.String()
	used := r.cmd.ProcessState.UserTime() + r.cmd.ProcessState.SystemTime()
	switch {
	case strings.Contains(said, "out of memory") || strings.Contains(said, "cannot allocate memory"),
		strings.Contains(said, "SIGSEGV") && r.wasLarge():
		return fmt.Errorf("%s used more than %d MiB and was stopped", stopped, childMemory>>20)
	case used >= childCPU-time.Second:
		return fmt.Errorf("%s used more than %v of processor time and was stopped", stopped, childCPU)
	case said != "":
		return fmt.Errorf("%s crashed: %s", stopped, oneLine(said))
	}
	if r.waitErr != nil {
		return fmt.Errorf("%s ended: %w", stopped, r.waitErr)
	}
	return fmt.Errorf("%s ended without a word", stopped)
}

// wasLarge tells whether the child had grown far beyond what reading a volume takes.
// Where Go's runtime is refused memory in the middle of its own work it does not always
// say so: it may fault instead.
func (r *reader) wasLarge() bool {
	usage, ok := r.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return ok && usage.Maxrss<<10 > childMemory/4 // Maxrss is in KiB: getrusage(2)
}

// kill ends the child and waits for it a moment: no longer, for a child in a
// device's driver dies only when the driver lets go of it. It is then reaped by
// its owner, or by init after this process.
func (r *reader) kill() {
	_ = r.cmd.Process.Kill() // fails only when it is dead
	select {
	case <-r.done:
	case <-time.After(childGrace):
	}
}

func (r *reader) close() error {
	r.stopWait()
	r.ended = fmt.Errorf("%s is closed", r.path)
	err := r.requests.Close() // at which the child exits
	select {
	case <-r.done:
	case <-time.After(childGrace):
		r.kill()
	}
	return errors.Join(err, r.answers.Close())
}

// ask sends a request and passes on its data frames.
func (r *reader) ask(ctx context.Context, request byte, payload []byte, data func([]byte) error) error {
	return r.await(ctx, func() error {
		if err := writeFrame(r.requests, request, payload); err != nil {
			return err
		}
		for {
			answer, payload, err := readFrame(r.answers, r.buf)
			switch {
			case err != nil:
				return err
			case answer == frameData:
				if err := data(payload); err != nil {
					return err
				}
			case answer == frameEnd:
				return nil
			case answer == frameError:
				return volumeError(oneLine(string(payload)))
			default:
				return fmt.Errorf("frame %q", answer)
			}
		}
	})
}

func (r *reader) list(ctx context.Context, dir string) ([]entry, error) {
	var entries []entry
	err := r.ask(ctx, frameList, []byte(dir), func(b []byte) error {
		more, err := decodeEntries(b)
		entries = append(entries, more...)
		if err == nil && len(entries) > MaxDirectoryEntries {
			err = errTooManyEntries
		}
		return err
	})
	return entries, err
}

func (r *reader) read(ctx context.Context, path string, size int64) ([]byte, error) {
	content := make([]byte, 0, size)
	request := append(binary.BigEndian.AppendUint64(nil, uint64(size)), path...)
	err := r.ask(ctx, frameRead, request, func(b []byte) error {
		if int64(len(content)+len(b)) > size {
			return errors.New("more than the file's size")
		}
		content = append(content, b...)
		return nil
	})
	if err == nil && int64(len(content)) != size {
		err = fmt.Errorf("it ends after %d of %d bytes", len(content), size)
	}
	if err != nil {
		return nil, err
	}
	return content, nil
}

// head keeps the first max bytes written to it.
type head struct {
	max int
	buf bytes.Buffer
}

func (h *head) Write(b []byte) (int, error) {
	h.buf.Write(b[:min(len(b), h.max-h.buf.Len())])
	return len(b), nil
}

// String returns the first line; after the child is reaped only.
func (h *head) String() string {
	line, _, _ := strings.Cut(strings.TrimSpace(h.buf.String()), "\n")
	return line
}

// oneLine makes text from the child fit for a log: one line, no control
// characters, not long.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxErrorBytes {
		s = strings.ToValidUTF8(s[:maxErrorBytes], "") + "..."
	}
	return s
}
