package sandbox

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// nobody is an id that has no meaning in the sandbox: the seed's device node
// belongs to it, so that inside neither its owner's rights nor
// CAP_DAC_OVERRIDE, which covers mapped owners only, make it writable
// (capable_wrt_inode_uidgid in the kernel).
const nobody = 1<<31 - 1

// identity maps each id that this process's user namespace has, below nobody,
// to itself. file is a uid_map or gid_map.
func identity(file string) ([]syscall.SysProcIDMap, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the user namespace's ids: %w", err)
	}
	var maps []syscall.SysProcIDMap
	for line := range strings.Lines(string(text)) {
		var first, outside, count int64
		if _, err := fmt.Sscan(line, &first, &outside, &count); err != nil {
			return nil, fmt.Errorf("cannot understand %s: %w", file, err)
		}
		if count = min(count, nobody-first); count > 0 {
			// The keeper writes the map, so "host" means the keeper's own namespace.
			maps = append(maps, syscall.SysProcIDMap{ContainerID: int(first), HostID: int(first), Size: int(count)})
		}
	}
	return maps, nil
}
