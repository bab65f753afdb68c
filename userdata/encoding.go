package userdata

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"

	"cloudseed/python"
)

// decoded undoes the encoding of a part's content.
//
// Difference from cloud-init: blanks behind the encoding's name do not matter.
func decoded(encoding string, body []byte) ([]byte, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return python.MessageBase64(body)
	case "quoted-printable":
		return decodeQuoted(body), nil
	case "x-uuencode", "uuencode", "uue", "x-uue":
		// Difference from cloud-init: it decodes that, which nobody writes any more.
		return nil, errors.New("it is uuencoded: use base64")
	}
	return body, nil
}

// decodeQuoted decodes quoted-printable as Python does, which refuses nothing and keeps
// blanks at the end of lines.
func decodeQuoted(body []byte) []byte {
	out := make([]byte, 0, len(body))
	for len(body) > 0 {
		before, after, found := bytes.Cut(body, []byte("="))
		out = append(out, before...)
		if !found {
			break
		}
		code := after[:min(2, len(after))]
		c, err := hex.DecodeString(string(code))
		switch {
		case len(after) == 0:
		case after[0] == '\n' || after[0] == '\r': // the line goes on in the next
			_, after, _ = bytes.Cut(after, []byte("\n"))
		case after[0] == '=':
			out, after = append(out, '='), after[1:]
		case err == nil && len(c) == 1:
			out, after = append(out, c[0]), after[2:]
		default:
			out = append(out, '=')
		}
		body = after
	}
	return out
}
