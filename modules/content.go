package modules

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"cloudseed/config"
	"cloudseed/python"
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
		return nil, fmt.Errorf("the content must be text, it is %s; nothing was written", config.Shown(v))
	case config.Binary:
		data, ok := v.Any().([]byte)
		if !ok {
			return nil, errors.New("the content is not valid base64; nothing was written")
		}
		return data, nil
	}
	return []byte(v.Text()), nil
}

// checkDigest tells of a digest that is none, and of one of nothing.
func (w *fileWrite) checkDigest() {
	switch {
	case !isDigest(w.Source.SHA256):
		w.problem(config.Error, "source.sha256", "expected 64 hexadecimal digits, got %s; what is fetched is not written", config.Quoted(w.Source.SHA256))
	case w.Source.URI == "":
		w.problem(config.Warning, "source.sha256", "there is no uri, so nothing is fetched that could have it")
	}
}

// isDigest reports whether a string is a SHA-256 digest as sha256sum writes it.
func isDigest(s string) bool {
	digest, err := hex.DecodeString(s)
	return err == nil && len(digest) == sha256.Size
}

// fetch gets the content from the file's source, and checks that it is what was meant.
//
// Difference from cloud-init: it has no digests.
func (w *fileWrite) fetch(ctx context.Context) ([]byte, error) {
	if w.Source.SHA256 != "" && !isDigest(w.Source.SHA256) {
		return nil, fmt.Errorf("%s is not fetched: its digest is not valid", secret.URL(w.Source.URI))
	}
	data, err := w.get(ctx)
	if err != nil || w.Source.SHA256 == "" {
		return data, err
	}
	if digest := fmt.Sprintf("%x", sha256.Sum256(data)); digest != strings.ToLower(w.Source.SHA256) {
		return nil, fmt.Errorf("what was fetched from %s is not what was meant: its SHA-256 digest is %s", secret.URL(w.Source.URI), digest)
	}
	return data, nil
}

// get gets the content from the file's source.
func (w *fileWrite) get(ctx context.Context) ([]byte, error) {
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
		decoded, err := python.Base64(data)
		if err != nil {
			return nil, fmt.Errorf("cannot decode the content as base64: %w; nothing was written", err)
		}
		data = decoded
	}
	if c.gzip {
		unzipped, err := python.Gunzip(data, maxContent)
		if err != nil {
			return nil, fmt.Errorf("cannot unzip the content: %w; nothing was written", err)
		}
		data = unzipped
	}
	return data, nil
}

// maxContent is the most that one zipped content may grow to. A few kilobytes of
// user data can unzip to more than the guest's memory.
const maxContent = 100 << 20
