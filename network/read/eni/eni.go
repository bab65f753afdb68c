// Package eni reads Debian's interfaces file (interfaces(5)), which oVirt, Proxmox and nova
// write, and the files that it pulls in.
//
// It takes a file's text and returns a Config; what cannot be read is reported at its line
// and skipped. It knows no other language.
package eni

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"cloudseed/config"
	"cloudseed/network"
)

// maxSources bounds the files that an interfaces file may pull in.
const maxSources = 64

// stanza is an `iface` line with the options below it.
type stanza struct {
	name, family, method string
	pos                  config.Pos
	options              []option
}

type option struct {
	name   string
	values []string
	pos    config.Pos
}

// document is what the lines of an interfaces file say, and of those that it pulls in.
type document struct {
	stanzas []*stanza
	head    []option        // options before the first iface line
	auto    map[string]bool // interfaces that are brought up at boot
}

// scanner reads lines into a document.
type scanner struct {
	*config.Findings
	document
	files   Files
	seen    map[string]bool // files that were pulled in
	current *stanza         // nil before the first iface line and in a mapping
	mapping bool            // within a mapping
}

// Files are the machine's, for an interfaces file to pull in. Glob gives the paths that
// fit a pattern, in their order.
type Files interface {
	ReadFile(path string) ([]byte, error)
	Glob(pattern string) ([]string, error)
}

// Read reads a text in the form of Debian's /etc/network/interfaces. files has those that
// `source` names; nil when there are none.
func Read(file, text string, files Files, to *config.Findings) *network.Config {
	s := &scanner{Findings: to, document: document{auto: map[string]bool{}}, files: files, seen: map[string]bool{file: true}}
	s.file(file, text)
	return (&reader{Findings: to, document: s.document, parts: map[string]*parts{}}).convert()
}

// utf8 returns a file's text with what is no UTF-8 replaced in it: most often it is in a
// comment.
//
// Difference from cloud-init: one such byte costs it the whole seed.
func (s *scanner) utf8(name, text string) string {
	for i, line := range strings.Split(text, "\n") {
		if !utf8.ValidString(line) {
			s.At(config.Pos{File: name, Line: i + 1, Column: 1}, "").Warnf("this line is not UTF-8; what is not is read as U+FFFD")
		}
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// file reads a file's lines. Fields are apart by any white space.
//
// Difference from cloud-init: it cuts at every single blank, so that two of them make
// an empty address.
func (s *scanner) file(name, text string) {
	lines := strings.Split(s.utf8(name, text), "\n")
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
		s.line(pos, fields[0], fields[1:])
	}
}

func (s *scanner) line(pos config.Pos, word string, values []string) {
	switch {
	case word == "iface":
		s.iface(pos, values)
	case word == "mapping":
		s.current, s.mapping = nil, true
	case word == "auto" || strings.HasPrefix(word, "allow-") || strings.HasPrefix(word, "no-auto-"):
		// oVirt 3.3 ends with one such line for all interfaces, also for those without
		// an iface line.
		s.mapping = false
		// Difference from cloud-init: it has allow-hotplug for a device that is not
		// brought up at boot, which Debian brings up as soon as it is there.
		for _, name := range values {
			s.auto[name] = s.auto[name] || word == "auto" || word == "allow-hotplug"
		}
	case word == "source" || word == "source-directory":
		s.source(pos, word, values)
	case s.mapping:
	case s.current != nil:
		s.current.options = append(s.current.options, option{word, values, pos})
	default:
		s.head = append(s.head, option{word, values, pos})
	}
}

func (s *scanner) iface(pos config.Pos, values []string) {
	s.mapping = false
	s.current = &stanza{pos: pos}
	if len(values) < 3 {
		s.At(pos, "iface").Errorf("expected a name, a family and a method; this interface was skipped")
		return
	}
	s.current.name, s.current.family, s.current.method = values[0], values[1], values[2]
	s.stanzas = append(s.stanzas, s.current)
}

// source reads other files in the place of its line, or all files of a folder whose
// names are plain. A file that is missing, or was read already, is skipped.
func (s *scanner) source(pos config.Pos, word string, values []string) {
	for _, pattern := range values {
		if !path.IsAbs(pattern) {
			pattern = path.Join(path.Dir(pos.File), pattern)
		}
		if word == "source-directory" {
			pattern = path.Join(pattern, "*")
		}
		var found []string
		if s.files != nil {
			var err error
			if found, err = s.files.Glob(pattern); err != nil {
				s.At(pos, word).Warnf("cannot look for %s: %v; it was skipped", pattern, err)
				continue
			}
		}
		if word == "source-directory" {
			found = slices.DeleteFunc(found, func(name string) bool { return !plainName(path.Base(name)) })
		}
		if len(found) == 0 && !strings.ContainsAny(pattern, "*?[") {
			s.At(pos, word).Warnf("there is no %s; it was skipped", pattern)
		}
		for _, name := range found {
			s.sourceFile(pos, word, name)
		}
	}
}

// plainName reports whether a name is as interfaces(5) wants it: letters, digits, dashes, underscores.
func plainName(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) < 0
}

func (s *scanner) sourceFile(pos config.Pos, word, name string) {
	switch {
	case s.seen[name]:
		s.At(pos, word).Warnf("%s was read already; it was not read again", name)
		return
	case len(s.seen) > maxSources:
		s.At(pos, word).Errorf("more than %d files; %s was skipped", maxSources, name)
		return
	}
	s.seen[name] = true
	data, err := s.files.ReadFile(name)
	if err != nil {
		s.At(pos, word).Warnf("cannot read %s: %v; it was skipped", name, err)
		return
	}
	s.file(name, string(data))
}

// checkName refuses what cannot be an interface, and what files cannot be named by: here a
// name is both.
func checkName(name string) error { return cmp.Or(network.CheckName(name), network.CheckKey(name)) }
