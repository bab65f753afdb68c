// Package fetch gets things from the network.
//
// In come a URL and limits, out go the bytes or an error in one sentence. It never
// knows what is fetched, and for whom.
//
// FTP is written here, in ftp.go, and is no library: the one that is in use
// (jlaffaye/ftp) has ten times the code, for listing and uploading, and what is needed
// is RETR of one file.
package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"cloudseed/secret"
)

// Client is how things are fetched. Tries, Silence, Deadline and MaxSize must be given.
type Client struct {
	Tries    int           // at the most
	Pause    time.Duration // between two tries
	Silence  time.Duration // how long a server may say nothing
	Deadline time.Duration // of all tries together
	MaxSize  int64         // of what is fetched, in bytes

	Agent string       // what the program calls itself
	Log   *slog.Logger // is told of tries that failed; may be nil

	// ReadFile reads what file URLs and absolute paths name. Without it there are none.
	ReadFile func(path string) ([]byte, error)
	// Certificate is this machine's certificate and its key in PEM, for servers that
	// want to know who asks. nothing without an error: it has none. May be nil.
	Certificate func() (certificate, key []byte, err error)

	// What tests replace: connections, and the authorities (PEM) that are trusted beside
	// the machine's.
	Dial        func(ctx context.Context, network, address string) (net.Conn, error)
	Authorities []byte
}

// Request is what to get.
type Request struct {
	URL     string
	Headers map[string]string // of HTTP

	// Body is sent by POST, with its type; nil: GET.
	Body *Body

	// Optional: that there is no such thing is an answer, and not asked for again.
	Optional bool
}

// Body is what a request sends.
type Body struct {
	Content []byte
	Type    string // "application/json"
}

// Get fetches, or sends the request's body and fetches the answer. Its errors name the URL without what may be secret in it, and are
// fs.ErrNotExist when the server says that there is no such thing.
func (c *Client) Get(ctx context.Context, r Request) ([]byte, error) {
	shown, doing := secret.URL(r.URL), "fetch"
	if r.Body != nil {
		doing = "post to"
	}
	if file, ok := localPath(r.URL); ok && r.Body == nil {
		data, err := c.file(file)
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", shown, err)
		}
		return data, nil
	}
	get, err := c.method(r)
	if err != nil {
		return nil, fmt.Errorf("cannot %s %s: %w", doing, shown, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.Deadline, fmt.Errorf("it was not done within %s", c.Deadline))
	defer cancel()
	start := time.Now()
	for try := 1; ; try++ {
		data, err := get(ctx)
		if err == nil {
			return data, nil
		}
		last := try >= c.Tries || isFinal(err) || r.Optional && errors.Is(err, fs.ErrNotExist)
		if !last {
			c.tell("cannot "+doing+" it yet", "url", shown, "why", err.Error(), "try", try)
			last = !wait(ctx, c.pause(err))
		}
		if last {
			if ctx.Err() != nil {
				err = stopped{err, context.Cause(ctx)}
			}
			if try > 1 {
				return nil, fmt.Errorf("cannot %s %s: %w (%d tries in %s)", doing, shown, err, try, time.Since(start).Round(100*time.Millisecond))
			}
			return nil, fmt.Errorf("cannot %s %s: %w", doing, shown, err)
		}
	}
}

// pause is the time until the next try: the client's own, or longer if the server asks
// for that.
func (c *Client) pause(err error) time.Duration {
	var b busy
	if errors.As(err, &b) {
		return max(b.pause, c.Pause)
	}
	return c.Pause
}

// wait waits for the next try. false: there is no time left.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (c *Client) tell(message string, args ...any) {
	if c.Log != nil {
		c.Log.Info(message, args...)
	}
}

// localPath is the path that a URL without a host names.
func localPath(from string) (path string, ok bool) {
	if path, ok = strings.CutPrefix(from, "file://"); ok {
		if decoded, err := url.PathUnescape(path); err == nil {
			path = decoded
		}
		return strings.TrimPrefix(path, "localhost"), true
	}
	if strings.HasPrefix(from, "file:/") {
		return strings.TrimPrefix(from, "file:"), true
	}
	return from, strings.HasPrefix(from, "/")
}

// OnNetwork tells whether a URL needs a network.
func OnNetwork(from string) bool {
	_, local := localPath(from)
	return !local
}

func (c *Client) file(path string) ([]byte, error) {
	if c.ReadFile == nil {
		return nil, errors.New("files of this machine are not for use here")
	}
	data, err := c.ReadFile(path)
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	if err == nil && int64(len(data)) > c.MaxSize {
		return nil, c.tooLarge()
	}
	return data, err
}

// method is the way to try once.
func (c *Client) method(r Request) (func(context.Context) ([]byte, error), error) {
	from := r.URL
	if _, local := localPath(from); local {
		return nil, errors.New("it is a file, and nothing can be posted to one")
	}
	if !strings.Contains(from, "://") {
		from = "http://" + from // as cloud-init reads "example.com/x"
	}
	target, err := url.Parse(from)
	if err != nil || target.Hostname() == "" {
		return nil, errors.New("it is no URL") // the parser's own message shows all of it
	}
	switch target.Scheme {
	case "http", "https":
		return c.http(target, r)
	case "ftp", "ftps":
		if r.Body != nil {
			return nil, fmt.Errorf("there is no way to post by %q: it is http or https", target.Scheme)
		}
		return func(ctx context.Context) ([]byte, error) { return c.ftp(ctx, target) }, nil
	}
	return nil, fmt.Errorf("there is no way to fetch by %q: it is http, https, ftp or ftps", target.Scheme)
}

// dial connects. A connection on which nothing moves for the time that a server may be
// silent fails.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dial := c.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: c.Silence}).DialContext
	}
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &impatient{conn, c.Silence}, nil
}

// impatient is a connection whose every read and write has its deadline.
type impatient struct {
	net.Conn
	patience time.Duration
}

func (c *impatient) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *impatient) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// readAll reads what is fetched, up to the limit.
func (c *Client) readAll(body io.Reader) ([]byte, error) {
	var data bytes.Buffer
	_, err := io.Copy(&data, io.LimitReader(body, c.MaxSize+1))
	switch {
	case int64(data.Len()) > c.MaxSize:
		return nil, c.tooLarge()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("the connection was cut off after %d bytes", data.Len())
	case err != nil:
		return nil, fmt.Errorf("%w (after %d bytes)", c.cause(err, nil), data.Len())
	}
	return data.Bytes(), nil
}
