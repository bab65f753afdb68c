package sandbox

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// mount is one line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
type mount struct {
	id, parent int
	point      string
	fstype     string
	readOnly   bool
}

// parseMountinfo reads the lines in their order.
func parseMountinfo(text string) ([]mount, error) {
	var mounts []mount
	for line := range strings.Lines(text) {
		m, err := parseMount(line)
		if err != nil {
			return nil, fmt.Errorf("cannot understand the mount %q: %w", strings.TrimSpace(line), err)
		}
		mounts = append(mounts, m)
	}
	return mounts, nil
}

func parseMount(line string) (mount, error) {
	own, super, ok := strings.Cut(line, " - ")
	f, s := strings.Fields(own), strings.Fields(super)
	if !ok || len(f) < 6 || len(s) < 1 {
		return mount{}, fmt.Errorf("too few fields")
	}
	id, err := strconv.Atoi(f[0])
	if err != nil {
		return mount{}, err
	}
	parent, err := strconv.Atoi(f[1])
	if err != nil {
		return mount{}, err
	}
	readOnly := strings.HasPrefix(f[5]+",", "ro,") || (len(s) > 2 && strings.HasPrefix(s[2]+",", "ro,"))
	return mount{id: id, parent: parent, point: unescape(f[4]), fstype: s[0], readOnly: readOnly}, nil
}

// unescape undoes the kernel's octal escapes of space, tab, newline, # and \.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// visible returns the mounts that a path can reach, parents before children.
// A mount is hidden when another lies on its very mount point, or on a
// directory above it, both being mounted on the same parent.
func visible(mounts []mount) []mount {
	known := make(map[int]bool, len(mounts))
	for _, m := range mounts {
		known[m.id] = true
	}
	children := make(map[int][]mount, len(mounts))
	for _, m := range mounts {
		parent := m.parent
		if !known[parent] || parent == m.id {
			parent = 0 // the namespace's root hangs on a mount that is not ours to see
		}
		children[parent] = append(children[parent], m)
	}
	var seen []mount
	var visit func(m mount)
	visit = func(m mount) {
		points := make(map[string]bool)
		for _, c := range children[m.id] {
			if c.point == m.point { // stacked on m: all else that m holds is covered
				visit(c)
				return
			}
			points[c.point] = true
		}
		seen = append(seen, m)
		for _, c := range children[m.id] {
			if !covered(c.point, m.point, points) {
				visit(c)
			}
		}
	}
	for _, m := range children[0] {
		if m.point == "/" {
			visit(m)
		}
	}
	return seen
}

// covered tells whether one of points lies strictly between root and point.
func covered(point, root string, points map[string]bool) bool {
	for dir := path.Dir(point); len(dir) > len(root); dir = path.Dir(dir) {
		if points[dir] {
			return true
		}
	}
	return false
}

// within tells whether point is dir or lies below it.
func within(point, dir string) bool {
	return point == dir || strings.HasPrefix(point, strings.TrimSuffix(dir, "/")+"/")
}
