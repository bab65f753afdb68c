package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Hostname is the name the kernel has for the running machine, or the one an
// image's root will get.
func (h *Host) Hostname() (string, error) {
	if h.IsLive() {
		return os.Hostname()
	}
	return staticHostname(h)
}

// staticHostname is what /etc/hostname says; "" when there is no such file.
func staticHostname(h *Host) (string, error) {
	data, err := h.ReadFile("/etc/hostname")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("cannot read the hostname: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return line, nil
		}
	}
	return "", nil
}

// MaxHostname is the longest name in bytes that the kernel takes (HOST_NAME_MAX).
const MaxHostname = 64

// SetHostname gives the running machine a name. An image's root has no kernel: its
// /etc/hostname is all there is to write.
func (h *Host) SetHostname(name string) error {
	if !h.IsLive() {
		return nil
	}
	if old, err := os.Hostname(); err == nil && old == name {
		return nil
	}
	err := unix.Sethostname([]byte(name))
	e := Effect{Kind: KindHostname, Value: name}
	if err != nil {
		err = fmt.Errorf("cannot set the hostname to %q: %w", name, err)
		e.Error = err.Error()
	}
	h.note(e)
	return err
}
