package host

import (
	"os"
	"path/filepath"
	"strings"
)

// root is the machine's root directory, by this process's path.
type root string

// isLive reports whether this is the running machine and not an image's root.
func (r root) isLive() bool { return r == "/" }

// resolve turns a path of the machine into one of this process, following
// symbolic links as the machine would: an absolute link in an image's root leads
// to that root, never out of it.
func (r root) resolve(path string) string {
	if r.isLive() {
		return filepath.Join("/", path)
	}
	return r.follow(path, true)
}

// place is resolve without following the last element.
func (r root) place(path string) string {
	if r.isLive() {
		return filepath.Join("/", path)
	}
	return r.follow(path, false)
}

// follow walks path below the root. What does not exist is joined as it is: the
// caller's own system call gives the error.
func (r root) follow(path string, last bool) string {
	rest := strings.Split(filepath.Clean("/"+path), "/")
	at := "" // resolved so far, below root
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at = strings.TrimSuffix(at, "/"+filepath.Base(at))
			continue
		}
		next := at + "/" + name
		if len(rest) > 0 || last {
			if target, err := os.Readlink(string(r) + next); err == nil && links < maxLinks {
				links++
				if filepath.IsAbs(target) {
					at = ""
				}
				rest = append(strings.Split(target, "/"), rest...)
				continue
			}
		}
		at = next
	}
	return filepath.Join(string(r), at)
}
