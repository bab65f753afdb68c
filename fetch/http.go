package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"cloudseed/secret"
)

// maxRedirects is what the library that cloud-init fetches by allows.
const maxRedirects = 30

// missing is an answer that there is no such thing.
type missing struct{ error }

// busy is an answer that says when to come again.
type busy struct {
	error
	pause time.Duration
}

func (missing) Is(target error) bool { return target == fs.ErrNotExist }

// http prepares to get a URL of http or https, or to post to one. The proxy is the environment's.
func (c *Client) http(target *url.URL, r Request) (func(context.Context) ([]byte, error), error) {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: c.dial, DisableKeepAlives: true,
		MaxResponseHeaderBytes: 1 << 20,
	}
	var err error
	if transport.TLSClientConfig, err = c.tls(); err != nil {
		return nil, err
	}
	client := &http.Client{Transport: transport, CheckRedirect: redirect(target, r.Headers)}
	return func(ctx context.Context) ([]byte, error) {
		request, err := newRequest(ctx, target.String(), r.Body)
		if err != nil {
			return nil, final{errors.New("it is no URL")}
		}
		request.Header.Set("User-Agent", c.Agent)
		for name, value := range r.Headers {
			request.Header.Set(name, value)
			if http.CanonicalHeaderKey(name) == "Host" {
				request.Host = value
			}
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, c.cause(err, target)
		}
		defer response.Body.Close()
		if response.StatusCode < 200 || response.StatusCode > 299 {
			return nil, refusal(response)
		}
		return c.readAll(response.Body)
	}, nil
}

func newRequest(ctx context.Context, target string, body *Body) (*http.Request, error) {
	if body == nil {
		return http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body.Content))
	if err == nil {
		request.Header.Set("Content-Type", body.Type)
	}
	return request, err
}

// refusal is an answer that is not what was asked for.
func refusal(response *http.Response) error {
	err := fmt.Errorf("the server answered %d %s", response.StatusCode, reason(response))
	if response.Request.Response != nil { // which sent us here
		err = fmt.Errorf("%w at %s, where it had sent us", err, shorten(secret.URL(response.Request.URL.String()), maxPeerText))
	}
	switch response.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return missing{err}
	case http.StatusServiceUnavailable:
		if seconds, not := strconv.Atoi(response.Header.Get("Retry-After")); not == nil && seconds > 0 {
			return busy{err, min(time.Duration(seconds), maxPause) * time.Second}
		}
	}
	return err
}

// maxPause is the longest pause that a server is taken at its word for, in seconds. A
// longer one is that of a server which does not know when it will answer.
const maxPause = 60

// reason is the server's own word for its answer.
func reason(response *http.Response) string {
	_, text, _ := strings.Cut(response.Status, " ")
	if usual := http.StatusText(response.StatusCode); text == usual || text == "" {
		return usual
	}
	return peerText(text, response.Request.URL)
}

// redirect bounds how often a server may send us elsewhere. Elsewhere need not know the
// URL that we come from, nor the headers for its host: both may hold a secret. net/http
// drops only those headers that it knows to be secret. Nor do they go from TLS to the clear,
// and what is posted does not either: the answers 307 and 308 have it sent again.
func redirect(from *url.URL, headers map[string]string) func(*http.Request, []*http.Request) error {
	return func(request *http.Request, via []*http.Request) error {
		request.Header.Del("Referer")
		if request.URL.Host != from.Host || from.Scheme == "https" && request.URL.Scheme != "https" {
			for name := range headers {
				request.Header.Del(name)
			}
			request.Host = ""
		}
		if request.Method == http.MethodPost && from.Scheme == "https" && request.URL.Scheme != "https" {
			return final{errors.New("the server sent us from https to a URL without TLS")}
		}
		if len(via) > maxRedirects {
			return final{fmt.Errorf("the server sent us elsewhere more than %d times", maxRedirects)}
		}
		return nil
	}
}

// tls is what this machine trusts, and how it shows who it is.
func (c *Client) tls() (*tls.Config, error) {
	config := &tls.Config{ClientSessionCache: tls.NewLRUClientSessionCache(0)}
	if c.Authorities != nil {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("cannot read the certificates that this machine trusts: %w", err)
		}
		pool.AppendCertsFromPEM(c.Authorities)
		config.RootCAs = pool
	}
	if c.Certificate == nil {
		return config, nil
	}
	certificate, key, err := c.Certificate()
	if err != nil {
		return nil, fmt.Errorf("cannot read this machine's certificate: %w", err)
	}
	if certificate == nil {
		return config, nil
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("cannot use this machine's certificate: %w", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}
