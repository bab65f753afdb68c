package networkmanager

import (
	"fmt"
	"slices"
	"strconv"

	"cloudseed/network"
)

func (r *renderer) bridge(own *section, d *network.Device) {
	if d.Bridge.STP != nil {
		own.set("stp", fmt.Sprint(*d.Bridge.STP))
	}
	if d.Bridge.Priority != "" {
		own.set("priority", d.Bridge.Priority)
	}
	forwardDelay := d.Bridge.ForwardDelay
	if forwardDelay == "0" && d.Bridge.STP != nil && !*d.Bridge.STP {
		own.set("forward-delay", "0") // without STP only
		forwardDelay = ""
	}
	// Difference from cloud-init: it drops these. NetworkManager refuses the whole
	// connection for a number that is out of its bounds (nm-settings, bridge).
	for _, setting := range []struct {
		key, value  string
		least, most int
	}{
		{"ageing-time", d.Bridge.Ageing, 0, 1000000},
		{"forward-delay", forwardDelay, 2, 30},
		{"hello-time", d.Bridge.HelloTime, 1, 10},
		{"max-age", d.Bridge.MaxAge, 6, 40},
	} {
		if setting.value == "" {
			continue
		}
		n, err := strconv.Atoi(setting.value)
		if err != nil || n > setting.most || n < setting.least {
			d.At(&r.found).Warnf("NetworkManager takes a %s of %d to %d, not %s; it was ignored", setting.key, setting.least, setting.most, setting.value)
			continue
		}
		own.set(setting.key, setting.value)
	}
}

func (r *renderer) portNumbers(d *network.Device, key string, numbers []network.PortNumber, least, most int) {
	for _, n := range numbers {
		port := r.connections[n.Port]
		switch {
		case port == nil: // reported with the ports
		case n.Number < least || n.Number > most:
			d.At(&r.found).Warnf("NetworkManager takes a port's %s of %d to %d, not %d; it was ignored", key, least, most, n.Number)
		default:
			port.section("bridge-port").set(key, fmt.Sprint(n.Number))
		}
	}
}

// ports tells those of a bridge whose they are. As in cloud-init, that comes after what
// they are themselves.
func (r *renderer) ports(d *network.Device) {
	if d.VRF != nil {
		r.enslaved(d)
	}
	if d.Bridge == nil {
		return
	}
	for _, name := range d.Bridge.Ports {
		port := r.connections[name]
		if port == nil {
			// Difference from cloud-init: it fails altogether.
			d.At(&r.found).Warnf("the port %s is not configured; it was skipped of the bridge", name)
			continue
		}
		port.section("connection").setDefault("slave-type", "bridge")
		port.section("connection").setDefault("master", uuid(d.Name))
	}
	// Difference from cloud-init: it drops these too.
	r.portNumbers(d, "path-cost", d.Bridge.PathCost, 1, 65535)
	r.portNumbers(d, "priority", d.Bridge.PortPriority, 0, 63)
}

// portAddresses tells what NetworkManager does not: that the addresses of what belongs
// to another device are not used.
func (r *renderer) portAddresses(d *network.Device) {
	given := func(s network.Subnet) bool { return s.Method != network.None && s.Method != network.Manual }
	connection := r.connections[d.Name].section("connection")
	if connection.has("master") && connection.values["slave-type"] != "vrf" && slices.ContainsFunc(d.Subnets, given) {
		d.At(&r.found).Warnf("it belongs to another device; NetworkManager gives it no addresses")
	}
}

// enslaved tells the interfaces of a VRF whose they are.
func (r *renderer) enslaved(d *network.Device) {
	for _, name := range d.VRF.Members {
		member := r.connections[name]
		if member == nil {
			d.At(&r.found).Warnf("the interface %s is not configured; it was skipped of the VRF", name)
			continue
		}
		member.section("connection").setDefault("slave-type", "vrf")
		member.section("connection").setDefault("master", uuid(d.Name))
	}
}
