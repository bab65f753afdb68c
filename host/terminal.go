package host

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal that a command has as its input and its controlling
// terminal (pty(7)).
type terminal struct{ ours, theirs *os.File }

// openTerminal opens one that shows nothing of what is typed.
func openTerminal() (t terminal, err error) {
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return terminal{}, fmt.Errorf("cannot open a terminal: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("cannot open a terminal: %w", err), ours.Close())
		}
	}()
	raw, err := ours.SyscallConn()
	if err != nil {
		return terminal{}, err
	}
	var number uint32
	var failed error
	err = raw.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed == nil {
			number, failed = unix.IoctlGetUint32(int(fd), unix.TIOCGPTN)
		}
	})
	if err = errors.Join(err, failed); err != nil {
		return terminal{}, err
	}
	theirs, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return terminal{}, err
	}
	if err = withoutEcho(int(theirs.Fd())); err != nil {
		return terminal{}, errors.Join(err, theirs.Close())
	}
	return terminal{ours, theirs}, nil
}

func withoutEcho(fd int) error {
	settings, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	settings.Lflag &^= unix.ECHO
	return unix.IoctlSetTermios(fd, unix.TCSETS, settings)
}

// runOnTerminal runs a command on a terminal of its own, and answers its prompt.
func runOnTerminal(cmd *exec.Cmd, prompt string, line []byte) error {
	t, err := openTerminal()
	if err != nil {
		return err
	}
	cmd.Stdin = t.theirs
	cmd.SysProcAttr.Setctty = true // the terminal that is its standard input
	err = errors.Join(cmd.Start(), t.theirs.Close())
	if cmd.Process == nil {
		return errors.Join(err, t.ours.Close())
	}
	over, answered := make(chan struct{}), make(chan error, 1)
	go func() {
		err := t.answer(prompt, line)
		select {
		case <-over:
			err = nil // nobody is at the other end any more
		default:
		}
		answered <- err
	}()
	err = errors.Join(err, cmd.Wait())
	close(over)
	return errors.Join(err, t.ours.Close(), <-answered)
}

// idle is how long a command says nothing before it is taken to wait for more input.
const idle = time.Second

// answer types a line when the prompt has come. Whatever else the command asks for is at
// its end at once: there is nobody who could tell. It returns when the command has closed
// the terminal, or close was called.
func (t terminal) answer(prompt string, line []byte) error {
	var said []byte
	answered := false
	buffer := make([]byte, 4096)
	for {
		if err := t.ours.SetReadDeadline(time.Now().Add(idle)); err != nil {
			return err
		}
		n, err := t.ours.Read(buffer)
		var typed []byte
		switch said = append(said, buffer[:n]...); {
		case errors.Is(err, os.ErrDeadlineExceeded) && answered:
			typed = []byte{endOfInput}
		case errors.Is(err, os.ErrDeadlineExceeded):
		case errors.Is(err, unix.EIO):
			return nil
		case err != nil:
			return err
		case !answered && bytes.Contains(said, []byte(prompt)):
			answered, typed = true, append(bytes.Clone(line), '\n')
		}
		if said = said[max(0, len(said)-len(prompt)):]; answered {
			said = nil
		}
		if len(typed) > 0 {
			if _, err := t.ours.Write(typed); err != nil {
				return err
			}
		}
	}
}

// endOfInput is Ctrl-D, which a terminal turns into the end of a file (termios(3)).
const endOfInput = 4
