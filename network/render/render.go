// Package render chooses who is told how the network is to be: NetworkManager by its
// keyfiles, whoever reads ifcfg files, or systemd-networkd.
//
// In come the order of preference and questions to the machine, out come a choice with
// its reason, and files. It never knows where a configuration came from, and writes
// nothing itself.
package render

import (
	"fmt"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/render/networkd"
	"cloudseed/network/render/networkmanager"
	"cloudseed/network/render/sysconfig"
)

// The renderers, by cloud-init's names.
const (
	NetworkManager = "network-manager"
	Sysconfig      = "sysconfig"
	Networkd       = "networkd"
)

// Machine answers what is there.
type Machine struct {
	Exists  func(pattern string) bool // some file whose path fits the pattern
	Command func(name string) bool    // a command in PATH
	Enabled func(unit string) bool    // a unit that systemd starts at boot
}

// defaultOrder returns that of cloud-init for the RHEL family, less what it has for others.
func defaultOrder() []string { return []string{NetworkManager, Sysconfig, Networkd} }

// Choice is a renderer and why it is that one.
type Choice struct {
	Name   string
	Reason string
	Order  []string // those that were asked, until one could be used
}

// Choose returns the first renderer of the order (system_info.network.renderers) that
// the machine can use. Without an order it is that of the RHEL family. The error says
// of each renderer what it lacks.
func Choose(order []string, m Machine) (Choice, error) {
	if len(order) == 0 {
		order = defaultOrder()
	}
	var passed []string
	for _, name := range order {
		usable, reason := available(name, m)
		if usable {
			return Choice{name, strings.Join(append([]string{reason}, passed...), "; "), order}, nil
		}
		passed = append(passed, name+" was skipped: "+reason)
	}
	return Choice{}, fmt.Errorf("cannot choose a network renderer: %s", strings.Join(passed, "; "))
}

// available reports whether a renderer's files would be read, by cloud-init's signs.
func available(name string, m Machine) (bool, string) {
	switch name {
	case NetworkManager:
		switch {
		case !m.Command("nmcli"):
			return false, "there is no nmcli"
		case !m.Enabled("NetworkManager.service"):
			return false, "NetworkManager.service is not enabled"
		}
		return true, "nmcli is there and NetworkManager.service is enabled"
	case Sysconfig:
		switch {
		case scripts(m):
			return true, "ifup, ifdown and their functions are there"
		case m.Exists("/usr/lib*/NetworkManager/*/libnm-settings-plugin-ifcfg-rh.so"):
			return true, "NetworkManager has its plugin for ifcfg files"
		}
		return false, "there are neither ifup and ifdown nor NetworkManager's plugin for ifcfg files"
	case Networkd:
		for _, name := range []string{"ip", "systemctl"} {
			if !m.Command(name) {
				return false, "there is no " + name
			}
		}
		if !m.Enabled("systemd-networkd.service") {
			return false, "systemd-networkd.service is not enabled"
		}
		return true, "systemd-networkd.service is enabled"
	case "eni", "netplan", "freebsd", "netbsd", "openbsd":
		return false, "its files are not written by this agent"
	}
	return false, "there is no renderer of that name"
}

func scripts(m Machine) bool {
	for _, name := range []string{"ifup", "ifdown"} {
		if !m.Exists("/sbin/"+name) && !m.Exists("/usr/sbin/"+name) {
			return false
		}
	}
	return slices.ContainsFunc([]string{"/etc/sysconfig/network-scripts/network-functions", "/etc/sysconfig/config"}, m.Exists)
}

// Render returns the files of a chosen renderer. existing gives what is in a file now, nil
// when there is none.
func (c Choice) Render(n *network.Config, existing func(path string) []byte) ([]network.File, []config.Problem) {
	switch c.Name {
	case Sysconfig:
		return sysconfig.Render(n, existing)
	case Networkd:
		return networkd.Render(n)
	default:
		return networkmanager.Render(n)
	}
}
