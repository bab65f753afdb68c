package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloudseed/fetch"
)

// client has cloud-init's figures for includes.
func client() *fetch.Client {
	return &fetch.Client{
		Tries: 11, Pause: time.Second, Silence: 5 * time.Second, Deadline: 5 * time.Minute, MaxSize: 1 << 20, Agent: "test/1",
		ReadFile: func(path string) ([]byte, error) {
			if path == "/etc/a file" {
				return []byte("local"), nil
			}
			return nil, &fs.PathError{Op: "open", Path: "/elsewhere" + path, Err: fs.ErrNotExist}
		},
	}
}

// pipes is a network in memory: synctest's clock stands still while it is read.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// TestAServerOfManyMoods: the clock is synctest's, so that hours take no time.
func TestAServerOfManyMoods(t *testing.T) {
	t.Parallel()
	answer := func(codes ...int) http.HandlerFunc {
		var n int
		return func(w http.ResponseWriter, _ *http.Request) {
			code := codes[min(n, len(codes)-1)]
			n++
			w.WriteHeader(code)
			fmt.Fprintf(w, "answer %d", n)
		}
	}
	trickle := func(pause time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := w.Write([]byte("x")); err != nil {
					return
				}
				w.(http.Flusher).Flush()
				select {
				case <-r.Context().Done():
					return
				case <-time.After(pause):
				}
			}
		}
	}
	for name, c := range map[string]struct {
		handler  http.HandlerFunc
		optional bool
		url      string
		want     string
		fail     string
		took     time.Duration
	}{
		"an answer":                               {handler: answer(200), want: "answer 1"},
		"an answer with other words":              {handler: answer(203), want: "answer 1"},
		"a server that is not ready, and then is": {handler: answer(500, 502, 404, 200), want: "answer 4", took: 3 * time.Second},
		"a server that never gets ready": {
			handler: answer(500), took: 10 * time.Second,
			fail: "cannot fetch http://h/a: the server answered 500 Internal Server Error (11 tries in 10s)",
		},
		"a URL whose secrets are not shown": {
			handler: answer(403), url: "http://me:hunter2@h/a?token=hunter2#hunter2", took: 10 * time.Second,
			fail: "cannot fetch http://h/a: the server answered 403 Forbidden (11 tries in 10s)",
		},
		"what is not there is asked for again, for it may still come": {
			handler: answer(404, 404, 200), want: "answer 3", took: 2 * time.Second,
		},
		"what is not there and need not be": {
			handler: answer(404, 200), optional: true, fail: "cannot fetch http://h/a: the server answered 404 Not Found",
		},
		"a server whose reason is hostile": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					return
				}
				defer conn.Close()
				fmt.Fprintf(conn, "HTTP/1.1 404 \x1b[2Jhunter2 %s\r\n\r\n", strings.Repeat("x", 300))
			},
			optional: true, url: "http://me:hunter2@h/a",
			fail: `cannot fetch http://h/a: the server answered 404 "\x1b[2J[redacted] ` + strings.Repeat("x", 185) + `…"`,
		},
		"a server that speaks no HTTP and repeats what it was sent": {
			handler: func(w http.ResponseWriter, r *http.Request) {
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					return
				}
				defer conn.Close()
				fmt.Fprintf(conn, "%s,hunter2,me\x1b[2J%s\r\n\r\n", strings.TrimPrefix(r.Header.Get("Authorization"), "Basic "), strings.Repeat("x", 3000))
			},
			url: "http://me:hunter2@h/a", took: 10 * time.Second,
			fail: `cannot fetch http://h/a: net/http: HTTP/1.x transport connection broken: malformed HTTP response "[redacted],[redacted],[redacted]\x1b[2J` + strings.Repeat("x", 288) + `… (11 tries in 10s)`,
		},
		"headers are for the host that they are configured for": {
			handler: func(w http.ResponseWriter, r *http.Request) {
				if r.Host == "h" {
					http.Redirect(w, r, "http://other/b", http.StatusFound)
					return
				}
				fmt.Fprintf(w, "%s %q", r.Host, r.Header.Get("X-Token"))
			},
			want: `other ""`,
		},
		"headers go along to another path of their host": {
			handler: func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/a" {
					http.Redirect(w, r, "/b", http.StatusFound)
					return
				}
				fmt.Fprint(w, r.Header.Get("X-Token"))
			},
			want: "t0ken",
		},
		"a busy server that asks for very much time is asked again": {
			handler: func() http.HandlerFunc {
				n := 0
				return func(w http.ResponseWriter, _ *http.Request) {
					if n++; n == 1 {
						w.Header().Set("Retry-After", "999999999")
						w.WriteHeader(503)
						return
					}
					fmt.Fprint(w, "now")
				}
			}(),
			want: "now", took: time.Minute,
		},
		"a busy server says when to come again": {
			handler: func() http.HandlerFunc {
				n := 0
				return func(w http.ResponseWriter, _ *http.Request) {
					if n++; n == 1 {
						w.Header().Set("Retry-After", "30")
						w.WriteHeader(503)
						return
					}
					fmt.Fprint(w, "now")
				}
			}(),
			want: "now", took: 30 * time.Second,
		},
		"a busy server that asks for more time than there is": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "86400")
				w.WriteHeader(503)
			},
			took: 5 * time.Minute,
			fail: "cannot fetch http://h/a: it was not done within 5m0s (6 tries in 5m0s)",
		},
		"a server that says nothing": {
			handler: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, took: 65 * time.Second,
			fail: "cannot fetch http://h/a: the server was silent for 5s (11 tries in 1m5s)",
		},
		"a server that stops in the middle": {
			handler: func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "100")
				fmt.Fprint(w, "1234567890")
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			},
			took: 65 * time.Second, fail: "cannot fetch http://h/a: the server was silent for 5s (after 10 bytes) (11 tries in 1m5s)",
		},
		"a server that is cut off in the middle, and then is not": {
			handler: func() http.HandlerFunc {
				n := 0
				return func(w http.ResponseWriter, _ *http.Request) {
					if n++; n < 3 {
						w.Header().Set("Content-Length", "100")
						fmt.Fprint(w, "1234567890")
						return
					}
					fmt.Fprint(w, "whole")
				}
			}(),
			want: "whole", took: 2 * time.Second,
		},
		"a server that is always cut off": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "100")
				fmt.Fprint(w, "1234567890")
			},
			took: 10 * time.Second, fail: "cannot fetch http://h/a: the connection was cut off after 10 bytes (11 tries in 10s)",
		},
		"a server that hangs up": {
			handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, took: 10 * time.Second,
			fail: "cannot fetch http://h/a: the server closed the connection without an answer (11 tries in 10s)",
		},
		"a server that never comes to an end": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				for {
					if _, err := w.Write(make([]byte, 1<<16)); err != nil {
						return
					}
				}
			},
			fail: "cannot fetch http://h/a: it is larger than 1 MiB",
		},
		"a server whose answer unpacks to more than is allowed": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				packed := gzip.NewWriter(w)
				packed.Write(make([]byte, 100<<20))
				packed.Close()
			},
			fail: "cannot fetch http://h/a: it is larger than 1 MiB",
		},
		"a server that says a byte now and then": {
			handler: trickle(4 * time.Second), took: 5 * time.Minute,
			fail: "cannot fetch http://h/a: it was not done within 5m0s",
		},
		"a server that sends us in circles": {
			handler: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/a", http.StatusFound) },
			fail:    "cannot fetch http://h/a: the server sent us elsewhere more than 30 times",
		},
		"a server that sends us where nothing is": {
			handler: func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/a" {
					http.Redirect(w, r, "http://u:hunter2@other/b?token=hunter2", http.StatusFound)
					return
				}
				if r.Header.Get("Referer") != "" {
					t.Errorf("it is told where we come from: %s", r.Header.Get("Referer"))
				}
				w.WriteHeader(404)
			},
			url: "http://h/a?token=hunter2", optional: true,
			fail: "cannot fetch http://h/a: the server answered 404 Not Found at http://other/b, where it had sent us",
		},
		"a server that sends us to a file of ours": {
			handler: func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "file:///etc/shadow", http.StatusFound)
			},
			took: 10 * time.Second, fail: `cannot fetch http://h/a: unsupported protocol scheme "file" (11 tries in 10s)`,
		},
		"a server that sends us nowhere": {
			handler: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "http://h/%zz?token=hunter2")
				w.WriteHeader(302)
			},
			fail: "cannot fetch http://h/a: the server sends us to something that is no URL",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := newPipes()
				server := &http.Server{Handler: c.handler, ErrorLog: log.New(io.Discard, "", 0)}
				go server.Serve(network)
				defer server.Close()
				var told bytes.Buffer
				f := client()
				f.Dial, f.Log = network.dial, slog.New(slog.NewTextHandler(&told, nil))
				at := c.url
				if at == "" {
					at = "http://h/a"
				}
				start := time.Now()
				data, err := f.Get(t.Context(), fetch.Request{URL: at, Optional: c.optional, Headers: map[string]string{"X-Token": "t0ken"}})
				if fail := text(err); fail != c.fail || string(data) != c.want {
					t.Errorf("got %q, %q\nwant %q, %q", data, fail, c.want, c.fail)
				}
				if took := time.Since(start); took != c.took {
					t.Errorf("it took %s, and should take %s", took, c.took)
				}
				if strings.Contains(told.String(), "hunter2") {
					t.Errorf("a secret was told: %s", &told)
				}
				if is := isMissing(err); is != strings.Contains(c.fail, "404") {
					t.Errorf("it is missing: %v", is)
				}
			})
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestAnEndedContextEndsTheFetching(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the machine shuts down"))
	_, err := client().Get(ctx, fetch.Request{URL: "http://127.0.0.1:1/"})
	if want := "cannot fetch http://127.0.0.1:1/: the machine shuts down"; text(err) != want {
		t.Errorf("got %v", err)
	}
}

func TestNobodyAtTheOtherEndIsSaidInWords(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	f := client()
	f.Tries, f.Pause = 2, time.Nanosecond
	_, err = f.Get(t.Context(), fetch.Request{URL: "http://" + listener.Addr().String() + "/"})
	want := fmt.Sprintf("cannot fetch http://%[1]s/: dial tcp %[1]s: connect: connection refused (2 tries in ", listener.Addr())
	if !strings.HasPrefix(text(err), want) {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

func TestWhatCanBeNamed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, word, _ := r.BasicAuth()
		fmt.Fprintf(w, "%s %s %s:%s %s %s", r.URL, r.Header.Get("X-Token"), user, word, r.UserAgent(), r.Host)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	for at, want := range map[string]string{
		server.URL + "/a%20b?c=d":      "/a%20b?c=d t0ken : test/1 " + host,
		host + "/x":                    "/x t0ken : test/1 " + host, // as with cloud-init
		"http://u:p%40@" + host + "/x": "/x t0ken u:p@ test/1 " + host,
		"/etc/a file":                  "local",
		"file:///etc/a%20file":         "local",
		"file:/etc/a file":             "local",
		"file:///etc/none":             "cannot read file:///etc/none: file does not exist",
		"tftp://h/x":                   `cannot fetch tftp://h/x: there is no way to fetch by "tftp": it is http, https, ftp or ftps`,
		"http://":                      "cannot fetch http://: it is no URL",
		"http://h:hunter2/":            "cannot fetch http://[redacted]: it is no URL",
		"http://me:hun/ter2@h/x":       "cannot fetch http://[redacted]: it is no URL",
		"ftp://h/a%0d%0aDELE%20/etc":   "cannot fetch ftp://h/a%0d%0aDELE%20/etc: its path or login holds an end of line, which FTP cannot say",
		"http://h/%zz?token=hunter2":   "cannot fetch http://h/%zz: it is no URL",
		"http://\x00/?token=hunter2":   "cannot fetch http://\x00/: it is no URL",
		"":                             "cannot fetch : it is no URL",
	} {
		data, err := client().Get(t.Context(), fetch.Request{URL: at, Headers: map[string]string{"X-Token": "t0ken"}})
		if got := string(data) + text(err); got != want {
			t.Errorf("%q: got %q\nwant %q", at, got, want)
		}
	}
	f := client()
	f.ReadFile = nil
	if _, err := f.Get(t.Context(), fetch.Request{URL: "/etc/a file"}); text(err) != "cannot read /etc/a file: files of this machine are not for use here" {
		t.Errorf("got %v", err)
	}
	f = client()
	f.MaxSize = 1
	if _, err := f.Get(t.Context(), fetch.Request{URL: "/etc/a file"}); err == nil {
		t.Error("a file over the limit was read")
	}
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
