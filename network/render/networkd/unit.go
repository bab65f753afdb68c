package networkd

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// unit is a file for networkd: sections of lines (systemd.syntax(7)). As cloud-init
// writes them, sections stand in the order of their names and lines in their own, and
// no line is there twice.
type unit struct {
	sections []*section
	index    map[sectionKey]*section
}

// sectionKey tells sections apart. Sections of one name are written in the order of
// their ranks.
type sectionKey struct{ name, rank string }

type section struct {
	sectionKey
	lines []string
}

func newUnit() *unit { return &unit{index: map[sectionKey]*section{}} }

// section returns the one of that name and rank, made when there was none. A section without
// lines is not written.
func (u *unit) section(name, rank string) *section {
	key := sectionKey{name, rank}
	s := u.index[key]
	if s == nil {
		s = &section{sectionKey: key}
		u.index[key] = s
		u.sections = append(u.sections, s)
	}
	return s
}

// add adds a line to the section of which there is one.
func (u *unit) add(name, key, value string) { u.section(name, "").add(key, value) }

func (s *section) add(key, value string) { s.lines = append(s.lines, key+"="+value) }

// clean takes out the lines whose values would be more than one line, and gives their
// keys. No parser lets such a value through; one that did would let a seed say anything.
func (u *unit) clean() (keys []string) {
	for _, s := range u.sections {
		s.lines = slices.DeleteFunc(s.lines, func(line string) bool {
			broken := strings.ContainsFunc(line, unicode.IsControl)
			if broken {
				key, _, _ := strings.Cut(line, "=")
				keys = append(keys, key)
			}
			return broken
		})
	}
	return keys
}

// bytes returns the file, with a blank line between sections.
func (u *unit) bytes() []byte {
	sections := slices.Clone(u.sections)
	slices.SortStableFunc(sections, func(a, b *section) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.rank, b.rank))
	})
	var parts []string
	for _, s := range sections {
		if len(s.lines) == 0 {
			continue
		}
		lines := slices.Clone(s.lines)
		slices.Sort(lines)
		parts = append(parts, "["+s.name+"]\n"+strings.Join(slices.Compact(lines), "\n")+"\n")
	}
	return []byte(strings.Join(parts, "\n"))
}
