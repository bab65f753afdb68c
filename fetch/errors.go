package fetch

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

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
func (c *Client) cause(err error) error {
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
	return err
}

// maxPeerText is how much of what a peer says is shown, in bytes.
const maxPeerText = 200

// peerText is what a peer says, for an error: in quotes, in one line, not too long, and
// without the login of the URL it was asked for, which it may repeat.
func peerText(said string, target *url.URL) string {
	if target != nil {
		if word := password(target); word != "" {
			said = strings.ReplaceAll(said, word, secret.Redacted)
		}
		if user := target.User.Username(); user != "" {
			said = regexp.MustCompile(`\b`+regexp.QuoteMeta(user)+`\b`).ReplaceAllLiteralString(said, secret.Redacted)
		}
	}
	if len(said) > maxPeerText {
		said = said[:maxPeerText] + "…"
	}
	return strconv.QuoteToGraphic(said)
}
