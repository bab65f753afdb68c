package initramfs

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"cloudseed/python"
)

// maxUnpacked bounds what a compressed configuration unpacks to. The kernel's command
// line has 2 or 4 KiB.
const maxUnpacked = 1 << 20

// CommandLineConfig returns what network-config= on the kernel's command line says: base64 of
// YAML, compressed or not, or "disabled", which is given as the YAML that means the same.
// The last one counts, as in cloud-init. given is false when there is none.
func CommandLineConfig(cmdline string) (text []byte, given bool, err error) {
	value := ""
	for word := range strings.FieldsSeq(cmdline) {
		if v, ok := strings.CutPrefix(word, "network-config="); ok {
			value = v
		}
	}
	switch value {
	case "":
		return nil, false, nil
	case "disabled":
		return []byte("config: disabled\n"), true, nil
	}
	text, err = base64.StdEncoding.DecodeString(value)
	if err != nil {
		text, err = base64.RawStdEncoding.DecodeString(value) // without the = at its end
	}
	if err != nil {
		return nil, true, errors.New("expected base64 of YAML, or disabled")
	}
	if !bytes.HasPrefix(text, []byte{0x1f, 0x8b}) { // RFC 1952
		return text, true, nil
	}
	if text, err = python.Gunzip(text, maxUnpacked); err != nil {
		return nil, true, fmt.Errorf("cannot unpack it: %w", err)
	}
	return text, true, nil
}

// AsksForIP reports whether the kernel's command line asks the initramfs for a network, by
// ip= or ip6=.
func AsksForIP(cmdline string) bool {
	for _, word := range words(cmdline) {
		if strings.HasPrefix(word, "ip=") || strings.HasPrefix(word, "ip6=") {
			return true
		}
	}
	return false
}

// words takes a text apart at blanks as a shell would: quotes hold words together.
func words(text string) []string {
	var list []string
	var word strings.Builder
	quote, within := rune(0), false
	for _, c := range text {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '"' || c == '\'':
			quote, within = c, true
		case strings.ContainsRune(" \t\r\n", c):
			if within {
				list = append(list, word.String())
				word.Reset()
				within = false
			}
		default:
			word.WriteRune(c)
			within = true
		}
	}
	if within {
		list = append(list, word.String())
	}
	return list
}
