// Package conffile replaces configuration files of a guest's programs, after the program has
// read them.
//
// In go files as they are to be and how their program checks them; out come the files, or the
// reason why the program refuses them, and then nothing has changed. Candidates are in a
// directory beside the file, so that they have its label, and the program may read them. It
// does not know what the files say.
package conffile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"cloudseed/host"
)

// File is a file as it is to be. One that is there keeps its owner, mode and label.
type File struct {
	Path   string
	Data   []byte
	Mode   fs.FileMode // of a new file; 0 is 0644
	Secret bool        // the content is not shown in the change log
}

// Program is how a program checks its configuration.
type Program struct {
	// Argv is the command that reads a candidate and ends with an error if it cannot be used.
	Argv func(candidate string) []string

	// Main is a file that includes all "*.conf" of the directory of the files, which is then
	// checked with them; "": each file is checked by itself.
	Main string

	// Unable is what versions of the program say that have no such check.
	Unable []string
}

// RefusedError says that a program cannot use what it was to be given.
type RefusedError struct {
	Program string
	Said    string // its own lines, with the paths that the candidates were for
	Before  bool   // it cannot use what is there either, of which this is said
}

func (e *RefusedError) Error() string { return fmt.Sprintf("%s refuses it: %s", e.Program, e.Said) }

// ErrNotIncluded says that Program.Main does not include the directory of the files, so that
// the program does not read them.
var ErrNotIncluded = errors.New("the program's configuration does not include the directory")

// Write puts files in place if their program can use them all, and returns the paths of those
// that changed. If nothing is to change, the program is not asked.
func Write(ctx context.Context, h *host.Host, p Program, files ...File) (changed []string, err error) {
	differ, err := Differ(h, files...)
	if err != nil {
		return nil, err
	}
	if differ {
		if err := Check(ctx, h, p, files...); err != nil {
			return nil, err
		}
	}
	return Put(h, files...)
}

// Differ reports whether any of the files is not there, or has another content.
func Differ(h *host.Host, files ...File) (bool, error) {
	for _, f := range files {
		data, err := h.ReadFile(f.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return true, nil
		case err != nil:
			return false, fmt.Errorf("cannot read %s: %w", f.Path, err)
		case !bytes.Equal(data, f.Data):
			return true, nil
		}
	}
	return false, nil
}

// Put puts files in place unchecked, and returns the paths of those that changed.
func Put(h *host.Host, files ...File) (changed []string, err error) {
	for _, f := range files {
		is, err := h.WriteFile(f.Path, f.Data, host.File{Mode: f.Mode, Secret: f.Secret, KeepMeta: true})
		if err != nil {
			return changed, err
		}
		if is {
			changed = append(changed, f.Path)
		}
	}
	return changed, nil
}

// Check has a program read files before they are in place. The error is a *RefusedError if it
// cannot use them. A program that is not installed, or has no check, refuses nothing. Files are
// all in one directory.
func Check(ctx context.Context, h *host.Host, p Program, files ...File) error {
	if len(files) == 0 {
		return nil
	}
	if _, err := h.LookPath(p.Argv("")[0]); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if p.Main != "" {
		return p.checkAll(ctx, h, files)
	}
	for _, f := range files {
		c := newCandidates(h, path.Dir(f.Path))
		c.add(f.Path, path.Base(f.Path), f.Data)
		if err := c.check(ctx, p, path.Base(f.Path)); err != nil {
			return err
		}
	}
	return nil
}

// checkAll checks the main file with the files in the directory that it includes, and, if it
// is refused, without them.
func (p Program) checkAll(ctx context.Context, h *host.Host, files []File) error {
	dir := path.Dir(files[0].Path)
	main, err := h.ReadFile(p.Main)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read %s: %w", p.Main, err)
	}
	if !bytes.Contains(main, []byte(dir+"/*")) {
		return ErrNotIncluded
	}
	there, err := h.Glob(dir + "/*.conf")
	if err != nil {
		return err
	}
	with := func(files []File) error {
		c := newCandidates(h, path.Dir(p.Main))
		included := path.Join(c.dir, "d")
		c.add(p.Main, path.Base(p.Main), bytes.ReplaceAll(main, []byte(dir+"/*"), []byte(included+"/*")))
		for _, f := range there {
			if strings.HasPrefix(path.Base(f), ".") {
				continue // glob(3) does not find it
			}
			data, err := h.ReadFile(f)
			if err != nil {
				return fmt.Errorf("cannot read %s: %w", f, err)
			}
			c.add(f, path.Join("d", path.Base(f)), data)
		}
		for _, f := range files {
			c.add(f.Path, path.Join("d", path.Base(f.Path)), f.Data)
		}
		return c.check(ctx, p, path.Base(p.Main))
	}
	err = with(files)
	var refused, before *RefusedError
	if errors.As(err, &refused) && errors.As(with(nil), &before) {
		return &RefusedError{Program: before.Program, Said: before.Said, Before: true}
	}
	return err
}

// candidates are files that a program reads before they are in place.
type candidates struct {
	host  *host.Host
	dir   string
	files map[string][]byte // by their names in dir
	paths []string          // of a candidate and of what it is one for, in turns
}

// newCandidates prepares candidates beside the files of a directory. Readers of directories
// skip its name, which is hidden and ends in a tilde.
func newCandidates(h *host.Host, beside string) *candidates {
	return &candidates{host: h.Quietly(), dir: path.Join(beside, ".candidates.cloudseed~"), files: map[string][]byte{}}
}

func (c *candidates) add(target, name string, data []byte) {
	c.files[name] = data
	c.paths = append(c.paths, path.Join(c.dir, name), target)
}

// check writes the candidates, has the program read one, and removes them.
func (c *candidates) check(ctx context.Context, p Program, name string) (err error) {
	defer func() { err = errors.Join(err, c.host.RemoveAll(c.dir)) }()
	if err := c.host.Mkdir(path.Dir(c.dir), 0o755, host.Owner{}); err != nil {
		return err
	}
	if err := c.host.Mkdir(c.dir, 0o700, host.Owner{}); err != nil {
		return err
	}
	for name, data := range c.files {
		if _, err := c.host.WriteFile(path.Join(c.dir, name), data, host.File{Mode: 0o600}); err != nil {
			return err
		}
	}
	argv := p.Argv(path.Join(c.dir, name))
	result, err := c.host.Run(ctx, host.Command{Argv: argv, Quiet: true})
	var exit *host.ExitError
	switch said := strings.TrimSpace(result.Stderr); {
	case !errors.As(err, &exit):
		return err
	case slices.ContainsFunc(p.Unable, func(u string) bool { return strings.Contains(said, u) }):
		return nil
	default:
		if said == "" {
			said = exit.Error()
		}
		return &RefusedError{Program: argv[0], Said: strings.NewReplacer(c.paths...).Replace(said)}
	}
}
