// Package sshdtest has what tests of several packages need of SSH: public keys.
package sshdtest

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
)

// Valid makes keys whose data are no more than a word keys that have that word in them.
func Valid(text string) string {
	return regexp.MustCompile(`(ssh-rsa|ssh-ed25519) AAAA(\w*)`).ReplaceAllStringFunc(text, func(short string) string {
		kind, word, _ := strings.Cut(short, " AAAA")
		var data []byte
		fields := []string{kind, fmt.Sprintf("%32s", word)}
		if kind == "ssh-rsa" {
			fields = append(fields, "modulus")
		}
		for _, field := range fields {
			data = append(binary.BigEndian.AppendUint32(data, uint32(len(field))), field...)
		}
		return kind + " " + base64.StdEncoding.EncodeToString(data)
	})
}
