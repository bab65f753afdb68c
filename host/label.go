package host

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cloudseed/secret"

	"golang.org/x/sys/unix"
)

// labelAttribute is where SELinux keeps a file's label.
const labelAttribute = "security.selinux"

// copyLabel gives a file the label that another has, so that replacing a file does not
// change who may read it.
func copyLabel(from, to int) error {
	label := make([]byte, 4096)
	n, err := unix.Fgetxattr(from, labelAttribute, label)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return nil // no SELinux here
	}
	if err != nil {
		return err
	}
	err = unix.Fsetxattr(to, labelAttribute, label[:n], 0)
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) {
		return nil // SELinux is off, or this is a container: labels are not ours to set
	}
	return err
}

// forRelabel remembers a path that was made, for Relabel.
func (s *shared) forRelabel(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relabel = append(s.relabel, path)
}

// Relabel gives all paths made since the last call the SELinux label that the
// policy has for them: one restorecon for all, since starting it costs more than
// its work. It does nothing where SELinux is not enabled.
func (h *Host) Relabel(ctx context.Context) error {
	h.shared.mu.Lock()
	paths := h.shared.relabel
	h.shared.relabel = nil
	h.shared.mu.Unlock()
	if len(paths) == 0 || !h.IsLive() || !h.Exists("/sys/fs/selinux/enforce") {
		return nil
	}
	if _, err := h.LookPath("restorecon"); err != nil {
		return nil
	}
	paths = withoutLinks(paths)
	_, err := h.Run(ctx, Command{
		Argv:    []string{"restorecon", "-0", "-i", "-f", "-"}, // -i: some are gone again
		Stdin:   secret.NewBytes([]byte(strings.Join(paths, "\x00") + "\x00")),
		Timeout: time.Minute,
		Quiet:   true,
	})
	return err
}

// withoutLinks returns the paths as restorecon wants them, each once: the policy may let it label a
// file and not follow the symbolic links that lead to it. A path of which a directory is gone is left out.
func withoutLinks(paths []string) []string {
	var found []string
	for _, path := range paths {
		if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			found = append(found, filepath.Join(dir, filepath.Base(path)))
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}
