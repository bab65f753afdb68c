package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// childName is the child's argv[0], by which ChildMain knows it and people in
// a process list.
const childName = "cloudseed: media reader"

// ChildMain is the first thing a program that uses Open must call, in main or
// in TestMain. In the confined child, which is the program's own executable
// started again, it serves the volume and exits; in any other process it does
// nothing.
func ChildMain() {
	if len(os.Args) == 2 && os.Args[0] == childName {
		os.Exit(serve(Filesystem(os.Args[1])))
	}
}

// The child's descriptors.
const (
	requestsFD = 0
	answersFD  = 1
	volumeFD   = 3
)

// serve answers requests until there are no more of them.
func serve(kind Filesystem) (code int) {
	answers := fd(answersFD)
	defer func() {
		if p := recover(); p != nil {
			fail(answers, fmt.Errorf("the reader crashed: %v", p))
			code = 1
		}
	}()
	// Go gives the pipes' ends as they are: make sure that they block.
	for _, f := range []int{requestsFD, answersFD} {
		if err := unix.SetNonblock(f, false); err != nil {
			return fail(answers, err)
		}
	}
	size, err := unix.Seek(volumeFD, 0, io.SeekEnd)
	if err != nil {
		return fail(answers, err)
	}
	debug.SetMemoryLimit(childMemory * 3 / 4)
	debug.SetMaxStack(childMemory / 8)
	missing, err := confine()
	if err != nil {
		return fail(answers, err)
	}
	source := &volumeReader{r: fd(volumeFD), size: size}
	c, err := openContents(kind, source)
	if err = source.first(err); err != nil {
		return fail(answers, err)
	}
	hello := greeting{folds: c.foldsCase(), missing: missing, notes: differingCopies(kind, source)}
	source.err = nil // what was looked at for the notes alone is no fault of the files
	if err := writeFrame(answers, frameHello, hello.encode()); err != nil {
		return 1
	}
	buf := make([]byte, maxFrame)
	for {
		request, payload, err := readFrame(fd(requestsFD), buf)
		if err != nil {
			return 0 // the parent has closed its end
		}
		if err := reply(answers, source, c, request, payload); err != nil {
			return 1
		}
	}
}

// reply answers one request; its error is that of writing the answer.
func reply(answers io.Writer, source *volumeReader, c contents, request byte, payload []byte) error {
	var err error
	switch {
	case request == frameList:
		var entries []entry
		entries, err = c.list(string(payload))
		if err = source.first(err); err == nil {
			err = sendEntries(answers, entries)
		}
	case request == frameRead && len(payload) > 8:
		size := int64(binary.BigEndian.Uint64(payload))
		err = c.read(string(payload[8:]), size, func(b []byte) error {
			if source.err != nil {
				return source.err
			}
			return sendData(answers, b)
		})
		err = source.first(err)
	default:
		err = errors.New("unknown request")
	}
	if err != nil {
		return writeFrame(answers, frameError, []byte(oneLine(err.Error())))
	}
	return writeFrame(answers, frameEnd, nil)
}

func sendEntries(w io.Writer, entries []entry) error {
	var b []byte
	for _, e := range entries {
		if !validName(e.name) || len(e.target) > maxNameBytes {
			continue // nothing that can be asked for
		}
		b = e.append(b)
		if len(b) > maxFrame/2 {
			if err := writeFrame(w, frameData, b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	return writeFrame(w, frameData, b)
}

func sendData(w io.Writer, b []byte) error {
	for len(b) > 0 {
		n := min(len(b), maxFrame)
		if err := writeFrame(w, frameData, b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// fail says why the volume cannot be served, if anybody still listens.
func fail(w io.Writer, why error) int {
	kind := byte(frameError)
	if errors.As(why, new(unsupportedError)) {
		kind = frameUnsupported
	}
	if err := writeFrame(w, kind, []byte(oneLine(why.Error()))); err != nil {
		return 2
	}
	return 1
}

// fd reads and writes a descriptor without Go's poller, which the confined
// child cannot extend.
type fd int

func (f fd) Read(b []byte) (int, error) {
	n, err := retry(func() (int, error) { return unix.Read(int(f), b) })
	if n == 0 && err == nil && len(b) > 0 {
		err = io.EOF
	}
	return n, err
}

func (f fd) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		n, err := retry(func() (int, error) { return unix.Write(int(f), b[done:]) })
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

func (f fd) ReadAt(b []byte, off int64) (int, error) {
	done := 0
	for done < len(b) {
		n, err := retry(func() (int, error) { return unix.Pread(int(f), b[done:], off+int64(done)) })
		if err != nil {
			return done, err
		}
		if n == 0 {
			return done, io.EOF
		}
		done += n
	}
	return done, nil
}

func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}
