package vm

import (
	"fmt"
	"slices"
	"strings"
)

// NIC is a network interface of the guest, on a cable whose far end is a router in a
// network namespace of the same guest (test/image/guest: test-peer). So a network needs
// nothing of the machine below.
type NIC struct {
	MAC   string
	Cable int // from 1; those of one number reach one another
}

// peerWanted is what the kernel's command line says to the guest's test-peer.service.
func peerWanted(nics []NIC) string {
	if len(nics) == 0 {
		return ""
	}
	return " test-peer"
}

// networkArguments are QEMU's: the interfaces in their order, which is that of the
// kernel's names for them, then a far end for each cable. Without any it is the oVirt
// seed's network, with QEMU as its gateway.
func networkArguments(nics []NIC) []string {
	if len(nics) == 0 {
		return []string{
			"-netdev", "user,id=net,net=10.50.200.0/24,host=10.50.200.1,dns=10.50.200.3,dhcpstart=10.50.200.15",
			"-device", "virtio-net-pci,netdev=net,mac=52:54:00:12:34:56,romfile=",
		}
	}
	all := slices.Clone(nics)
	var cables []int
	for _, nic := range nics {
		if !slices.Contains(cables, nic.Cable) {
			cables = append(cables, nic.Cable)
			all = append(all, NIC{MAC: fmt.Sprintf("52:54:00:ee:00:%02x", nic.Cable), Cable: nic.Cable})
		}
	}
	var args []string
	for i, nic := range all {
		args = append(args, "-netdev", fmt.Sprintf("hubport,id=net%d,hubid=%d", i, nic.Cable),
			"-device", fmt.Sprintf("virtio-net-pci,netdev=net%d,mac=%s,romfile=", i, nic.MAC))
	}
	return args
}

// PlugNIC plugs an interface into the running machine, on a cable that has a far end.
func (r *Running) PlugNIC(nic NIC) {
	r.t.Helper()
	id := "late" + strings.ReplaceAll(nic.MAC, ":", "")
	r.qmp.execute("netdev_add", map[string]any{"type": "hubport", "id": id, "hubid": nic.Cable})
	r.qmp.execute("device_add", map[string]any{"driver": "virtio-net-pci", "netdev": id, "mac": nic.MAC, "romfile": "", "id": id + "-device"})
}

// ChangeMedium puts another medium in the place of the seed's, on a CD-ROM drive.
func (r *Running) ChangeMedium(image string) {
	r.t.Helper()
	r.qmp.execute("blockdev-change-medium", map[string]any{"device": "seed", "filename": image, "format": "raw", "force": true})
}
