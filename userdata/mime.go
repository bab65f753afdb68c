package userdata

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/secret"
)

// The bounds of what data may unpack to. A bomb is refused, not unpacked.
const (
	maxUnpacked = 64 << 20 // bytes
	maxNested   = 10       // MIME messages in each other
	maxParts    = 1000
)

// gunzip unpacks data that is compressed, and gives other data back as it is.
func gunzip(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte("\x1f\x8b")) {
		return data, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err != nil {
		return nil, err
	}
	if len(out) > maxUnpacked {
		return nil, fmt.Errorf("it unpacks to more than %d MiB", maxUnpacked>>20)
	}
	return out, nil
}

// isMIME tells a MIME message by cloud-init's rule: the header's name in the first
// 4096 bytes.
func isMIME(data []byte) bool {
	return bytes.Contains(bytes.ToLower(data[:min(len(data), 4096)]), []byte("mime-version:"))
}

// message finds the parts of a MIME message.
func (p *processor) message(data []byte) {
	message, err := mail.ReadMessage(bytes.NewReader(bytes.TrimLeft(data, "\r\n")))
	if err != nil {
		p.problem(config.Error, config.Pos{File: p.name}, "it begins like a MIME message and is none: %v; all of it was left out", err)
		return
	}
	p.entity(textproto.MIMEHeader(message.Header), message.Body, 0)
}

// entity is a part of a message, or a message in it.
func (p *processor) entity(header textproto.MIMEHeader, body io.Reader, depth int) {
	if depth > maxNested || len(p.result.Parts) > maxParts {
		p.problem(config.Error, config.Pos{File: p.name}, "there are more than %d parts, or more than %d inside each other; the rest was left out", maxParts, maxNested)
		return
	}
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		kind, params = "text/plain", nil
	}
	if strings.HasPrefix(kind, "multipart/") {
		p.multipart(params["boundary"], body, depth)
		return
	}
	p.leaf(kind, params, header, body)
}

func (p *processor) multipart(boundary string, body io.Reader, depth int) {
	if boundary == "" {
		p.problem(config.Error, config.Pos{File: p.name}, "a multipart message names no boundary; its parts were left out")
		return
	}
	parts := multipart.NewReader(body, boundary)
	for {
		part, err := parts.NextRawPart()
		// Vagrant's messages lack the closing boundary: then the last part ends
		// with the text.
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return
		}
		if err != nil {
			p.problem(config.Error, config.Pos{File: p.name}, "a part of the MIME message cannot be read: %v; it and those after it were left out", err)
			return
		}
		p.entity(part.Header, part, depth+1)
	}
}

// gzipTypes are the types of parts that are compressed.
var gzipTypes = []string{
	"application/gzip", "application/x-gzip", "application/gzip-compressed", "application/gzipped",
	"application/x-compress", "application/x-compressed", "application/x-gunzip", "application/x-gzip-compressed",
}

// leaf is a part that holds no other.
func (p *processor) leaf(kind string, params map[string]string, header textproto.MIMEHeader, body io.Reader) {
	name := params["name"]
	if _, disposition, err := mime.ParseMediaType(header.Get("Content-Disposition")); err == nil && disposition["filename"] != "" {
		name = disposition["filename"]
	}
	content, err := decoded(header.Get("Content-Transfer-Encoding"), body)
	if err == nil && slices.Contains(gzipTypes, kind) {
		kind = "text/plain"
		content, err = gunzip(content)
	}
	if err != nil {
		if name == "" {
			name = fmt.Sprintf("part-%03d", len(p.result.Parts)+1)
		}
		p.problem(config.Error, config.Pos{File: p.name + " " + name}, "it cannot be decoded: %v; it was left out", err)
		return
	}
	p.add(Part{Type: kind, Filename: name, Content: secret.NewBytes(content), header: header})
}

func decoded(encoding string, body io.Reader) ([]byte, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(io.LimitReader(body, maxUnpacked+1))
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil // no closing boundary: what is there counts
	}
	if err == nil && len(content) > maxUnpacked {
		err = fmt.Errorf("it is larger than %d MiB", maxUnpacked>>20)
	}
	return content, err
}

// MIME is the parts as a MIME message, as cloud-init keeps them in user-data.txt.i.
func (r Result) MIME() []byte {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	fmt.Fprintf(&out, "Content-Type: multipart/mixed; boundary=\"%s\"\nMIME-Version: 1.0\nNumber-Attachments: %d\n\n", w.Boundary(), len(r.Parts))
	for _, part := range r.Parts {
		body, err := w.CreatePart(textproto.MIMEHeader{
			"Content-Type":        {part.Type},
			"MIME-Version":        {"1.0"},
			"Content-Disposition": {mime.FormatMediaType("attachment", map[string]string{"filename": part.Filename})},
		})
		if err == nil {
			_, err = body.Write(part.Content.Reveal())
		}
		if err != nil {
			panic(fmt.Sprintf("userdata: writing to memory failed: %v", err))
		}
	}
	if err := w.Close(); err != nil {
		panic(fmt.Sprintf("userdata: writing to memory failed: %v", err))
	}
	return out.Bytes()
}

// CloudConfigText is the merged cloud-config as cloud-init keeps it in
// cloud-config.txt; nothing when there is none.
func (r Result) CloudConfigText() []byte {
	if r.CloudConfig == nil && len(r.ignored) == 0 {
		return nil
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "#cloud-config\n\n# from %d files\n", len(r.merged))
	for _, name := range r.merged {
		fmt.Fprintf(&out, "# %s\n", name)
	}
	for _, name := range r.ignored {
		fmt.Fprintf(&out, "# Cloud-config part ignored SCHEMA_ERROR: %s\n", name)
	}
	out.WriteString("\n---\n")
	out.Write(r.CloudConfig.YAML())
	out.WriteString("...\n")
	return out.Bytes()
}
