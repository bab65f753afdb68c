package datasource

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"log/slog"

	"cloudseed/config"
)

// Inspection is what is on a medium, whether or not it is a seed.
type Inspection struct {
	Filesystem string // "" for a directory
	Label      string
	Files      []FileInfo
	Seed       *Seed // nil: no machine would take it as a seed
	Problems   []config.Problem
	Report     Report
}

// FileInfo is a file of a medium.
type FileInfo struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"` // "" when it could not be read
}

// Inspect looks at the medium or directory that the search is limited to, and at how a
// fresh machine would understand it.
func Inspect(ctx context.Context, s Search) Inspection {
	var i Inspection
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	look := s // its own volumes: Find closes what it opened
	defer func() { look.close() }()
	tree := look.only(ctx, &i)
	i.Seed, i.Report = Find(ctx, s)
	// A directory that is no seed may be anything: / with all that is in it.
	if tree != nil && (i.Seed != nil || s.OnlyDir() == "") {
		i.Files = list(tree)
		i.Problems = append(i.Problems, tree.Found.List()...)
	}
	if i.Seed != nil {
		i.Problems = append(i.Problems, i.Seed.Problems...)
	}
	return i
}

// only gives the files of the place that the search is limited to.
func (s *Search) only(ctx context.Context, i *Inspection) *Tree {
	if dir := s.OnlyDir(); dir != "" {
		return s.Dir(dir)
	}
	for _, device := range s.Volumes(ctx, &i.Report) {
		i.Filesystem, i.Label = string(device.Filesystem), device.Label
		return s.OpenVolume(ctx, device, &i.Report)
	}
	return nil
}

// list names all files of a tree. What cannot be read is a problem of the tree.
func list(t *Tree) []FileInfo {
	var files []FileInfo
	err := fs.WalkDir(t.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			t.At(path).Errorf("cannot list it: %v", err)
			return nil
		}
		info, err := fs.Stat(t.FS, path)
		if err != nil || info.IsDir() {
			return nil // a link that leads nowhere is no file
		}
		file := FileInfo{Path: path, Size: info.Size()}
		if data, ok := t.Read(path); ok {
			sum := sha256.Sum256(data)
			file.SHA256 = hex.EncodeToString(sum[:])
		}
		files = append(files, file)
		return nil
	})
	if err != nil {
		t.At(".").Errorf("cannot list it: %v", err)
	}
	return files
}
