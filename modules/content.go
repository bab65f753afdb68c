package modules

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"cloudseed/config"
	"cloudseed/secret"
)

// content is what the file is to hold. It is not ok where that cannot be had: why was
// reported here or, of the key content, by checkWriteFiles.
func (w *fileWrite) content(ctx context.Context) (content []byte, ok bool) {
	if w.Source.URI != "" {
		data, err := w.fetch(ctx)
		if err == nil {
			return data, true
		}
		if w.Content.IsNull() {
			w.problem(config.Error, "source", "%v", err)
			return nil, false
		}
		w.problem(config.Warning, "source", "%v; the key content was used instead", err)
	}
	data, err := w.own()
	return data, err == nil
}

// own is what the key content says.
func (w *fileWrite) own() ([]byte, error) {
	data, err := rawContent(w.Content)
	if err != nil {
		return nil, err
	}
	return w.Encoding.decode(data)
}

// rawContent is a value as bytes.
//
// Difference from cloud-init: a number or truth value is written as it stands, and
// nothing is an empty file; there each of them fails.
func rawContent(v *config.Value) ([]byte, error) {
	switch v.Kind() {
	case config.Null:
		return nil, nil
	case config.List, config.Map:
		return nil, fmt.Errorf("the content must be text, it is %s; nothing was written", kindName(v))
	case config.Binary:
		if data, ok := v.Any().([]byte); ok {
			return data, nil
		}
	}
	return []byte(v.Text()), nil
}

// fetch gets the content from the file's source.
func (w *fileWrite) fetch(ctx context.Context) ([]byte, error) {
	if location, err := url.Parse(w.Source.URI); err == nil && isLocal(w.Source.URI) {
		return w.env.Host.ReadFile(location.Path)
	}
	if w.env.Fetch == nil {
		return nil, fmt.Errorf("cannot fetch %s: there is no way to the network here", secret.URL(w.Source.URI))
	}
	headers := map[string]string{}
	for _, h := range w.Source.Headers {
		headers[h.Key] = h.Value
	}
	return w.env.Fetch(ctx, w.Source.URI, headers)
}

// isLocal tells a URL or path of a file of this machine.
func isLocal(uri string) bool { return strings.HasPrefix(uri, "/") || strings.HasPrefix(uri, "file:") }

// contentEncoding is how content is encoded, by cloud-init's names.
type contentEncoding struct{ base64, gzip bool }

// DecodeConfig reads the name. With an unknown one the content is taken as it is.
func (c *contentEncoding) DecodeConfig(v *config.Value) []config.Problem {
	switch strings.ToLower(strings.TrimSpace(v.Text())) {
	case "", "text/plain":
	case "b64", "base64":
		c.base64 = true
	case "gz", "gzip":
		c.gzip = true
	case "gz+b64", "gz+base64", "gzip+b64", "gzip+base64":
		c.base64, c.gzip = true, true
	default:
		return []config.Problem{{
			Severity: config.Warning, Pos: v.Pos(),
			Message: fmt.Sprintf("there is no encoding %q; the content is written as it is", v.Text()),
		}}
	}
	return nil
}

func (c contentEncoding) decode(data []byte) ([]byte, error) {
	if c.base64 {
		decoded, err := decodeBase64(data)
		if err != nil {
			return nil, fmt.Errorf("cannot decode the content as base64: %w; nothing was written", err)
		}
		data = decoded
	}
	if c.gzip {
		unzipped, err := gunzip(data, maxContent)
		if err != nil {
			return nil, fmt.Errorf("cannot unzip the content: %w; nothing was written", err)
		}
		data = unzipped
	}
	return data, nil
}

// decodeBase64 reads base64 as Python's b64decode does: what is not in the alphabet
// is passed over, and the first complete padding ends the data.
func decodeBase64(data []byte) ([]byte, error) {
	clean := make([]byte, 0, len(data))
	pads := 0
	for _, c := range data {
		switch {
		case c == '=':
			if pads++; len(clean)%4 >= 2 && len(clean)%4+pads >= 4 {
				return base64.RawStdEncoding.DecodeString(string(clean))
			}
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '+', c == '/':
			clean, pads = append(clean, c), 0
		case c >= 0x80:
			return nil, errors.New("it has a character that is not ASCII")
		}
	}
	if len(clean)%4 != 0 {
		return nil, errors.New("it is not complete")
	}
	return base64.StdEncoding.DecodeString(string(clean))
}

// maxContent is the most that one zipped content may grow to. A few kilobytes of
// user data can unzip to more than the guest's memory.
const maxContent = 100 << 20

// gunzip unzips data, to at most limit bytes. As with Python's gzip, several zipped
// parts follow one another and zeros may follow the last; nothing unzips to nothing.
func gunzip(data []byte, limit int64) ([]byte, error) {
	in := bufio.NewReader(bytes.NewReader(data))
	var out bytes.Buffer
	for parts := 0; ; parts++ {
		if parts > 0 {
			skipZeros(in)
		}
		if _, err := in.Peek(1); err != nil {
			return out.Bytes(), nil // the end: a reader of bytes has no other error
		}
		part, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		part.Multistream(false) // it reads no further than its end
		if _, err := io.Copy(&out, io.LimitReader(part, limit+1-int64(out.Len()))); err != nil {
			return nil, err
		}
		if int64(out.Len()) > limit {
			return nil, fmt.Errorf("it has more than %d MiB", limit>>20)
		}
	}
}

// skipZeros reads up to the first byte that is not zero.
func skipZeros(in *bufio.Reader) {
	for {
		next, err := in.Peek(1)
		if err != nil || next[0] != 0 {
			return
		}
		if _, err := in.Discard(1); err != nil {
			return
		}
	}
}
