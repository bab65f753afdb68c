package sysconfig

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ifcfg is a file of variables, which a shell reads.
type ifcfg map[string]string

func (f ifcfg) set(key, value string) { f[key] = value }

// String returns the file's text, its keys sorted as in cloud-init.
func (f ifcfg) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, header, "#")
	for _, key := range slices.Sorted(maps.Keys(f)) {
		fmt.Fprintf(&b, "%s=%s\n", key, quote(f[key]))
	}
	return b.String()
}

// quote makes a value one word of the shell. cloud-init knows only the double quotes
// around white space.
//
// Difference from cloud-init: what the shell would do something with is in single
// quotes.
func quote(value string) string {
	switch {
	case strings.ContainsAny(value, "\"'`$\\;&|<>()*?[]{}~#!\n"):
		return "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
	case strings.ContainsAny(value, " \t"):
		return `"` + value + `"`
	}
	return value
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
