package sysconfig

import (
	"fmt"
	"strings"

	"cloudseed/network"
)

// bridge writes the settings of a bridge.
//
// Difference from cloud-init: it drops the times, and says the priority by a word, PRIO,
// that NetworkManager's reader does not have; BRIDGING_OPTS has it too. It would take an
// ageing time there in seconds, but the kernel's own file of that name is in hundredths
// (USER_HZ), and who hands it on as it stands would let addresses age in no time: that
// stays cloud-init's word alone. A hello time or greatest age that small the kernel
// refuses, and keeps its own.
func (r *renderer) bridge(f ifcfg, d *network.Device) {
	b := d.Bridge
	if b.STP != nil {
		f.set("STP", yesNo(*b.STP))
	}
	var options []string
	for _, number := range []struct{ key, option, value string }{
		{"PRIO", "priority", b.Priority},
		{"AGEING", "", b.Ageing},
		{"DELAY", "", b.ForwardDelay},
		{"", "hello_time", b.HelloTime},
		{"", "max_age", b.MaxAge},
	} {
		if number.value == "" {
			continue
		}
		if number.key != "" {
			f.set(number.key, number.value)
		}
		if number.option != "" {
			options = append(options, number.option+"="+number.value)
		}
	}
	if b.Ageing != "" {
		d.At(&r.found).Warnf("the ageing time of a bridge is written as AGEING, which NetworkManager does not read")
	}
	if len(options) > 0 {
		f.set("BRIDGING_OPTS", joined(options))
	}
}

// ports tells those of a bridge whose they are, and what they cost.
func (r *renderer) ports(d *network.Device) {
	for _, name := range d.Bridge.Ports {
		port := r.ifcfgs[name]
		if port == nil {
			// Difference from cloud-init: it fails altogether.
			d.At(&r.found).Warnf("the port %s is not configured; it was skipped of the bridge", name)
			continue
		}
		port.set("BRIDGE", d.Name)
	}
	// Difference from cloud-init: it drops these.
	r.portNumbers(d, "path_cost", d.Bridge.PathCost)
	r.portNumbers(d, "priority", d.Bridge.PortPriority)
}

// portNumbers writes a setting of ports. A file that is a bridge's itself has no room for
// that of a port.
func (r *renderer) portNumbers(d *network.Device, option string, numbers []network.PortNumber) {
	ports := map[string]bool{}
	for _, name := range d.Bridge.Ports {
		ports[name] = true
	}
	for _, n := range numbers {
		port := r.ifcfgs[n.Port]
		switch {
		case port == nil || !ports[n.Port]:
			d.At(&r.found).Warnf("the %s of %s, which is none of its ports, was ignored", option, n.Port)
		case port["TYPE"] == "Bridge":
			d.At(&r.found).Warnf("the %s of %s, which is a bridge itself, was ignored", option, n.Port)
		default:
			port.set("BRIDGING_OPTS", strings.TrimLeft(fmt.Sprintf("%s %s=%d", port["BRIDGING_OPTS"], option, n.Number), " "))
		}
	}
}
