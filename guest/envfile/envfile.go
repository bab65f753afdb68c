// Package envfile edits files of variables that systemd and shells read, such as
// /etc/locale.conf: a line NAME=value for each.
//
// In go a file's content and what its variables are to be, out comes its new content. Lines of
// other variables, comments and what is not understood stay byte for byte. Values of several
// lines are not read.
package envfile

import "strings"

// Variable is a variable and its value; "" removes it.
type Variable struct{ Name, Value string }

// Value returns the value of a variable; "" where it has none. The last line counts.
func Value(content, name string) string {
	found := ""
	for line := range strings.Lines(content) {
		if n, value := read(line); n == name {
			found = value
		}
	}
	return found
}

// Set returns content in which variables have these values, each in its first line, or in a
// new one at the end. A line that gives the value already stays as it is written. Values must
// have no control characters, quotes, backslashes, "$" and "`".
func Set(content string, variables []Variable) string {
	values := make(map[string]string, len(variables))
	for _, v := range variables {
		values[v.Name] = v.Value
	}
	var out strings.Builder
	write := func(name, line string) {
		if values[name] != "" {
			out.WriteString(line + "\n")
		}
		values[name] = ""
	}
	for line := range strings.Lines(content) {
		line = strings.TrimSuffix(line, "\n")
		name, value := read(line)
		want, ok := values[name]
		switch {
		case !ok:
			out.WriteString(line + "\n")
		case value == want:
			write(name, line)
		default:
			write(name, name+"="+quoted(want))
		}
	}
	for _, v := range variables {
		write(v.Name, v.Name+"="+quoted(v.Value))
	}
	return out.String()
}

// read returns the variable that a line sets; "" where it sets none.
func read(line string) (name, value string) {
	name, value, found := strings.Cut(line, "=")
	if name = strings.TrimSpace(name); !found || strings.HasPrefix(name, "#") {
		return "", ""
	}
	value = strings.TrimSpace(value)
	if n := len(value); n > 1 && value[0] == value[n-1] && strings.ContainsRune(`"'`, rune(value[0])) {
		value = value[1 : n-1]
	}
	return name, value
}

// quoted is a value as a shell reads it, in quotes only where it needs them.
func quoted(value string) string {
	if strings.ContainsAny(value, " ()*?[]~;&|<>#!{}") {
		return `"` + value + `"`
	}
	return value
}
