package fetch

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"cloudseed/printable"
	"cloudseed/secret"
)

// final is an error that another try would not change.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// isFinal tells whether trying again is of no use: as with cloud-init, a certificate
// that is not to be trusted will not be in a second either.
func isFinal(err error) bool {
	var f final
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	return errors.As(err, &f) || errors.As(err, &certificate) || errors.As(err, &plain) || errors.Is(err, http.ErrSchemeMismatch)
}

// stopped is an error of a try for which there was no more time.
type stopped struct{ last, why error }

func (s stopped) Error() string {
	if s.last == nil || errors.Is(s.last, s.why) || strings.Contains(s.last.Error(), "context ") {
		return s.why.Error()
	}
	return s.why.Error() + "; at last: " + s.last.Error()
}

func (s stopped) Unwrap() []error { return []error{s.last, s.why} }

func (c *Client) tooLarge() error {
	return final{fmt.Errorf("it is larger than %d MiB", c.MaxSize>>20)}
}

// cause is an error of a library in words that a person can act on, and without the URL.
func (c *Client) cause(err error, target *url.URL) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var timeout net.Error
	switch {
	case strings.HasPrefix(err.Error(), "failed to parse Location header"):
		return final{errors.New("the server sends us to something that is no URL")} // which may hold a secret
	case errors.As(err, &timeout) && timeout.Timeout() && !strings.Contains(err.Error(), "context "):
		return fmt.Errorf("the server was silent for %s", c.Silence)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the server closed the connection without an answer")
	}
	return reword(err, target)
}

// maxPeerText is how much of what a peer says is shown, in bytes.
const maxPeerText = 200

// peerText is what a peer says, for an error: in quotes, in one line, not too long, and
// without the login of the URL it was asked for, which it may repeat.
func peerText(said string, target *url.URL) string {
	return strconv.QuoteToGraphic(shorten(withoutLogin(said, target), maxPeerText))
}

// reworded is an error of a library that held what a peer said.
type reworded struct {
	error
	text string
}

func (r reworded) Error() string { return r.text }

func (r reworded) Unwrap() error { return r.error }

// reword bounds an error in which a library may quote a peer ("malformed HTTP response …"),
// and takes the login of the URL out of it.
func reword(err error, target *url.URL) error {
	said := err.Error()
	text := shorten(printable.String(withoutLogin(said, target)), 2*maxPeerText)
	if text == said {
		return err
	}
	return reworded{err, text}
}

func shorten(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// withoutLogin redacts the user and password of a URL in what a peer says, as they are, as
// the URL has them and as HTTP sends them (RFC 7617).
func withoutLogin(said string, target *url.URL) string {
	if target == nil || target.User == nil {
		return said
	}
	user, word := target.User.Username(), password(target)
	sent := base64.StdEncoding.EncodeToString([]byte(user + ":" + word))
	_, escaped, _ := strings.Cut(target.User.String(), ":")
	for _, own := range []string{sent, escaped, word} {
		if own != "" {
			said = strings.ReplaceAll(said, own, secret.Redacted)
		}
	}
	return withoutWord(said, user)
}

// withoutWord redacts a string where it is a word by itself: a user may have a short name.
func withoutWord(said, word string) string {
	if word == "" {
		return said
	}
	var out strings.Builder
	for from := 0; ; {
		i := strings.Index(said[from:], word)
		if i < 0 {
			out.WriteString(said[from:])
			return out.String()
		}
		begin, end := from+i, from+i+len(word)
		out.WriteString(said[from:begin])
		if begin > 0 && isWordByte(said[begin-1]) || end < len(said) && isWordByte(said[end]) {
			out.WriteString(word)
		} else {
			out.WriteString(secret.Redacted)
		}
		from = end
	}
}

func isWordByte(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}
