package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// listening returns the paths of the host's sockets, for a path, unlike an
// abstract name, is not confined to a network namespace. /proc/net/unix lists
// those of this process's namespace, which is still the host's.
func listening() ([]string, error) {
	text, err := os.ReadFile("/proc/self/net/unix")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a kernel without them
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the host's sockets: %w", err)
	}
	seen := make(map[string]bool)
	var paths []string
	for line := range strings.Lines(string(text)) {
		// Num RefCount Protocol Flags Type St Inode Path
		_, path, ok := strings.Cut(line, " /")
		if path = "/" + strings.TrimSuffix(path, "\n"); ok && !seen[path] {
			seen[path] = true
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// hideSockets binds a device that holds nothing over each of the host's sockets
// in the overlays. Newer kernels look for a listener behind the overlay's own
// inode and find none; 4.7 and its followers look behind the lower layer's, and
// would let the inside talk to the host's daemons.
func (b *builder) hideSockets() error {
	for _, path := range b.sockets {
		info, err := os.Lstat(path)
		if err != nil || info.Mode()&fs.ModeSocket == 0 {
			continue // in a directory that is fresh here, or in no file system of ours
		}
		if err := bindReadOnly("/dev/null", path, unix.MS_NODEV); err != nil {
			return fmt.Errorf("cannot hide the socket %s: %w", path, refusal(err))
		}
	}
	return nil
}
