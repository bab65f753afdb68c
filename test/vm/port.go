package vm

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Port is one of the machine's serial lines, or QEMU's control channel: everything
// that came on it is kept.
type Port struct {
	t        testing.TB
	listener net.Listener

	mu      sync.Mutex
	conn    net.Conn
	text    []byte
	read    int           // how much of text Line and WaitFor have passed
	changed chan struct{} // closed, and made anew, when something comes
	reader  sync.WaitGroup
}

var errGone = errors.New("the machine is off")

// listen makes the socket that QEMU connects to; it is read until it is closed.
func listen(t testing.TB, path string) *Port {
	t.Helper()
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatalf("cannot make a serial line: %v", err)
	}
	p := &Port{t: t, listener: listener, changed: make(chan struct{})}
	p.reader.Go(p.receive)
	return p
}

func (p *Port) receive() {
	conn, err := p.listener.Accept()
	if err != nil {
		return // closed before QEMU came
	}
	p.mu.Lock()
	p.conn = conn
	p.notify()
	p.mu.Unlock()
	buffer := make([]byte, 64<<10)
	for {
		n, err := conn.Read(buffer)
		p.mu.Lock()
		p.text = append(p.text, buffer[:n]...)
		p.notify()
		p.mu.Unlock()
		if err != nil {
			return // QEMU has ended
		}
	}
}

// notify wakes those who wait; p.mu is held.
func (p *Port) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Text is everything that came until now.
func (p *Port) Text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.text)
}

// Send sends a text.
func (p *Port) Send(text string) {
	p.t.Helper()
	p.mu.Lock()
	conn := p.conn
	p.mu.Unlock()
	if conn == nil {
		p.t.Fatalf("cannot send %q: QEMU has not opened the line", text)
	}
	if err := conn.SetWriteDeadline(time.Now().Add(shellLimit)); err != nil {
		p.t.Fatalf("cannot send %q: %v", text, err)
	}
	if _, err := conn.Write([]byte(text)); err != nil {
		p.t.Fatalf("cannot send %q: %v", text, err)
	}
}

// Skip passes over everything that came until now.
func (p *Port) Skip() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read = len(p.text)
}

// Line waits for the next whole line.
func (p *Port) Line(ctx context.Context, off <-chan struct{}) (string, error) {
	var line string
	err := p.wait(ctx, off, func(text []byte) int {
		end := bytes.IndexByte(text, '\n') + 1
		line = string(text[:end])
		return end
	})
	return line, err
}

// WaitFor waits until the text comes, after what was waited for before.
func (p *Port) WaitFor(ctx context.Context, off <-chan struct{}, text string) error {
	return p.wait(ctx, off, func(all []byte) int {
		at := strings.Index(string(all), text)
		if at < 0 {
			return 0
		}
		return at + len(text)
	})
}

// wait calls found with what is not read yet until it says how much of it it takes.
func (p *Port) wait(ctx context.Context, off <-chan struct{}, found func([]byte) int) error {
	for {
		p.mu.Lock()
		taken := found(p.text[p.read:])
		p.read += taken
		changed := p.changed
		p.mu.Unlock()
		if taken > 0 {
			return nil
		}
		select {
		case <-changed:
		case <-off:
			return errGone
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Close ends the line and its reader.
func (p *Port) Close() {
	p.listener.Close() // fails only when it is closed
	p.mu.Lock()
	conn := p.conn
	p.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
	p.reader.Wait()
}
