// Package image makes seed media: small images, ISO 9660 with Rock Ridge or FAT.
//
// In: a tree of files and a label. Out: an image file that firmware, kernels and
// datasource/media read. It is for people who prepare seeds, and for tests; the guest's
// boot does not use it. It must never know what the files mean.
package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/iso9660"
)

const (
	maxLabel   = 32   // the length of the volume identifier, ECMA-119 8.4.7
	sectorSize = 2048 // a drive has no part of one
)

// WriteISO writes the files to a new image at path, labelled label. It refuses
// to overwrite, and leaves nothing behind when it fails.
func WriteISO(path, label string, files fs.FS) error {
	if label == "" || len(label) > maxLabel {
		return fmt.Errorf("cannot write %s: a label has 1 to %d bytes, %q has %d", path, maxLabel, label, len(label))
	}
	return create(path, func(f *os.File) error { return fillISO(f, label, files) })
}

func fillISO(f *os.File, label string, files fs.FS) (err error) {
	// Start, size and block size of zero: all of the file, sectors of 2 KiB. The
	// empty workspace is a temporary directory of go-diskfs's own.
	iso, err := iso9660.Create(file.New(f, false), 0, 0, 0, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, iso.Close()) }()
	if err := os.CopyFS(iso.Workspace(), files); err != nil {
		return err
	}
	// No Joliet: the directories that go-diskfs 1.9.4 puts into it lead to those
	// of the primary tree below the first level.
	if err := iso.Finalize(iso9660.FinalizeOptions{RockRidge: true, VolumeIdentifier: label}); err != nil {
		return err
	}
	return pad(f)
}

// pad makes the last sector whole.
func pad(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return f.Truncate((info.Size() + sectorSize - 1) / sectorSize * sectorSize)
}

// create makes a new file, and removes it again when what is to fill it fails.
func create(path string, fill func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("cannot write an image: %w", err)
	}
	if err := errors.Join(fill(f), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, errors.Join(err, os.Remove(path)))
	}
	return nil
}
