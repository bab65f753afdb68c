package network

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// CheckName refuses names that the kernel refuses (dev_valid_name) and those that
// would leave a folder or a line: names become file names and lines of files.
func CheckName(name string) error {
	const longest = 15 // IFNAMSIZ without its zero
	if name == "" || len(name) > longest || name == "." || name == ".." || strings.ContainsAny(name, "/: ") || !OneLine(name) {
		return fmt.Errorf("%q cannot be the name of an interface", name)
	}
	return nil
}

// OneLine reports whether a string stays in its line, in any file.
func OneLine(text string) bool {
	return utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}

// CheckKey refuses what cannot be in the name of a file or a line of it. It need not
// be the name of an interface: version 2 has keys of its own.
func CheckKey(key string) error {
	const longest = 100
	if key == "" || len(key) > longest || strings.HasPrefix(key, ".") || strings.Contains(key, "/") || !OneLine(key) {
		return fmt.Errorf("%q cannot be the name of a device", key)
	}
	return nil
}
