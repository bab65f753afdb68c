package network

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"cloudseed/config"
)

// maxSources bounds the files that an interfaces file may pull in.
const maxSources = 64

// eniStanza is an `iface` line with the options below it.
type eniStanza struct {
	name, family, method string
	pos                  config.Pos
	options              []eniOption
}

type eniOption struct {
	name   string
	values []string
	pos    config.Pos
}

// eniReader reads the lines of Debian's interfaces file (interfaces(5)).
type eniReader struct {
	problems
	files   Files
	seen    map[string]bool // files that were pulled in
	stanzas []*eniStanza
	current *eniStanza      // nil before the first iface line and in a mapping
	mapping bool            // within a mapping
	head    []eniOption     // options before the first iface line
	auto    map[string]bool // interfaces that are brought up at boot
	parts   map[string]*eniParts
}

// Files are the machine's, for an interfaces file to pull in. Glob gives the paths that
// fit a pattern, in their order.
type Files interface {
	ReadFile(path string) ([]byte, error)
	Glob(pattern string) ([]string, error)
}

// ParseENI reads a text in the form of Debian's /etc/network/interfaces, which oVirt
// writes, Proxmox and nova. files has those that `source` names; nil when there are none
// to be had.
func ParseENI(file, text string, files Files) (*Config, []config.Problem) {
	r := &eniReader{files: files, seen: map[string]bool{file: true}, auto: map[string]bool{}, parts: map[string]*eniParts{}}
	r.file(file, text)
	return r.convert(), r.problems
}

// utf8 is a file's text, and what is no UTF-8 replaced in it: most often it is in a
// comment.
//
// Difference from cloud-init: one such byte costs it the whole seed.
func (r *eniReader) utf8(name, text string) string {
	for i, line := range strings.Split(text, "\n") {
		if !utf8.ValidString(line) {
			r.add(config.Warning, config.Pos{File: name, Line: i + 1, Column: 1}, "", "this line is not UTF-8; what is not is read as U+FFFD")
		}
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// file reads a file's lines. Fields are apart by any white space.
//
// Difference from cloud-init: it cuts at every single blank, so that two of them make
// an empty address.
func (r *eniReader) file(name, text string) {
	lines := strings.Split(r.utf8(name, text), "\n")
	for i := 0; i < len(lines); i++ {
		pos := config.Pos{File: name, Line: i + 1, Column: 1 + len(lines[i]) - len(strings.TrimLeft(lines[i], " \t"))}
		line := strings.TrimSpace(lines[i])
		for strings.HasSuffix(line, `\`) && !strings.HasPrefix(line, "#") && i+1 < len(lines) {
			i++
			line = strings.TrimSuffix(line, `\`) + " " + strings.TrimSpace(lines[i])
		}
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		r.line(pos, fields[0], fields[1:])
	}
}

func (r *eniReader) line(pos config.Pos, word string, values []string) {
	switch {
	case word == "iface":
		r.iface(pos, values)
	case word == "mapping":
		r.current, r.mapping = nil, true
	case word == "auto" || strings.HasPrefix(word, "allow-") || strings.HasPrefix(word, "no-auto-"):
		// oVirt 3.3 ends with one such line for all interfaces, also for those without
		// an iface line.
		r.mapping = false
		// Difference from cloud-init: it has allow-hotplug for a device that is not
		// brought up at boot, which Debian brings up as soon as it is there.
		for _, name := range values {
			r.auto[name] = r.auto[name] || word == "auto" || word == "allow-hotplug"
		}
	case word == "source" || word == "source-directory":
		r.source(pos, word, values)
	case r.mapping:
	case r.current != nil:
		r.current.options = append(r.current.options, eniOption{word, values, pos})
	default:
		r.head = append(r.head, eniOption{word, values, pos})
	}
}

func (r *eniReader) iface(pos config.Pos, values []string) {
	r.mapping = false
	r.current = &eniStanza{pos: pos}
	if len(values) < 3 {
		r.add(config.Error, pos, "iface", "expected a name, a family and a method; this interface was skipped")
		return
	}
	r.current.name, r.current.family, r.current.method = values[0], values[1], values[2]
	r.stanzas = append(r.stanzas, r.current)
}

// source reads other files in the place of its line, or all files of a folder whose
// names are plain. A file that is missing, or was read already, is skipped.
func (r *eniReader) source(pos config.Pos, word string, values []string) {
	for _, pattern := range values {
		if !path.IsAbs(pattern) {
			pattern = path.Join(path.Dir(pos.File), pattern)
		}
		if word == "source-directory" {
			pattern = path.Join(pattern, "*")
		}
		var found []string
		if r.files != nil {
			var err error
			if found, err = r.files.Glob(pattern); err != nil {
				r.add(config.Warning, pos, word, fmt.Sprintf("cannot look for %s: %v; it was skipped", pattern, err))
				continue
			}
		}
		if word == "source-directory" {
			found = slices.DeleteFunc(found, func(name string) bool { return !plainName(path.Base(name)) })
		}
		if len(found) == 0 && !strings.ContainsAny(pattern, "*?[") {
			r.add(config.Warning, pos, word, fmt.Sprintf("there is no %s; it was skipped", pattern))
		}
		for _, name := range found {
			r.sourceFile(pos, word, name)
		}
	}
}

// plainName is a name as interfaces(5) wants it: letters, digits, dashes, underscores.
func plainName(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}

func (r *eniReader) sourceFile(pos config.Pos, word, name string) {
	switch {
	case r.seen[name]:
		r.add(config.Warning, pos, word, fmt.Sprintf("%s was read already; it was not read again", name))
		return
	case len(r.seen) > maxSources:
		r.add(config.Error, pos, word, fmt.Sprintf("more than %d files; %s was skipped", maxSources, name))
		return
	}
	r.seen[name] = true
	data, err := r.files.ReadFile(name)
	if err != nil {
		r.add(config.Warning, pos, word, fmt.Sprintf("cannot read %s: %v; it was skipped", name, err))
		return
	}
	r.file(name, string(data))
}
