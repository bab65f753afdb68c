package networkmanager

import (
	"fmt"
	"strconv"

	"cloudseed/config"
	"cloudseed/network"
)

// bridgeTimes writes a bridge's times, which are seconds here as there.
//
// Difference from cloud-init: it drops them. What NetworkManager would refuse the whole
// connection for is left out (nm-settings, bridge).
func (r *renderer) bridgeTimes(own *section, d *network.Device) {
	for _, t := range []struct {
		key, value  string
		least, most int
	}{
		{"forward-delay", d.Bridge.ForwardDelay, 2, 30},
		{"hello-time", d.Bridge.HelloTime, 1, 10},
		{"max-age", d.Bridge.MaxAge, 6, 40},
		{"ageing-time", d.Bridge.Ageing, 0, 1000000},
	} {
		if t.value == "" {
			continue
		}
		n, err := strconv.Atoi(t.value)
		unused := n == 0 && d.Bridge.STP != nil && !*d.Bridge.STP
		if err != nil || (n < t.least || n > t.most) && !unused {
			r.problem(config.Warning, d, "NetworkManager takes %d to %d seconds for the %s of bridges, not %s; it was left out", t.least, t.most, t.key, t.value)
			continue
		}
		own.set(t.key, t.value)
	}
}

// bridgePorts writes what a bridge says of its ports into their connections.
//
// Difference from cloud-init: it drops that.
func (r *renderer) bridgePorts(d *network.Device) {
	for _, o := range []struct {
		key   string
		ports []network.PortNumber
		most  int
	}{
		{"path-cost", d.Bridge.PathCost, 65535},
		{"priority", d.Bridge.PortPriority, 63},
	} {
		for _, p := range o.ports {
			port := r.connections[p.Port]
			switch {
			case port == nil:
				r.problem(config.Warning, d, "the port %s is not configured; its %s was left out", p.Port, o.key)
			case p.Number > o.most:
				r.problem(config.Warning, d, "NetworkManager takes at most %d for the %s of a port, not %d for %s; it was left out", o.most, o.key, p.Number, p.Port)
			default:
				port.section("bridge-port").set(o.key, fmt.Sprint(p.Number))
			}
		}
	}
}
