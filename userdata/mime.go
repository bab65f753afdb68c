package userdata

import (
	"bytes"
	"fmt"
	"mime"
	"net/textproto"
	"slices"
	"strings"
	"unicode"

	"cloudseed/config"
	"cloudseed/secret"
)

// isMIME tells a MIME message by cloud-init's rule: the header's name in the first
// 4096 bytes. That may also be in a script or a file that cloud-config writes; then
// there is no header before it, and the message is the text as it is.
func isMIME(data []byte) bool {
	return bytes.Contains(bytes.ToLower(data[:min(len(data), 4096)]), []byte("mime-version:"))
}

// The reader below takes messages as Python's email package does, which refuses
// nothing: a line that is no header ends the headers, a missing boundary at the end
// ends the message, and what stands before the first and after the last boundary is
// left out. The standard library's mime/multipart would refuse such messages.
//
// Differences from cloud-init: the names of headers are the same in any letters, text
// that is not encoded is UTF-8, and what a part's header says of merging counts for
// compressed parts too.

// message finds the parts of a MIME message.
func (p *processor) message(data []byte, place string, depth int) {
	if headerSize(data) > maxHeader {
		p.headerTooLarge(place)
		return
	}
	header, body := splitHeader(data)
	if len(header) == 0 {
		p.add(Part{Type: typePlain, Content: secret.NewBytes(body), place: place}, depth)
		return
	}
	p.entity(header, body, depth, 0)
}

// entity is a part of a message, or a message in it.
func (p *processor) entity(header textproto.MIMEHeader, body []byte, depth, nested int) {
	kind, params := contentType(header)
	if kind == "message/rfc822" && nested < maxNested {
		p.attached(header, body, depth, nested)
		return
	}
	if !strings.HasPrefix(kind, "multipart/") {
		p.leaf(kind, params, header, body, depth)
		return
	}
	boundary := params["boundary"]
	switch {
	case boundary == "":
		p.at(config.Pos{File: p.name, Line: 1, Column: 1}).Errorf("a multipart message names no boundary; its parts were skipped")
		return
	case nested >= maxNested:
		p.at(config.Pos{File: p.name}).Errorf("there are more than %d messages inside each other; the rest was skipped", maxNested)
		return
	}
	if nested == 0 {
		body = withoutLineEnd(body) // the last one of a message is nobody's, as in Python
	}
	for _, part := range splitParts(body, boundary) {
		if p.full {
			return
		}
		if headerSize(part) > maxHeader {
			p.headerTooLarge(p.name)
			continue
		}
		header, inner := splitHeader(part)
		p.entity(header, inner, depth, nested+1)
	}
}

// attached is a message in a message, as mail programs forward one. It counts as a part
// of which nothing becomes, and its own parts come behind it.
func (p *processor) attached(header textproto.MIMEHeader, body []byte, depth, nested int) {
	if p.isFull(p.name) {
		return
	}
	if headerSize(body) > maxHeader {
		p.headerTooLarge(p.name)
		return
	}
	p.attach(Part{declared: "message/rfc822", Content: secret.NewBytes(body), header: header}, fmt.Sprintf("part-%03d", p.count+1))
	own, inner := splitHeader(body)
	p.entity(own, inner, depth, nested+1)
}

func (p *processor) headerTooLarge(place string) {
	p.at(config.Pos{File: place}).Errorf("a message has more than %d MiB of headers; it was skipped", maxHeader>>20)
}

// headerSize is how far the header of a message can go: to the first line that is empty
// or can be none of a header.
func headerSize(data []byte) int {
	for at := 0; at < len(data); {
		line, _, _ := bytes.Cut(data[at:], []byte("\n"))
		if len(bytes.TrimSuffix(line, []byte("\r"))) == 0 || !isHeaderLine(line) {
			return at
		}
		at += len(line) + 1
	}
	return len(data)
}

// isHeaderLine tells a line of a header. One without a name is skipped, as in Python.
func isHeaderLine(line []byte) bool {
	if line[0] == ' ' || line[0] == '\t' || bytes.HasPrefix(line, []byte("From ")) {
		return true
	}
	name, _, found := bytes.Cut(line, []byte(":"))
	return found && !bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' })
}

// splitHeader takes the header lines off a message. A line that can be none begins the
// body, as does what follows an empty line.
func splitHeader(data []byte) (textproto.MIMEHeader, []byte) {
	header := textproto.MIMEHeader{}
	last := ""
	var value []byte // of the last header, which may go on
	end := func() {
		if last != "" {
			header[last] = append(header[last], string(value))
		}
	}
	for len(data) > 0 {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			end()
			return header, rest
		}
		if line[0] == ' ' || line[0] == '\t' {
			if last == "" {
				return header, data
			}
			value = append(append(value, ' '), bytes.TrimSpace(line)...)
			data = rest
			continue
		}
		name, text, _ := bytes.Cut(line, []byte(":"))
		switch {
		case bytes.HasPrefix(line, []byte("From ")) && last == "": // a mail box's mark
		case !isHeaderLine(line):
			end()
			return header, data
		default:
			end()
			last = textproto.CanonicalMIMEHeaderKey(string(name))
			value = slices.Clone(bytes.TrimSpace(text))
		}
		data = rest
	}
	end()
	return header, nil
}

// contentType is a message's type, text/plain when it gives none that is one.
func contentType(header textproto.MIMEHeader) (string, map[string]string) {
	text := header.Get("Content-Type")
	kind, rest, _ := strings.Cut(text, ";")
	kind = strings.ToLower(stripped(kind))
	if strings.Count(kind, "/") != 1 {
		kind = typePlain
	}
	return kind, parameters("x/x;" + rest)
}

// parameters are what follows the first ";" of a header. What the standard library
// refuses for one mistake is read piece by piece.
func parameters(text string) map[string]string {
	if _, params, err := mime.ParseMediaType(text); err == nil {
		return params
	}
	params := map[string]string{}
	_, rest, _ := strings.Cut(text, ";")
	for piece := range strings.SplitSeq(rest, ";") {
		name, value, ok := strings.Cut(piece, "=")
		name = strings.ToLower(stripped(name))
		if _, known := params[name]; ok && !known {
			params[name] = strings.Trim(stripped(value), `"`)
		}
	}
	return params
}

// stripped is a text without the blanks around it, which for Python are a few more.
func stripped(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f })
}

// splitParts takes a multipart body apart at its boundary, each part with its header. The
// line end before a boundary is the boundary's.
func splitParts(body []byte, boundary string) [][]byte {
	var pieces [][]byte
	mark := []byte("--" + boundary)
	start := -1
	for at := 0; at < len(body); {
		end := len(body)
		if i := bytes.IndexByte(body[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		rest, isMark := bytes.CutPrefix(body[at:end], mark)
		tail := bytes.TrimRight(rest, " \t\r\n")
		isLast := string(tail) == "--"
		if isMark && (len(tail) == 0 || isLast) {
			if start >= 0 {
				pieces = append(pieces, withoutLineEnd(body[start:at]))
			}
			start = end
			if isLast {
				return pieces
			}
		}
		at = end
	}
	if start >= 0 { // Vagrant's messages lack the last boundary
		pieces = append(pieces, body[start:])
	}
	return pieces
}

func withoutLineEnd(data []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
}

// gzipTypes are the types of parts that are compressed.
var gzipTypes = []string{
	"application/gzip", "application/x-gzip", "application/gzip-compressed", "application/gzipped",
	"application/x-compress", "application/x-compressed", "application/x-gunzip", "application/x-gzip-compressed",
}

// leaf is a part that holds no other.
func (p *processor) leaf(kind string, params map[string]string, header textproto.MIMEHeader, body []byte, depth int) {
	if p.isFull(p.name) {
		return
	}
	name := parameters(header.Get("Content-Disposition"))["filename"]
	if name == "" {
		name = params["name"]
	}
	declared := kind
	content, err := decoded(header.Get("Content-Transfer-Encoding"), body)
	if err == nil && slices.Contains(gzipTypes, kind) {
		kind = ""
		content, err = p.gunzip(content)
	}
	if err != nil {
		number := fmt.Sprintf("part-%03d", p.count+1)
		part := Part{declared: declared, Filename: name, Content: secret.NewBytes(body), header: header, place: p.name + " " + number}
		part.refuse(config.Error, fmt.Sprintf("it cannot be decoded: %v; it was skipped", err))
		p.attach(part, number) // it keeps its number, so that the names of those after it stay
		return
	}
	p.add(Part{Type: kind, Filename: name, Content: secret.NewBytes(content), header: header}, depth)
}
