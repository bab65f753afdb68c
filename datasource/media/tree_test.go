package media

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"cloudseed/datasource/media/mediatest"
)

// memory is a source without a volume.
type memory map[string][]entry

func (m memory) list(_ context.Context, dir string) ([]entry, error) {
	entries, ok := m[dir]
	if !ok {
		return nil, errors.New("asked for a directory that is not there")
	}
	return entries, nil
}

func (m memory) read(_ context.Context, path string, size int64) ([]byte, error) {
	return []byte(strings.Repeat("x", int(size-int64(len(path)))) + path), nil
}

func TestNamesAreResolvedWithinTheVolume(t *testing.T) {
	t.Parallel()
	link := func(name, target string) entry { return entry{name: name, kind: fs.ModeSymlink, target: target} }
	m := memory{
		".": {
			{name: "User-Data", size: 9},
			{name: "big", size: MaxFileSize + 1},
			{name: "twice", size: 5},
			{name: "twice", size: 6},
			{name: "openstack", kind: fs.ModeDir},
			link("loop", "loop"), link("absolute", "/etc/passwd"), link("out", "../../etc/passwd"),
			{name: "fifo", kind: fs.ModeIrregular},
			link("latest", "openstack/latest"),
			{name: "bad", kind: fs.ModeDir},
		},
		"openstack":        {{name: "latest", kind: fs.ModeDir}, link("here", "."), link("up", "../User-Data")},
		"openstack/latest": {{name: "user_data", size: 30}, link("link", "../../User-Data")},
	}
	for _, c := range []struct {
		path, want string
		fold       bool
		err        error
	}{
		{path: "User-Data", want: "User-Data"},
		{path: "user-data", err: fs.ErrNotExist},
		{path: "user-data", fold: true, want: "User-Data"},
		{path: "OPENSTACK/Latest/USER_data", fold: true, want: "xxxxopenstack/latest/user_data"},
		{path: "latest/user_data", want: "xxxxopenstack/latest/user_data"},
		{path: "latest/link", want: "User-Data"},
		{path: "openstack/here/here/up", want: "User-Data"},
		{path: "nothing", err: fs.ErrNotExist},
		{path: "openstack/nothing", err: fs.ErrNotExist},
		{path: "User-Data/below", err: fs.ErrNotExist},
		{path: "../etc/passwd", err: fs.ErrInvalid},
		{path: "/etc/passwd", err: fs.ErrInvalid},
		{path: "loop", err: errLinks},
		{path: "absolute", err: errOutside},
		{path: "out", err: errOutside},
		{path: "fifo", err: errIrregular},
		{path: "twice", err: errIrregular},
		{path: "big", err: errTooLarge},
		{path: "bad/x", err: errAny},
		{path: "openstack", err: errAny},
	} {
		t.Run(fmt.Sprintf("%s folded %v", c.path, c.fold), func(t *testing.T) {
			t.Parallel()
			tr := newTree(t.Context(), "/dev/vdb", m, c.fold)
			got, err := fs.ReadFile(tr, c.path)
			if string(got) != c.want || (err == nil) != (c.err == nil) || (c.err != errAny && !errors.Is(err, c.err)) {
				t.Errorf("%q, %v; want %q, %v", got, err, c.want, c.err)
			}
		})
	}
}

var errAny = errors.New("any error")

func TestAVolumeIsAGoodFileSystem(t *testing.T) {
	t.Parallel()
	for name, make := range map[string]func(testing.TB) string{"ISO 9660": ownISO, "FAT": ownFAT(12)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var names []string
			for name := range seedFiles() {
				names = append(names, name)
			}
			if err := fstest.TestFS(openImage(t, make(t)).FS(), names...); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAVolumeHasLimits(t *testing.T) {
	t.Parallel()
	m := memory{}
	var many []entry
	for i := range MaxDirectoryEntries {
		many = append(many, entry{name: fmt.Sprint("d", i), kind: fs.ModeDir})
	}
	m["."] = many
	for i := range 8 {
		m[fmt.Sprint("d", i)] = many
	}
	tr := newTree(t.Context(), "/dev/vdb", m, false)
	var err error
	for i := 0; i < 8 && err == nil; i++ {
		_, err = fs.Stat(tr, fmt.Sprintf("d%d/d1", i))
	}
	if err == nil || !strings.Contains(err.Error(), "more than 65536 entries") {
		t.Error(err)
	}
	_, err = fs.Stat(newTree(t.Context(), "/dev/vdb", endlessTree{}, false), strings.Repeat("d/", 40)+"d")
	if err == nil || !strings.Contains(err.Error(), "deeper than 16 directories") {
		t.Error(err)
	}
	total := newTree(t.Context(), "/dev/vdb", memory{".": {{name: "a", size: MaxFileSize}}}, false)
	total.bytes = MaxVolumeBytes - MaxFileSize + 1
	if _, err := fs.ReadFile(total, "a"); err == nil || !strings.Contains(err.Error(), "more than 268435456 bytes are read") {
		t.Error(err)
	}
}

func TestTheLargestFileIsReadAndALargerOneRefused(t *testing.T) {
	t.Parallel()
	path := mediatest.Blank(t, 160<<20)
	mediatest.Run(t, "mkfs.vfat", "-F", "32", "-n", "CIDATA", path)
	for name, size := range map[string]int64{"largest": MaxFileSize, "larger": MaxFileSize + 1} {
		f := mediatest.Blank(t, size)
		patch(t, f, func(b []byte) { b[0], b[len(b)-1] = 'a', 'z' })
		mediatest.Run(t, "mcopy", "-i", path, f, "::"+name)
	}
	v := openImage(t, path)
	b, err := fs.ReadFile(v.FS(), "largest")
	if err != nil || len(b) != MaxFileSize || b[0] != 'a' || b[len(b)-1] != 'z' {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if _, err := fs.ReadFile(v.FS(), "larger"); !errors.Is(err, errTooLarge) {
		t.Error(err)
	}
}

// endlessTree has a directory in every directory.
type endlessTree struct{}

func (endlessTree) list(context.Context, string) ([]entry, error) {
	return []entry{{name: "d", kind: fs.ModeDir}}, nil
}

func (endlessTree) read(context.Context, string, int64) ([]byte, error) { return nil, nil }
