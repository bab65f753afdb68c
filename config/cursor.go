package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Cursor is a value with its key path and the collector that findings about it go to.
//
// Most values are never reported, so their key path is only put together when it is asked
// for: a value that was got has that of its mapping and its own name.
type Cursor struct {
	value *Value
	at    Pos    // of the value, or of what it would be in
	path  string // the key path, without name
	name  string // the last part of the key path, where it is apart
	apart bool
	to    *Findings
}

// At returns the cursor of a document: its findings go to a collector.
func (v *Value) At(to *Findings) Cursor { return Cursor{value: v, at: v.Pos(), to: to} }

// With returns the cursor with another value in its place, such as one in another form.
func (c Cursor) With(v *Value) Cursor {
	c.value = v
	return c
}

// Findings returns the collector.
func (c Cursor) Findings() *Findings { return c.to }

// Decode fills a struct from the value, and reports what cannot be understood; see
// Value.Decode.
func (c Cursor) Decode(into any, topLevel ...string) {
	c.to.Add(c.value.DecodeAt(c.Key(), into, topLevel...)...)
}

// Pos returns the place of the value, or of the mapping or list that it would be in.
func (c Cursor) Pos() Pos { return c.at }

// Value returns the value; nil when it is absent.
func (c Cursor) Value() *Value { return c.value }

// Key returns the key path: "users.0.name".
func (c Cursor) Key() string {
	switch {
	case !c.apart:
		return c.path
	case c.path == "":
		return c.name
	default:
		return c.path + "." + c.name
	}
}

// IsNull reports whether there is nothing: absent, or null.
func (c Cursor) IsNull() bool { return c.value.IsNull() }

// Kind returns the kind of the value; Null when it is absent.
func (c Cursor) Kind() Kind { return c.value.Kind() }

// Text returns a scalar as it was written; see Value.Text.
func (c Cursor) Text() string { return c.value.Text() }

// Get returns the value of a mapping's key, or the item of a list by its number. What is
// absent is found at the place of the mapping or list itself.
func (c Cursor) Get(name string) Cursor {
	if c.Kind() == List {
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(c.value.items) {
			return c.child(name, c.value.items[i])
		}
	}
	return c.child(name, c.value.Get(name))
}

// AtKey returns Get's cursor with the place of the key itself.
func (c Cursor) AtKey(name string) Cursor {
	child := c.Get(name)
	if child.value != nil {
		child.at = c.value.KeyPos(name)
	}
	return child
}

// Under returns the cursor with the key path of another, for what is named by the whole
// that it is part of; its place stays its own.
func (c Cursor) Under(whole Cursor) Cursor {
	c.path, c.name, c.apart = whole.path, whole.name, whole.apart
	return c
}

// Path follows a dotted path of keys and positions in lists.
func (c Cursor) Path(path string) Cursor {
	for name := range strings.SplitSeq(path, ".") {
		c = c.Get(name)
	}
	return c
}

func (c Cursor) child(name string, v *Value) Cursor {
	at := c.at
	if v != nil {
		at = v.pos
	}
	return Cursor{value: v, at: at, path: c.Key(), name: name, apart: true, to: c.to}
}

// whole returns the cursor with its key path put together, for a value that others are
// got from.
func (c Cursor) whole() Cursor {
	c.path, c.name, c.apart = c.Key(), "", false
	return c
}

// Items returns a list's items; none for any other value.
func (c Cursor) Items() []Cursor {
	c = c.whole()
	items := make([]Cursor, len(c.value.Items()))
	for i, item := range c.value.Items() {
		items[i] = c.child(strconv.Itoa(i), item).whole()
	}
	return items
}

// Each returns the items of a list, or what is in place of a list of one; nothing of null.
func (c Cursor) Each() []Cursor {
	if c.Kind() == List || c.IsNull() {
		return c.Items()
	}
	return []Cursor{c}
}

// Entries returns the values of a mapping's keys, in the order of the document; none for
// any other value.
func (c Cursor) Entries() []Entry[Cursor] {
	c = c.whole()
	keys := c.value.Keys()
	entries := make([]Entry[Cursor], len(keys))
	for i, key := range keys {
		entries[i] = Entry[Cursor]{key, c.child(key, c.value.Get(key)).whole()}
	}
	return entries
}

// Errorf reports what left something undone, at the place of the value.
func (c Cursor) Errorf(format string, args ...any) { c.Reportf(Error, format, args...) }

// Warnf reports what stopped nothing; see Errorf.
func (c Cursor) Warnf(format string, args ...any) { c.Reportf(Warning, format, args...) }

// Notef reports what is worth knowing and lost nothing; see Errorf.
func (c Cursor) Notef(format string, args ...any) { c.Reportf(Note, format, args...) }

// Deprecatedf reports a spelling that will not be understood for ever; see Errorf.
func (c Cursor) Deprecatedf(format string, args ...any) { c.Reportf(Deprecated, format, args...) }

// Fail reports an error about the value, with its cause; each of a joined one by itself.
// nil is none.
func (c Cursor) Fail(err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			c.Fail(one)
		}
		return
	}
	if err != nil {
		c.to.Add(Problem{Pos: c.at, Key: c.Key(), Message: err.Error(), Cause: err})
	}
}

// Refuse reports an error, at the place that it knows itself if it does, and what became of
// the whole for it: "the file was skipped".
func (c Cursor) Refuse(err error, consequence string) Problem {
	p := Problem{Pos: c.at, Key: c.Key(), Message: err.Error(), Cause: err}
	errors.As(err, &p)
	p.Severity = Error
	if consequence != "" {
		p.Message += "; " + consequence
	}
	c.to.Add(p)
	return p
}

// Reportf reports with any severity; see Errorf.
func (c Cursor) Reportf(s Severity, format string, args ...any) {
	c.to.Add(Problem{Severity: s, Pos: c.at, Key: c.Key(), Message: fmt.Sprintf(format, args...)})
}

// At returns the cursor of a place that has no value: a line of another language, a word of
// a command line, a device.
func (f *Findings) At(pos Pos, key string) Cursor { return Cursor{at: pos, path: key, to: f} }

// Findings collects problems. Of each document and severity it keeps the first
// MaxProblems and counts the rest, so that the cost of a finding is constant.
type Findings struct {
	kept []Problem
	of   map[documentSeverity]int // how many are kept
	more []Problem                // the counts of the others
	rest map[documentSeverity]int // where in more, from 1
}

type documentSeverity struct {
	file     string
	severity Severity
}

// Add keeps or counts problems. The counts in another's list are added to its own.
func (f *Findings) Add(problems ...Problem) {
	if f.of == nil {
		f.of, f.rest = map[documentSeverity]int{}, map[documentSeverity]int{}
	}
	for _, p := range problems {
		p.Message, p.Key = bounded(p.Message), bounded(p.Key)
		kind := documentSeverity{p.Pos.File, p.Severity}
		if p.more == 0 && f.of[kind] < MaxProblems {
			f.of[kind]++
			f.kept = append(f.kept, p)
			continue
		}
		if f.rest[kind] == 0 {
			f.more = append(f.more, Problem{Severity: p.Severity, Pos: Pos{File: p.Pos.File}})
			f.rest[kind] = len(f.more)
		}
		f.more[f.rest[kind]-1].more += max(p.more, 1)
	}
}

// maxMessage is the length in bytes of the longest message or key path that is kept: most of
// a longer one is a value of the configuration.
const maxMessage = 2048

func bounded(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessage*3/4], "") + "…" + strings.ToValidUTF8(text[len(text)-maxMessage/4:], "")
}

// List returns the problems in their order, and after them one for each document and
// severity that had more than are kept.
func (f *Findings) List() []Problem {
	list := f.kept[:len(f.kept):len(f.kept)]
	for _, p := range f.more {
		p.Message = fmt.Sprintf("and %d more of the kind %q", p.more, p.Severity)
		list = append(list, p)
	}
	return list
}
