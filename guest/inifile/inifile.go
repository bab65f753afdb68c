// Package inifile edits files of sections with options, such as /etc/puppet/puppet.conf: a
// line "option = value" for each, below a line "[section]".
//
// In go a file's content and what an option is to be, out comes its new content. All other lines
// stay byte for byte, comments too. Values of several lines are not read.
package inifile

import (
	"slices"
	"strings"
)

// Set returns content in which an option of a section has a value: in its line, or in a new one
// at the section's end, or in a new section at the end of all. The section "" is what is before
// the first one. Names and value must have no control characters.
func Set(content, section, option, value string) string {
	lines := strings.Split(strings.TrimSuffix(content, "\n"), "\n")
	if strings.TrimSpace(content) == "" {
		lines = nil
	}
	setting := option + " = " + value
	from, to, found := bounds(lines, section)
	if !found {
		if len(lines) > 0 && lines[len(lines)-1] != "" {
			lines = append(lines, "")
		}
		return strings.Join(append(lines, "["+section+"]", setting), "\n") + "\n"
	}
	for i := from; i < to; i++ {
		if name, old, ok := read(lines[i]); ok && strings.EqualFold(name, option) {
			if old != value {
				lines[i] = setting
			}
			return strings.Join(lines, "\n") + "\n"
		}
	}
	for to > from && strings.TrimSpace(lines[to-1]) == "" {
		to--
	}
	return strings.Join(slices.Insert(lines, to, setting), "\n") + "\n"
}

// bounds are the lines of a section, without its header.
func bounds(lines []string, section string) (from, to int, found bool) {
	found = section == ""
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "[") || !strings.HasSuffix(line, "]") {
			continue
		}
		if found {
			return from, i, true
		}
		if strings.TrimSpace(line[1:len(line)-1]) == section {
			from, found = i+1, true
		}
	}
	return from, len(lines), found
}

// read returns what a line sets.
func read(line string) (option, value string, ok bool) {
	line = strings.TrimSpace(line)
	if line == "" || strings.ContainsAny(line[:1], "#;[") {
		return "", "", false
	}
	option, value, ok = strings.Cut(line, "=")
	return strings.TrimSpace(option), strings.TrimSpace(value), ok
}
