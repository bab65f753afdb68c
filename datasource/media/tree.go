package media

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// source is where a tree's directories and files come from: the confined child
// or a mount. Paths are made of names that list returned.
type source interface {
	list(ctx context.Context, dir string) ([]entry, error)
	read(ctx context.Context, path string, size int64) ([]byte, error)
}

var (
	errTooManyEntries = errors.New("directory of more than 8192 entries")
	errTooLarge       = errors.New("file of more than 64 MiB")
	errIrregular      = errors.New("neither a plain file nor a directory")
	errLinks          = errors.New("symbolic links that lead nowhere")
	errOutside        = errors.New("symbolic link that leaves the volume")
)

// tree makes a source an fs.FS: it resolves names, follows symbolic links
// within the volume, and holds the limits. Directories are read once.
type tree struct {
	ctx     context.Context // an fs.FS's methods have none: it is Open's
	volume  string
	source  source
	fold    bool // names are the same in upper and lower case
	dirs    map[string]map[string]entry
	entries int
	bytes   int64
}

func newTree(ctx context.Context, volume string, s source, fold bool) *tree {
	return &tree{ctx: ctx, volume: volume, source: s, fold: fold, dirs: map[string]map[string]entry{}}
}

// Open implements fs.FS.
func (t *tree) Open(name string) (fs.File, error) {
	at, e, err := t.resolve("open", name)
	if err != nil {
		return nil, err
	}
	info := fileInfo{e}
	if e.kind.IsDir() {
		entries, err := t.ReadDir(name)
		if err != nil {
			return nil, err
		}
		return &openDir{info: info, name: name, entries: entries}, nil
	}
	return &openFile{tree: t, info: info, name: name, at: at}, nil
}

// Stat implements fs.StatFS.
func (t *tree) Stat(name string) (fs.FileInfo, error) {
	_, e, err := t.resolve("stat", name)
	if err != nil {
		return nil, err
	}
	return fileInfo{e}, nil
}

// ReadFile implements fs.ReadFileFS.
func (t *tree) ReadFile(name string) ([]byte, error) {
	at, e, err := t.resolve("read", name)
	if err != nil {
		return nil, err
	}
	return t.content(name, at, e)
}

// ReadDir implements fs.ReadDirFS.
func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	at, e, err := t.resolve("list", name)
	if err != nil {
		return nil, err
	}
	if !e.kind.IsDir() {
		return nil, &fs.PathError{Op: "list", Path: name, Err: errors.New("not a directory")}
	}
	dir, err := t.list(at)
	if err != nil {
		return nil, t.pathError("list", name, err)
	}
	entries := make([]fs.DirEntry, 0, len(dir))
	for _, e := range dir {
		entries = append(entries, fs.FileInfoToDirEntry(fileInfo{e}))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// content reads a whole file, within the limits.
func (t *tree) content(name, at string, e entry) ([]byte, error) {
	var err error
	switch {
	case e.kind.IsDir():
		err = errors.New("is a directory")
	case e.kind != 0:
		err = errIrregular
	case e.size > MaxFileSize:
		err = errTooLarge
	case t.bytes+e.size > MaxVolumeBytes:
		err = fmt.Errorf("more than %d bytes are read of this volume", int64(MaxVolumeBytes))
	}
	if err != nil {
		return nil, t.pathError("read", name, err)
	}
	t.bytes += e.size
	b, err := t.source.read(t.ctx, at, e.size)
	if err != nil {
		return nil, t.pathError("read", name, err)
	}
	return b, nil
}

// pathError names the volume, for the caller knows only the path in it.
func (t *tree) pathError(op, name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return fmt.Errorf("cannot %s %s on %s: %w", op, name, t.volume, err)
}

// resolve finds the entry that name leads to, and its path in the source.
func (t *tree) resolve(op, name string) (at string, e entry, err error) {
	if !fs.ValidPath(name) {
		return "", entry{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	at, e, err = t.walk(name)
	if err != nil {
		return "", entry{}, t.pathError(op, name, err)
	}
	return at, e, nil
}

func (t *tree) walk(name string) (at string, e entry, err error) {
	at, e = ".", entry{name: ".", kind: fs.ModeDir}
	rest := name
	for links := 0; rest != "" && rest != "."; {
		var part string
		part, rest, _ = strings.Cut(rest, "/")
		if !e.kind.IsDir() {
			return "", entry{}, fs.ErrNotExist
		}
		next, err := t.find(at, part)
		if err != nil {
			return "", entry{}, err
		}
		if next.kind != fs.ModeSymlink {
			at, e = path.Join(at, next.name), next
			continue
		}
		// Start again with the link's target in its place.
		if links++; links > maxSymlinks {
			return "", entry{}, errLinks
		}
		if path.IsAbs(next.target) || next.target == "" {
			return "", entry{}, errOutside
		}
		rest = path.Join(at, next.target, rest)
		if !fs.ValidPath(rest) {
			return "", entry{}, errOutside
		}
		at, e = ".", entry{name: ".", kind: fs.ModeDir}
	}
	return at, e, nil
}

func (t *tree) find(dir, name string) (entry, error) {
	entries, err := t.list(dir)
	if err != nil {
		return entry{}, err
	}
	if e, ok := entries[name]; ok {
		return e, nil
	}
	if t.fold {
		for _, e := range entries {
			if strings.EqualFold(e.name, name) {
				return e, nil
			}
		}
	}
	return entry{}, fs.ErrNotExist
}

// list reads a directory once. Of two entries of one name neither can be told
// to be the right one.
func (t *tree) list(dir string) (map[string]entry, error) {
	if entries, ok := t.dirs[dir]; ok {
		return entries, nil
	}
	if strings.Count(dir, "/")+2 > MaxDepth {
		return nil, fmt.Errorf("deeper than %d directories", MaxDepth)
	}
	found, err := t.source.list(t.ctx, dir)
	if err != nil {
		return nil, err
	}
	if t.entries += len(found); t.entries > MaxVolumeEntries {
		return nil, fmt.Errorf("more than %d entries are listed of this volume", MaxVolumeEntries)
	}
	entries := make(map[string]entry, len(found))
	for _, e := range found {
		if _, twice := entries[e.name]; twice {
			e = entry{name: e.name, kind: fs.ModeIrregular}
		}
		entries[e.name] = e
	}
	t.dirs[dir] = entries
	return entries, nil
}

// fileInfo is an entry as fs.FileInfo. Modes are those of a read-only file:
// nobody may rely on a medium's.
type fileInfo struct{ e entry }

func (i fileInfo) Name() string       { return i.e.name }
func (i fileInfo) Size() int64        { return i.e.size }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return i.e.kind.IsDir() }
func (i fileInfo) Sys() any           { return nil }
func (i fileInfo) Mode() fs.FileMode {
	if i.e.kind.IsDir() {
		return fs.ModeDir | 0o555
	}
	return i.e.kind | 0o444
}

// openFile reads its content at the first Read.
type openFile struct {
	tree   *tree
	info   fileInfo
	name   string
	at     string
	loaded bool
	rest   []byte
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

func (f *openFile) Read(b []byte) (int, error) {
	if !f.loaded {
		content, err := f.tree.content(f.name, f.at, f.info.e)
		if err != nil {
			return 0, err
		}
		f.rest, f.loaded = content, true
	}
	if len(f.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// openDir is an open directory.
type openDir struct {
	info    fileInfo
	name    string
	entries []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("is a directory")}
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(d.entries)
	} else if len(d.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.entries))
	entries := d.entries[:n]
	d.entries = d.entries[n:]
	return entries, nil
}
