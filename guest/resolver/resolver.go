// Package resolver says to a guest which name servers it asks.
//
// In go name servers, search domains and options, out go the files of what owns
// /etc/resolv.conf there: NetworkManager, systemd-resolved, or nobody. A file that belongs to
// one of them is never written itself: it would be lost, or break what serves names. What an
// owner has no words for is returned.
package resolver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"cloudseed/host"
)

// Config is in the words of resolv.conf(5). Its values have no spaces and control characters.
type Config struct {
	Servers  []string
	Search   []string
	Domain   string // the machine's own, which the C library takes in place of Search
	Sortlist []string
	Options  []string // "rotate", "timeout:1"
}

// ResolvConf is the content of a resolv.conf(5), without a comment.
func (c Config) ResolvConf() string {
	var b strings.Builder
	for _, server := range c.Servers {
		b.WriteString("nameserver " + server + "\n")
	}
	for _, line := range []struct {
		word   string
		values []string
	}{{"search", c.Search}, {"domain", only(c.Domain)}, {"sortlist", c.Sortlist}, {"options", c.Options}} {
		if len(line.values) > 0 {
			b.WriteString(line.word + " " + strings.Join(line.values, " ") + "\n")
		}
	}
	return b.String()
}

// names are the domains to look names up in.
func (c Config) names() []string {
	names := slices.Clone(c.Search)
	if c.Domain != "" && !slices.Contains(names, c.Domain) {
		names = append(names, c.Domain)
	}
	return names
}

func only(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// Owner is whom /etc/resolv.conf belongs to.
type Owner int

// The owners.
const (
	Nobody Owner = iota
	NetworkManager
	Resolved
)

// Path is the file that programs read.
const Path = "/etc/resolv.conf"

// The files of the owners. Both read theirs in the order of the names; these are before the
// administrator's 99-….
const (
	networkManagerFile = "/etc/NetworkManager/conf.d/90-cloud-init-dns.conf"
	resolvedFile       = "/etc/systemd/resolved.conf.d/90-cloud-init.conf"
)

// OwnerOf returns the owner of a guest's /etc/resolv.conf.
func OwnerOf(h *host.Host) (Owner, error) {
	if target, err := h.Readlink(Path); err == nil {
		// systemd-resolved.service(8) has these.
		target = path.Join("/", path.Join("/etc", target))
		if strings.HasSuffix(target, "/run/systemd/resolve/stub-resolv.conf") ||
			strings.HasSuffix(target, "/run/systemd/resolve/resolv.conf") || strings.HasSuffix(target, "/usr/lib/systemd/resolv.conf") {
			return Resolved, nil
		}
	}
	if !h.Units().Enabled("NetworkManager.service") {
		return Nobody, nil
	}
	main, err := networkManagersMain(h)
	if err != nil {
		return Nobody, err
	}
	// Its main section may say that the file is not its own.
	if main["dns"] == "none" || main["rc-manager"] == "unmanaged" {
		return Nobody, nil
	}
	return NetworkManager, nil
}

// networkManagersMain is the section main of NetworkManager.conf(5), in all of its files.
func networkManagersMain(h *host.Host) (map[string]string, error) {
	const mainFile = "/etc/NetworkManager/NetworkManager.conf"
	var files []string
	add := func(dir string) error {
		found, err := h.Glob(dir + "/*.conf")
		for _, file := range found {
			// The same name in a later directory replaces it.
			files = slices.DeleteFunc(files, func(f string) bool { return f != mainFile && path.Base(f) == path.Base(file) })
			files = append(files, file)
		}
		return err
	}
	err := errors.Join(add("/usr/lib/NetworkManager/conf.d"), add("/run/NetworkManager/conf.d"))
	files = append(files, mainFile)
	if err = errors.Join(err, add("/etc/NetworkManager/conf.d")); err != nil {
		return nil, err
	}
	main := map[string]string{}
	for _, file := range files {
		content, err := h.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		section := ""
		for line := range strings.Lines(string(content)) {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "[") {
				section = line
			}
			if key, value, ok := strings.Cut(line, "="); ok && section == "[main]" {
				main[strings.TrimSpace(key)] = strings.TrimSpace(value)
			}
		}
	}
	return main, nil
}

// Apply gives a configuration to an owner; content is what /etc/resolv.conf is to hold where it is
// nobody's. A running owner takes it at once. What it has no words for is returned.
func Apply(ctx context.Context, h *host.Host, owner Owner, c Config, content string) (lost []string, err error) {
	switch owner {
	case NetworkManager:
		return applyNetworkManager(ctx, h, c)
	case Resolved:
		return applyResolved(ctx, h, c)
	}
	_, err = h.WriteFile(Path, []byte(content), host.File{})
	return nil, err
}

// applyNetworkManager writes its global DNS configuration, which replaces that of connections.
// Without servers for the default domain NetworkManager ignores all of it.
func applyNetworkManager(ctx context.Context, h *host.Host, c Config) (lost []string, err error) {
	if len(c.Sortlist) > 0 {
		lost = append(lost, "sortlist")
	}
	if len(c.Servers) == 0 {
		return append(lost, "search domains and options without name servers"), nil
	}
	content := "# Written by cloud-init: resolv_conf of the instance's configuration.\n[global-dns]\n"
	if names := c.names(); len(names) > 0 {
		content += "searches=" + strings.Join(names, ",") + "\n"
	}
	if len(c.Options) > 0 {
		content += "options=" + strings.Join(c.Options, ",") + "\n"
	}
	content += "\n[global-dns-domain-*]\nservers=" + strings.Join(c.Servers, ",") + "\n"
	changed, err := h.WriteFile(networkManagerFile, []byte(content), host.File{})
	if err != nil || !changed {
		return lost, err
	}
	states, err := h.Units().States(ctx, "NetworkManager.service")
	if errors.Is(err, host.ErrNotBooted) || err == nil && states[0].Active != "active" {
		return lost, nil // it reads the file when it starts
	}
	if err == nil {
		_, err = h.Run(ctx, host.Command{Argv: []string{"systemctl", "try-reload-or-restart", "NetworkManager.service"}})
	}
	if err != nil {
		err = fmt.Errorf("cannot have NetworkManager read %s: %w", networkManagerFile, err)
	}
	return lost, err
}

func applyResolved(ctx context.Context, h *host.Host, c Config) (lost []string, err error) {
	if len(c.Sortlist) > 0 {
		lost = append(lost, "sortlist")
	}
	if len(c.Options) > 0 {
		lost = append(lost, "options")
	}
	content := "# Written by cloud-init: resolv_conf of the instance's configuration.\n[Resolve]\n"
	if len(c.Servers) > 0 {
		content += "DNS=" + strings.Join(c.Servers, " ") + "\n"
	}
	if names := c.names(); len(names) > 0 {
		content += "Domains=" + strings.Join(names, " ") + "\n"
	}
	changed, err := h.WriteFile(resolvedFile, []byte(content), host.File{})
	if err != nil || !changed {
		return lost, err
	}
	return lost, h.Units().Restart(ctx, "systemd-resolved.service")
}
