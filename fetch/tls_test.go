package fetch_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloudseed/fetch"
)

func TestTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "certificates: %d", len(r.TLS.PeerCertificates))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	for name, c := range map[string]struct {
		change func(f *fetch.Client)
		url    string
		want   string
	}{
		"an authority that nobody knows": {
			want: "cannot fetch URL/: tls: failed to verify certificate: x509: certificate signed by unknown authority",
		},
		"an authority that is known": {change: func(f *fetch.Client) { f.Authorities = authority }, want: "certificates: 0"},
		"a name that is not the certificate's": {
			change: func(f *fetch.Client) {
				f.Authorities = authority
				f.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
				}
			},
			url:  "https://elsewhere.test/",
			want: "cannot fetch https://elsewhere.test/: tls: failed to verify certificate: x509: certificate is valid for example.com, *.example.com, not elsewhere.test",
		},
		"a certificate of ours": {
			change: func(f *fetch.Client) {
				f.Authorities = authority
				f.Certificate = func() ([]byte, []byte, error) { return authority, key, nil }
			},
			want: "certificates: 1",
		},
		"no certificate of ours": {
			change: func(f *fetch.Client) {
				f.Authorities = authority
				f.Certificate = func() ([]byte, []byte, error) { return nil, nil, nil }
			},
			want: "certificates: 0",
		},
		"a certificate of ours that is none": {
			change: func(f *fetch.Client) {
				f.Certificate = func() ([]byte, []byte, error) { return []byte("x"), []byte("hunter2"), nil }
			},
			want: "cannot fetch URL/: cannot use this machine's certificate: tls: failed to find any PEM data in certificate input",
		},
		"a certificate of ours that cannot be read": {
			change: func(f *fetch.Client) {
				f.Certificate = func() ([]byte, []byte, error) { return nil, nil, fs.ErrPermission }
			},
			want: "cannot fetch URL/: cannot read this machine's certificate: permission denied",
		},
		"a server that does not speak TLS": {
			change: func(f *fetch.Client) {
				plain := httptest.NewServer(http.NotFoundHandler())
				t.Cleanup(plain.Close)
				f.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, plain.Listener.Addr().String())
				}
			},
			want: "cannot fetch URL/: http: server gave HTTP response to HTTPS client",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := client()
			f.Tries = 1 // where it is tried again is in another test
			if strings.Contains(name, "nobody knows") || strings.Contains(name, "does not speak") {
				f.Tries = 11 // and these end at once all the same
			}
			if c.change != nil {
				c.change(f)
			}
			at := c.url
			if at == "" {
				at = server.URL + "/"
			}
			data, err := f.Get(t.Context(), fetch.Request{URL: at})
			if got := strings.ReplaceAll(string(data)+text(err), server.URL, "URL"); got != c.want {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestHeadersAreNotSentInTheClearAfterARedirect(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q", r.Header.Get("X-Token"))
	}))
	defer plain.Close()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+r.Host+"/", http.StatusFound)
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
	data, err := f.Get(t.Context(), fetch.Request{URL: server.URL, Headers: map[string]string{"X-Token": "t0ken"}})
	if err != nil || string(data) != `""` {
		t.Errorf("%s, %v", data, err)
	}
}
