package python

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
)

// Base64 decodes base64 as Python's b64decode does: what is not in the alphabet is
// skipped, and the first complete padding ends the data.
func Base64(data []byte) ([]byte, error) {
	clean, padded, ascii := alphabet(data)
	switch {
	case !ascii:
		return nil, errors.New("it has a character that is not ASCII")
	case !padded && len(clean)%4 != 0:
		return nil, errors.New("it is not complete")
	}
	return base64.RawStdEncoding.DecodeString(string(clean))
}

// MessageBase64 decodes base64 as Python's email package does in a message: as Base64,
// but data may lack their padding and hold any other characters.
func MessageBase64(data []byte) ([]byte, error) {
	clean, _, _ := alphabet(data)
	if len(clean) == 0 && len(bytes.TrimSpace(data)) > 0 {
		return nil, errors.New("it is not base64")
	}
	content, err := base64.RawStdEncoding.DecodeString(string(clean))
	if err != nil {
		return nil, fmt.Errorf("it is not base64, or is cut short: %w", err)
	}
	return content, nil
}

// alphabet returns the characters of data that are base64's, up to the first complete
// padding. It reports whether there was one, and whether all up to there is ASCII.
func alphabet(data []byte) (clean []byte, padded, ascii bool) {
	clean = make([]byte, 0, len(data))
	ascii = true
	pads := 0
	for _, c := range data {
		switch {
		case c == '=':
			if pads++; len(clean)%4 >= 2 && len(clean)%4+pads >= 4 {
				return clean, true, ascii
			}
		case 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '+', c == '/':
			clean, pads = append(clean, c), 0
		case c >= 0x80:
			ascii = false
		}
	}
	return clean, false, ascii
}
