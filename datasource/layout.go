package datasource

import (
	"errors"
	"fmt"
	"io/fs"

	"cloudseed/config"
	"cloudseed/secret"
)

// Tree is the files of a medium or directory that may hold a seed, with what was
// wrong with them so far. Layouts are read through it.
type Tree struct {
	FS       fs.FS
	Source   string // "/dev/sr0": for messages
	Problems []config.Problem
}

// maxFile is the largest file of a seed in bytes. Real user data has some kilobytes.
const maxFile = 64 << 20

// Read gives the content of a file; ok is false when there is none, or it cannot be
// read, which is then a problem.
func (t *Tree) Read(name string) (data []byte, ok bool) {
	info, err := fs.Stat(t.FS, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	if err == nil {
		data, err = fs.ReadFile(t.FS, name)
	}
	if err != nil {
		t.Problem(config.Error, t.Name(name), "cannot read it: %v; it was left out", err)
		return nil, false
	}
	return data, true
}

// Name is how messages call a file of the tree.
func (t *Tree) Name(name string) string { return t.Source + ":" + name }

// Problem notes something wrong with a file.
func (t *Tree) Problem(s config.Severity, file, format string, args ...any) {
	t.Problems = append(t.Problems, config.Problem{Severity: s, Pos: config.Pos{File: file}, Message: fmt.Sprintf(format, args...)})
}

// YAML reads a file of YAML or JSON. A file that is missing or empty is nil: producers
// write files of no bytes for what is not given. One that is broken is a problem, and
// nil.
func (t *Tree) YAML(name string) *config.Value {
	data, ok := t.Read(name)
	if !ok {
		return nil
	}
	value, problems, err := config.Parse(t.Name(name), data)
	t.Problems = append(t.Problems, problems...)
	var problem config.Problem
	if errors.As(err, &problem) {
		problem.Message += "; the file was left out"
		t.Problems = append(t.Problems, problem)
		return nil
	}
	if value.IsNull() {
		return nil
	}
	return value
}

// Map is YAML for a file that must hold keys with values.
func (t *Tree) Map(name string) *config.Value {
	value := t.YAML(name)
	if value != nil && value.Kind() != config.Map {
		t.Problems = append(t.Problems, config.Problem{Pos: value.Pos(), Message: "expected keys with values; the file was left out"})
		return nil
	}
	return value
}

// Keys reads public SSH keys in all the shapes that producers write them: a text of
// lines, a list, or a map of names to either.
func Keys(v *config.Value) []string {
	var keys []string
	switch v.Kind() {
	case config.List:
		for _, item := range v.Items() {
			keys = append(keys, Keys(item)...)
		}
	case config.Map:
		for _, name := range v.Keys() {
			keys = append(keys, Keys(v.Get(name))...)
		}
	case config.Null:
	default:
		keys = lines(v.Text())
	}
	return keys
}

// Blobs reads vendor data: a text, a list of texts, or a map whose key "cloud-init"
// holds either.
func Blobs(v *config.Value) []secret.Bytes {
	switch v.Kind() {
	case config.Null:
		return nil
	case config.List:
		var all []secret.Bytes
		for _, item := range v.Items() {
			all = append(all, Blobs(item)...)
		}
		return all
	case config.Map:
		inner := v.Get("cloud-init")
		if inner.Kind() == config.Map {
			return nil // cloud-init goes one deep
		}
		return Blobs(inner)
	default:
		if v.Text() == "" {
			return nil
		}
		return []secret.Bytes{secret.NewBytes([]byte(v.Text()))}
	}
}
