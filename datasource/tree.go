package datasource

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"cloudseed/config"
)

// Tree is the files of a medium or directory that may hold a seed, with what was
// wrong with them so far. Layouts are read through it.
type Tree struct {
	FS     fs.FS
	Source string // "/dev/sr0": for messages
	Dir    bool   // Source is a directory
	Found  config.Findings
}

// maxFile is the largest file of a seed in bytes. Real user data has some kilobytes.
const maxFile = 64 << 20

// Has tells whether a tree has a file. What is there and cannot be looked at counts.
func (t *Tree) Has(name string) bool {
	_, err := fs.Stat(t.FS, name)
	return !errors.Is(err, fs.ErrNotExist)
}

// Read gives the content of a file; ok is false when there is none, or it cannot be
// read, which is then a problem.
func (t *Tree) Read(name string) (data []byte, ok bool) {
	data, err := t.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err != nil {
		t.At(name).Errorf("cannot read it: %v; it was skipped", err)
		return nil, false
	}
	return data, true
}

// ReadFile is Read for who tells by himself what becomes of a file that cannot be read.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	info, err := fs.Stat(t.FS, name)
	switch {
	case err != nil:
		return nil, cause(err)
	case !info.Mode().IsRegular(): // a pipe would be waited for
		return nil, errors.New("it is no file")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	data, err := fs.ReadFile(t.FS, name)
	return data, cause(err)
}

// cause is an error without the path, which messages name already.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// Name is how messages call a file of the tree.
func (t *Tree) Name(name string) string {
	if t.Dir {
		return path.Join(t.Source, name)
	}
	return t.Source + ":" + name
}

// At returns the place of a file, to report about it.
func (t *Tree) At(name string) config.Cursor {
	return t.Found.At(config.Pos{File: t.Name(name)}, "")
}

// YAML reads a file of YAML or JSON. A file that is missing or empty is nil: producers
// write files of no bytes for what is not given. One that is broken is a problem, and
// nil.
func (t *Tree) YAML(name string) *config.Value {
	data, ok := t.Read(name)
	if !ok {
		return nil
	}
	return t.Parse(t.Name(name), data)
}

// Map is YAML for a file that must hold keys with values.
func (t *Tree) Map(name string) *config.Value {
	data, ok := t.Read(name)
	if !ok {
		return nil
	}
	return t.ParseMap(t.Name(name), data)
}

// Parse is YAML for data that was read already; file is what messages call it.
func (t *Tree) Parse(file string, data []byte) *config.Value { return t.parsed(parse(file, data)) }

// ParseNetwork is Parse for a description of the network.
func (t *Tree) ParseNetwork(n *NetworkConfig) *config.Value { return t.parsed(n.Parse()) }

// parsed returns a value that says something, and keeps what is wrong with it.
func (t *Tree) parsed(value *config.Value, problems []config.Problem, err error) *config.Value {
	if err != nil {
		t.Found.At(config.Pos{}, "").Refuse(err, "the file was skipped")
		return nil
	}
	t.Found.Add(problems...)
	if value.IsNull() {
		return nil
	}
	return value
}

// ParseMap is Map for data that was read already.
func (t *Tree) ParseMap(file string, data []byte) *config.Value {
	value := t.Parse(file, data)
	if value != nil && value.Kind() != config.Map {
		value.At(&t.Found).Errorf("expected a mapping; the file was skipped")
		return nil
	}
	return value
}

// maxHeld is how many names of a tree are listed where it is no seed.
const maxHeld = 10

// Holds says which names there are at the top of the tree, each with the one of the known
// that it was likely meant to be: "; it holds user_data (did you mean user-data?)".
func (t *Tree) Holds(known ...string) string {
	if t.Dir {
		return "" // a directory may be anything
	}
	entries, err := fs.ReadDir(t.FS, ".")
	if err != nil {
		return "" // why it cannot be listed is told elsewhere
	}
	var names []string
	for _, e := range entries {
		if len(names) == maxHeld {
			names = append(names, "…")
			break
		}
		name := e.Name()
		if !slices.Contains(known, name) {
			name += config.DidYouMean(name, known)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return "; it is empty"
	}
	return "; it holds " + strings.Join(names, ", ")
}
