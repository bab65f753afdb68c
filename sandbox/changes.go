package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"

	"cloudseed/secret"
)

// Kind is what happened to a path.
type Kind string

// The kinds of change.
const (
	Added    Kind = "added"
	Modified Kind = "modified" // content, type, mode, owner, ACL or file capabilities
	Removed  Kind = "removed"  // with all that was below it
)

// Change is one path that differs from the host's. What only was read or got a
// new time is none; nor is what ends in /tmp, /dev, /proc and /sys.
type Change struct {
	Path string
	Kind Kind
	Mode fs.FileMode // as it is now; of what was removed, as it was
	// HasContent tells that Before and After hold what Options.ContentLimit asks
	// for: an added file has no Before, a removed one no After.
	HasContent    bool
	Before, After secret.Bytes
}

func (r report) changes() []Change {
	changes := make([]Change, len(r.Changes))
	for i, c := range r.Changes {
		changes[i] = Change{
			Path: string(c.Path), Kind: c.Kind, Mode: c.Mode, HasContent: c.HasContent,
			Before: secret.NewBytes(c.Before), After: secret.NewBytes(c.After),
		}
	}
	return changes
}

// changes compares each layer with what lies below it.
func (t *tree) changes(contentLimit int64) ([]wireChange, error) {
	var all []wireChange
	for _, l := range t.layers {
		c := comparison{layer: l, contentLimit: contentLimit}
		if err := c.run(); err != nil {
			return nil, fmt.Errorf("cannot find out what changed: %w", err)
		}
		all = append(all, c.found...)
	}
	slices.SortFunc(all, func(a, b wireChange) int { return cmp.Compare(string(a.Path), string(b.Path)) })
	return all, nil
}

// comparison walks one upper layer. Paths are relative to the layer's top.
type comparison struct {
	layer
	contentLimit int64
	found        []wireChange
}

func (c *comparison) run() error {
	if c.lower == nil {
		return c.directory(".", unrelated)
	}
	top, err := c.upper.Lstat(".")
	if err != nil {
		return err
	}
	return c.entry(".", top, merged)
}

// relation is what a directory of the upper layer has to do with the lower one.
type relation int

const (
	unrelated relation = iota // there is none of that name
	merged                    // it shows through: what is absent above is unchanged
	replaced                  // it was removed and made anew: what is absent above is removed
)

// directory compares what a directory of the upper layer holds.
func (c *comparison) directory(rel string, r relation) error {
	entries, err := readDir(c.upper, rel)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(rel, e.Name())
		if slices.Contains(c.own, name) {
			continue
		}
		info, err := c.upper.Lstat(name)
		if err != nil {
			return err
		}
		if err := c.entry(name, info, r); err != nil {
			return err
		}
	}
	return nil
}

// entry compares one entry of the upper layer with the lower one's; r is its
// directory's relation.
func (c *comparison) entry(rel string, upper fs.FileInfo, r relation) error {
	var lower fs.FileInfo
	if r != unrelated {
		var err error
		if lower, err = c.lower.Lstat(rel); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	gone, err := c.isWhiteout(rel, upper)
	switch {
	case err != nil:
		return err
	case gone && lower == nil: // made and removed again
		return nil
	case gone:
		return c.note(rel, Removed, lower, nil)
	case lower == nil:
		err = c.note(rel, Added, nil, upper)
	default:
		var same bool
		if same, err = c.same(rel, lower, upper); err == nil && !same {
			err = c.note(rel, Modified, lower, upper)
		}
	}
	if err != nil || !upper.IsDir() {
		return err
	}
	if lower == nil || !lower.IsDir() {
		return c.directory(rel, unrelated)
	}
	// An opaque directory hides what is below it without a whiteout for each
	// entry; those made in it bear no mark of their own.
	opaque, err := hasOverlayMark(c.upper, rel, "opaque")
	if err != nil {
		return err
	}
	if !opaque && r != replaced {
		return c.directory(rel, merged)
	}
	if err := c.lost(rel); err != nil {
		return err
	}
	return c.directory(rel, replaced)
}

// lost notes what was in a directory before it was replaced, and is no more.
func (c *comparison) lost(rel string) error {
	entries, err := readDir(c.lower, rel)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(rel, e.Name())
		_, err := c.upper.Lstat(name)
		if err == nil {
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		info, err := c.lower.Lstat(name)
		if err != nil {
			return err
		}
		if err := c.note(name, Removed, info, nil); err != nil {
			return err
		}
	}
	return nil
}

// isWhiteout tells whether an entry of the upper layer stands for nothing: a
// character device 0:0, or an empty file with a mark (overlayfs.rst, whiteouts).
func (c *comparison) isWhiteout(rel string, info fs.FileInfo) (bool, error) {
	if c.lower == nil {
		return false, nil
	}
	if info.Mode()&fs.ModeCharDevice != 0 {
		return stat(info).Rdev == 0, nil
	}
	if !info.Mode().IsRegular() || info.Size() != 0 {
		return false, nil
	}
	return hasOverlayMark(c.upper, rel, "whiteout")
}

// note keeps a change; lower and upper are nil where there is none.
func (c *comparison) note(rel string, kind Kind, lower, upper fs.FileInfo) error {
	w := wireChange{Path: []byte(filepath.Join(c.point, rel)), Kind: kind}
	if upper != nil {
		w.Mode = upper.Mode()
	} else {
		w.Mode = lower.Mode()
	}
	if c.keepsContent(lower) && c.keepsContent(upper) {
		var err error
		if w.Before, err = content(c.lower, rel, lower); err != nil {
			return err
		}
		if w.After, err = content(c.upper, rel, upper); err != nil {
			return err
		}
		w.HasContent = true
	}
	c.found = append(c.found, w)
	return nil
}

// keepsContent tells whether a side of a change is a file small enough, or absent.
func (c *comparison) keepsContent(info fs.FileInfo) bool {
	return c.contentLimit > 0 && (info == nil || (info.Mode().IsRegular() && info.Size() <= c.contentLimit))
}

func content(root *os.Root, rel string, info fs.FileInfo) ([]byte, error) {
	if info == nil {
		return nil, nil
	}
	f, err := openQuietly(root, rel)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data := make([]byte, info.Size())
	n, err := readFull(f, data)
	return data[:n], err
}

func stat(info fs.FileInfo) *syscall.Stat_t { return info.Sys().(*syscall.Stat_t) }
