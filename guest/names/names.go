// Package names knows the names of a guest: which it may have, which it has, and how it gets one.
//
// In comes a host, or a name; out go the kernel's hostname and /etc/hostname. It must never
// know who names the guest.
package names

import (
	"fmt"
	"strings"

	"cloudseed/host"
)

// localDomain is a domain that says nothing.
const localDomain = "localdomain"

// Split returns the short form of a name, and the full one, which has a domain only if that
// says something.
func Split(name string) (short, full string) {
	short, domain, _ := strings.Cut(name, ".")
	if domain == localDomain || domain == "" {
		return short, short
	}
	return short, name
}

// OfSystem returns the name that the system has already, with its domain if
// /etc/hosts knows it.
func OfSystem(h *host.Host) string {
	name, err := h.Hostname()
	if err != nil || name == "" || name == "(none)" { // the kernel's word for it
		return "localhost"
	}
	if full := nameInHosts(h, name); strings.Contains(full, ".") {
		return full
	}
	return name
}

// nameInHosts is the first name of the line of /etc/hosts that has name as an
// alias.
func nameInHosts(h *host.Host, name string) string {
	data, err := h.ReadFile("/etc/hosts")
	if err != nil {
		return "" // without the file there is no domain to find
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		for i := 2; i < len(fields); i++ {
			if fields[i] == name {
				return fields[1]
			}
		}
	}
	return ""
}

// Fault says what is wrong with a hostname, "" when nothing is: hostname(7)
// and systemd's own check, and the underscore, which the kernel takes and people use.
func Fault(name string) string {
	if name == "" {
		return "is empty"
	}
	if len(name) > host.MaxHostname {
		return fmt.Sprintf("has %d characters, and a hostname can have %d", len(name), host.MaxHostname)
	}
	for _, r := range name {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.", r)) {
			return fmt.Sprintf("has the character %q, and a hostname can have letters a to z, digits, '-', '_' and '.'", r)
		}
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" {
			return "has an empty part beside a dot"
		}
		if strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return "has a part that begins or ends with '-'"
		}
	}
	return ""
}

// Set names the machine: now, through the kernel, and for later boots, through
// /etc/hostname. hostnamectl does the same over D-Bus, which does not run yet when the
// network needs the name.
func Set(h *host.Host, name string, lasting bool) error {
	if lasting {
		if _, err := h.WriteFile("/etc/hostname", []byte(name+"\n"), host.File{KeepMeta: true}); err != nil {
			return err
		}
	}
	return h.SetHostname(name)
}
