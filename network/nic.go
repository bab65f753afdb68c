package network

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// NIC is a network interface of the machine, as /sys/class/net shows it (kernel
// documentation, ABI/testing/sysfs-class-net).
type NIC struct {
	Name       string
	MAC        string // lower case
	Driver     string // "virtio_net"; "" of what is no device: a bridge, lo
	DeviceID   string // "0x1000"
	Operstate  string // "up", "down", "dormant", "unknown", …
	Up         bool   // administratively
	Carrier    bool
	Dormant    bool
	Virtual    bool // made by software: lo, a bridge, a bond, a vlan, a dummy
	Bridge     bool
	Bond       bool
	VLAN       bool
	Master     string // the bridge or bond that it belongs to
	InfiniBand bool
	Busy       bool // it has addresses that renaming would lose; see MarkBusy
}

// The flag and the type are the kernel's: linux/if.h, linux/if_arp.h.
const (
	flagUp         = 0x1
	typeInfiniband = "32"
)

// Interfaces reads the machine's interfaces from <sysRoot>/class/net, in the order of
// their names where eth2 comes before eth10. An interface that goes away meanwhile is
// left out.
func Interfaces(sysRoot string) ([]NIC, error) {
	dir := filepath.Join(sysRoot, "class/net")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a kernel without networking
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list network interfaces: %w", err)
	}
	var nics []NIC
	for _, e := range entries {
		if nic, ok := readNIC(filepath.Join(dir, e.Name())); ok {
			nics = append(nics, nic)
		}
	}
	slices.SortFunc(nics, func(a, b NIC) int { return naturalCompare(a.Name, b.Name) })
	return nics, nil
}

// readNIC reads one interface. Attributes that cannot be read are as if empty: carrier
// is EINVAL while an interface is down. bonding_masters is a file, not an interface.
func readNIC(dir string) (NIC, bool) {
	attribute := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(data))
	}
	exists := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	linked := func(name string) string {
		target, err := os.Readlink(filepath.Join(dir, name))
		if err != nil {
			return ""
		}
		return filepath.Base(target)
	}
	if !exists("address") {
		return NIC{}, false
	}
	flags, err := strconv.ParseInt(attribute("flags"), 0, 64)
	return NIC{
		Name:       filepath.Base(dir),
		MAC:        strings.ToLower(attribute("address")),
		Driver:     linked("device/driver"),
		DeviceID:   attribute("device/device"),
		Operstate:  attribute("operstate"),
		Up:         err == nil && flags&flagUp != 0,
		Carrier:    attribute("carrier") == "1",
		Dormant:    attribute("dormant") == "1",
		Virtual:    !exists("device"),
		Bridge:     exists("bridge"),
		Bond:       exists("bonding"),
		VLAN:       strings.Contains("\n"+attribute("uevent"), "\nDEVTYPE=vlan"),
		Master:     linked("master"),
		InfiniBand: attribute("type") == typeInfiniband,
	}, true
}

// hasMAC reports whether an interface is the one that a hardware address means.
func (nic NIC) hasMAC(mac string) bool {
	return !nic.Bridge && !nic.Bond && !nic.VLAN && (nic.MAC == mac || nic.InfiniBand && ethernetForm(nic.MAC) == mac)
}

// ethernetForm returns what OpenStack calls an InfiniBand port: bytes 13 to 15 and 18 to 20
// of its address.
func ethernetForm(mac string) string {
	const length = 59 // twenty bytes with their colons
	if len(mac) != length {
		return ""
	}
	return mac[36:45] + mac[51:]
}

// naturalCompare orders names with the numbers in them as numbers.
func naturalCompare(a, b string) int {
	for a != "" && b != "" {
		na, nb := leadingDigits(a), leadingDigits(b)
		if na > 0 && nb > 0 {
			x, y := strings.TrimLeft(a[:na], "0"), strings.TrimLeft(b[:nb], "0")
			if c := cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y)); c != 0 {
				return c
			}
			a, b = a[na:], b[nb:]
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

func leadingDigits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// MarkBusy notes which interfaces of the running machine have addresses already, as that
// of a root file system on iSCSI has: taking it down would take the machine with it.
func MarkBusy(nics []NIC) {
	for i := range nics {
		face, err := net.InterfaceByName(nics[i].Name)
		if err != nil {
			continue // it is gone, and there is nothing to lose
		}
		addresses, err := face.Addrs()
		if err != nil {
			nics[i].Busy = true // not known: better left alone
			continue
		}
		nics[i].Busy = slices.ContainsFunc(addresses, func(a net.Addr) bool {
			prefix, ok := a.(*net.IPNet)
			return ok && prefix.IP.IsGlobalUnicast()
		})
	}
}
