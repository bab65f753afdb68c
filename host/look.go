package host

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Open opens a file for reading.
func (h *Host) Open(path string) (io.ReadCloser, error) { return os.Open(h.root.resolve(path)) }

// Stat describes what a path leads to; Lstat the path itself.
func (h *Host) Stat(path string) (fs.FileInfo, error)  { return os.Stat(h.root.resolve(path)) }
func (h *Host) Lstat(path string) (fs.FileInfo, error) { return os.Lstat(h.root.place(path)) }

// Exists tells whether a path leads to anything.
func (h *Host) Exists(path string) bool {
	_, err := h.Stat(path)
	return err == nil
}

// ReadDir lists a directory, sorted by name.
func (h *Host) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(h.root.resolve(path)) }

// Readlink returns where a symbolic link points.
func (h *Host) Readlink(path string) (string, error) { return os.Readlink(h.root.place(path)) }

// Glob lists the paths that match a pattern, as the shell would: any element may have
// *, ? and [ ]. A directory that does not exist holds nothing.
func (h *Host) Glob(pattern string) ([]string, error) {
	found := []string{"/"}
	for element := range strings.SplitSeq(strings.Trim(pattern, "/"), "/") {
		var deeper []string
		for _, dir := range found {
			names, err := matching(h, dir, element)
			if err != nil {
				return nil, fmt.Errorf("cannot look for %s: %w", pattern, err)
			}
			for _, name := range names {
				deeper = append(deeper, filepath.Join(dir, name))
			}
		}
		found = deeper
	}
	return found, nil
}

// matching lists the names in a directory that match one element of a pattern.
func matching(h *Host, dir, element string) ([]string, error) {
	if !strings.ContainsAny(element, `*?[\`) {
		if _, err := h.Lstat(filepath.Join(dir, element)); err != nil {
			return nil, nil // what cannot be seen does not match
		}
		return []string{element}, nil
	}
	if info, err := h.Stat(dir); err != nil || !info.IsDir() {
		return nil, nil
	}
	entries, err := h.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		ok, err := filepath.Match(element, e.Name())
		if err != nil {
			return nil, err
		}
		if ok {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
