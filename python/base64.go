package python

import (
	"encoding/base64"
	"errors"
)

// Base64 decodes base64 as Python's b64decode does: what is not in the alphabet
// is passed over, and the first complete padding ends the data.
func Base64(data []byte) ([]byte, error) {
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
