package seal

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"cloudseed/host"
	"cloudseed/state"
)

// trace is one kind of what identifies a machine.
type trace struct {
	kind     string
	patterns []string                                       // of paths, as host.Glob takes them
	counts   func(h *host.Host, path string) (bool, error)  // nil: all that matches
	list     func(h *host.Host) (paths []string, err error) // in place of patterns
	before   func(ctx context.Context, h *host.Host) error  // what would write it again is stopped; nil: nothing would
	remove   func(h *host.Host, path string) error          // of one path; nil: with all below it
}

// find returns the paths of a machine that are traces of this kind.
func (t trace) find(h *host.Host) ([]string, error) {
	if t.list != nil {
		return t.list(h)
	}
	var found []string
	for _, pattern := range t.patterns {
		paths, err := h.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, p := range paths {
			counts := true
			if t.counts != nil {
				if counts, err = t.counts(h, p); err != nil {
					return nil, err
				}
			}
			if counts {
				found = append(found, p)
			}
		}
	}
	return found, nil
}

const machineID = "/etc/machine-id"

// traces are all kinds; systemd's "Building Images Safely" and virt-sysprep(1) name most. The instance is the first to go, since a boot that goes on must
// keep nothing of it any more, and the logs are the last, since what is done here is logged.
func traces() []trace {
	return []trace{
		{kind: "instance", patterns: []string{state.CloudDir}, counts: isNotEmpty, remove: forgetInstance},
		{kind: "network configuration of the instance", counts: isGenerated, patterns: []string{
			"/etc/NetworkManager/system-connections/cloud-init-*.nmconnection",
			"/etc/NetworkManager/conf.d/30-cloud-init-ip6-addr-gen-mode.conf",
			"/etc/NetworkManager/conf.d/99-cloud-init.conf",
			"/etc/systemd/network/10-cloud-init-*",
			"/etc/netplan/50-cloud-init.yaml",
			"/etc/network/interfaces.d/50-cloud-init.cfg",
			"/etc/sysconfig/network-scripts/ifcfg-*",
			"/etc/sysconfig/network-scripts/route*-*",
		}},
		{kind: "names of network interfaces and drives", patterns: []string{
			"/etc/udev/rules.d/70-persistent-net.rules",
			"/etc/udev/rules.d/75-persistent-net-generator.rules",
			"/etc/udev/rules.d/70-persistent-cd.rules",
		}},
		{kind: "NetworkManager's leases and secret key", patterns: []string{
			"/var/lib/NetworkManager/*.lease", "/var/lib/NetworkManager/secret_key",
			"/var/lib/NetworkManager/seen-bssids", "/var/lib/NetworkManager/timestamps",
		}},
		{kind: "DHCP state", patterns: []string{
			"/var/lib/dhclient/*", "/var/lib/dhcp/*.lease*", "/var/lib/dhcpcd/*",
		}},
		{kind: "host keys", patterns: []string{
			"/etc/ssh/ssh_host_*_key", "/etc/ssh/ssh_host_*_key.pub", "/etc/ssh/ssh_host_*_key-cert.pub",
		}},
		{kind: "machine id", patterns: []string{machineID, "/var/lib/dbus/machine-id"}, counts: isMachineID, remove: forgetMachineID},
		{kind: "random seed", before: keepNoRandomSeed, patterns: []string{
			"/var/lib/systemd/random-seed", "/var/lib/systemd/credential.secret", "/var/lib/urandom/random-seed",
			"/boot/loader/random-seed", "/boot/efi/loader/random-seed", "/efi/loader/random-seed",
		}},
		// Without it LVM uses all devices that it finds (lvmdevices(8)).
		{kind: "LVM's list of devices", patterns: []string{
			"/etc/lvm/devices/system.devices", "/etc/lvm/devices/backup/*",
		}},
		{kind: "Red Hat's subscription and Insights", patterns: []string{
			"/etc/pki/consumer/*.pem", "/etc/pki/entitlement/*.pem", "/var/lib/rhsm/facts/*", "/etc/sysconfig/rhn/systemid",
			"/etc/insights-client/machine-id", "/etc/insights-client/.registered",
		}},
		{kind: "names of the machine for storage", patterns: []string{
			"/etc/iscsi/initiatorname.iscsi", "/etc/nvme/hostid", "/etc/nvme/hostnqn",
		}},
		{kind: "histories", patterns: inHomes(
			".bash_history", ".zsh_history", ".history", ".python_history", ".lesshst", ".viminfo", ".psql_history", ".mysql_history",
		)},
		// They hold the passwords that were given to the installer.
		{kind: "the installer's answers", patterns: []string{
			"/root/anaconda-ks.cfg", "/root/original-ks.cfg", "/root/initial-setup-ks.cfg", "/root/install.log*",
		}},
		{kind: "temporary files", patterns: []string{"/tmp/*", "/var/tmp/*"}, counts: isLeftOver},
		{kind: "logs", list: logs, remove: forgetLog},
	}
}

// inHomes returns patterns of files in all home directories.
func inHomes(names ...string) []string {
	var patterns []string
	for _, name := range names {
		patterns = append(patterns, "/root/"+name, "/home/*/"+name)
	}
	return patterns
}

// isNotEmpty reports whether a directory holds anything.
func isNotEmpty(h *host.Host, dir string) (bool, error) {
	entries, err := h.ReadDir(dir)
	return len(entries) > 0, err
}

// forgetInstance removes the state the way a boot that is going on hears of it.
func forgetInstance(h *host.Host, _ string) error { return state.New(h).Clean(true) }

// isGenerated reports whether a file of the network was written by this program or by
// cloud-init. Names say so, but for ifcfg files, which an administrator names just the same.
func isGenerated(h *host.Host, file string) (bool, error) {
	if path.Dir(file) != "/etc/sysconfig/network-scripts" {
		return true, nil
	}
	content, err := h.ReadFile(file)
	return bytes.HasPrefix(content, []byte("# Created by cloud-init")), err
}

// isMachineID reports whether a file holds an id: no link to the one file that does, and
// neither empty nor systemd's word for a machine that has none (machine-id(5)).
func isMachineID(h *host.Host, file string) (bool, error) {
	info, err := h.Lstat(file)
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	content, err := h.ReadFile(file)
	id := strings.TrimSpace(string(content))
	return id != "" && id != "uninitialized", err
}

// forgetMachineID empties the file, so that systemd makes a new id at the next boot. With no
// file, or "uninitialized" in it, that boot would also enable all units by their presets, those
// that the administrator disabled among them (machine-id(5), "First Boot Semantics").
func forgetMachineID(h *host.Host, file string) error {
	if file != machineID {
		return h.Remove(file)
	}
	_, err := h.WriteFile(machineID, nil, host.File{Mode: 0o444})
	return err
}

// keepNoRandomSeed stops the service that would write a seed when the machine goes down.
func keepNoRandomSeed(ctx context.Context, h *host.Host) error {
	if !h.Runs() || !h.Exists("/run/systemd/system") {
		return nil
	}
	_, err := h.Run(ctx, host.Command{Argv: []string{"systemctl", "stop", "systemd-random-seed.service"}})
	return err
}

// isLeftOver reports whether an entry of a directory for temporary files is nobody's any
// more: not the private directories of services that run, nor the directories of sockets.
func isLeftOver(_ *host.Host, file string) (bool, error) {
	name := path.Base(file)
	return !strings.HasPrefix(name, "systemd-private-") && !(strings.HasPrefix(name, ".") && strings.HasSuffix(name, "-unix")), nil
}

const logDir = "/var/log"

// logs returns the logs that hold something, and the directories of journals.
func logs(h *host.Host) ([]string, error) {
	var found []string
	err := fs.WalkDir(h.FS(logDir), ".", func(name string, d fs.DirEntry, err error) error {
		file := path.Join(logDir, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir() && path.Dir(name) == "journal":
			found = append(found, file)
			return fs.SkipDir
		case d.Type().IsRegular():
			info, err := d.Info()
			if err == nil && info.Size() > 0 {
				found = append(found, file)
			}
			return err
		}
		return nil
	})
	return found, err
}

// forgetLog empties a log that a program expects to find, with its owner, mode and label;
// journals and what was rotated go.
func forgetLog(h *host.Host, file string) error {
	if path.Dir(file) == logDir+"/journal" || isRotated(path.Base(file)) {
		return h.RemoveAll(file)
	}
	_, err := h.WriteFile(file, nil, host.File{KeepMeta: true})
	return err
}

// isRotated reports whether logrotate gave a file its name: NAME.1, NAME-20260101 or either
// of them compressed.
func isRotated(name string) bool {
	if ext := path.Ext(name); slices.Contains([]string{".gz", ".xz", ".bz2", ".zst", ".old"}, ext) {
		return true
	}
	at := strings.LastIndexAny(name, ".-")
	return at >= 0 && at+1 < len(name) && strings.Trim(name[at+1:], "0123456789") == ""
}
