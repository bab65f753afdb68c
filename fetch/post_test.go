package fetch_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloudseed/fetch"
)

var body = &fetch.Body{Content: []byte(`{"a":1}`), Type: "application/json"}

func TestABodyIsPosted(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		answers []int // one for each request; to 3xx there is a Location
		want    string
		fail    string
	}{
		"at once":                            {answers: []int{200}, want: `POST application/json {"a":1}`},
		"when the server has come up":        {answers: []int{500, 503, 201}, want: `POST application/json {"a":1}`},
		"again where the server sends us":    {answers: []int{307, 200}, want: `POST application/json {"a":1}`},
		"and a page is fetched after it":     {answers: []int{303, 200}, want: `GET  `},
		"at most as often as it may be":      {answers: []int{500, 500, 500, 200}, fail: "the server answered 500 Internal Server Error (3 tries in "},
		"and nothing is sent without an end": {answers: []int{307}, fail: "the server sent us elsewhere more than 30 times"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				code := row.answers[min(n, len(row.answers)-1)]
				n++
				w.Header().Set("Location", "/next")
				w.WriteHeader(code)
				content, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				fmt.Fprintf(w, "%s %s %s", r.Method, r.Header.Get("Content-Type"), content)
			}))
			defer server.Close()
			f := client()
			f.Tries, f.Pause = 3, time.Millisecond
			got, err := f.Get(t.Context(), fetch.Request{URL: server.URL + "?token=t0ken", Body: body})
			if string(got) != row.want {
				t.Errorf("it got %q, want %q", got, row.want)
			}
			if want := "cannot post to " + server.URL + ": " + row.fail; (err != nil) != (row.fail != "") || err != nil && !strings.HasPrefix(err.Error(), want) {
				t.Errorf("the error is %v, want %s", err, want)
			}
		})
	}
}

func TestABodyIsNotPostedToWhatTakesNone(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"/etc/hosts":        "cannot post to /etc/hosts: it is a file, and nothing can be posted to one",
		"file:///etc/hosts": "cannot post to file:///etc/hosts: it is a file, and nothing can be posted to one",
		"ftp://h/x":         `cannot post to ftp://h/x: there is no way to post by "ftp": it is http or https`,
		"http:///x":         "cannot post to http:///x: it is no URL",
	} {
		if _, err := client().Get(t.Context(), fetch.Request{URL: url, Body: body}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", url, err, want)
		}
	}
}

func TestABodyDoesNotGoFromTLSToTheClear(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }))
	defer plain.Close()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+r.Host+"/", http.StatusPermanentRedirect)
	}))
	defer server.Close()
	f := client()
	f.Authorities = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	listeners := []net.Listener{server.Listener, plain.Listener} // the same host and port, first with TLS
	f.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		at := listeners[0].Addr().String()
		listeners = listeners[1:]
		return new(net.Dialer).DialContext(ctx, network, at)
	}
	_, err := f.Get(t.Context(), fetch.Request{URL: server.URL, Body: body})
	if err == nil || !strings.HasSuffix(err.Error(), ": the server sent us from https to a URL without TLS") {
		t.Errorf("the error is %v", err)
	}
}
