package networktest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// lines is a text in the making.
type lines struct {
	strings.Builder
	gap string // between words
}

func (l *lines) option(name string, values ...any) { l.put("    ", name, values) }
func (l *lines) head(name string, values ...any)   { l.put("", name, values) }

func (l *lines) put(indent, name string, values []any) {
	l.WriteString(indent + name)
	for _, v := range values {
		l.WriteString(l.gap + fmt.Sprint(v))
	}
	l.WriteString("\n")
}

// ENI makes a text in the form of Debian's interfaces file.
func ENI(r *rand.Rand, o Options) (text string, nics []NIC) {
	g := newGenerator(r, o)
	l := &lines{gap: " "}
	if !o.CloudInit {
		l.gap = one(g, " ", "  ", "\t")
	}
	if g.chance(60) {
		l.head("auto", "lo")
		l.head("iface", "lo", "inet", "loopback")
		if !o.CloudInit && g.chance(30) {
			l.option("dns-nameservers", g.servers(false)...)
		}
	}
	for range 1 + g.IntN(len(g.nics)) {
		taken := g.take(1 + g.IntN(2))
		if len(taken) == 0 {
			break
		}
		g.v4, g.v6 = false, false
		if o.CloudInit || g.chance(60) {
			g.interfaces(l, taken)
			continue
		}
		g.master3(l, taken)
	}
	return l.String(), g.nics
}

// interfaces are plain ones, each perhaps with an alias or a second family.
func (g *generator) interfaces(l *lines, nics []NIC) {
	for _, nic := range nics {
		g.v4, g.v6 = false, false
		if g.chance(80) {
			l.head("auto", nic.Name)
		}
		g.stanza(l, nic.Name, false)
		if g.chance(20) {
			l.option("hwaddress", append(one(g, []any{"ether"}, nil), nic.MAC)...)
		}
		if g.chance(25) {
			alias := nic.Name + ":1"
			l.head("auto", alias)
			g.static3(l, alias, g.network(g.chance(30)))
		}
		if !g.CloudInit && g.chance(30) {
			g.stanza(l, nic.Name, true)
		}
		l.WriteString("\n")
	}
}

// stanza is what one family of an interface has.
func (g *generator) stanza(l *lines, name string, v6 bool) {
	family := "inet"
	if v6 {
		family = "inet6"
	}
	switch g.IntN(4) {
	case 0:
		l.head("iface", name, family, "dhcp")
	case 1:
		method := "manual"
		if v6 {
			method = "auto"
		}
		l.head("iface", name, family, method)
	default:
		g.static3(l, name, g.network(v6))
	}
	if !g.CloudInit && g.chance(20) {
		l.option("mtu", g.mtu())
	}
}

func (g *generator) static3(l *lines, name string, n network) {
	family := "inet"
	if n.v6 {
		family = "inet6"
	}
	l.head("iface", name, family, "static")
	if g.chance(50) {
		l.option("address", n.cidr(2+g.IntN(200)))
	} else {
		l.option("address", n.host(2+g.IntN(200)))
		l.option("netmask", one[any](g, n.netmask, n.bits))
	}
	if g.newDefault(n.v6, 60) {
		l.option("gateway", n.gateway())
	}
	if g.chance(40) {
		l.option("dns-nameservers", g.servers(n.v6)...)
	}
	if g.chance(30) {
		l.option("dns-search", g.domains()...)
	}
	if !g.CloudInit && g.chance(30) {
		to := g.network(n.v6)
		if n.v6 {
			l.option("up", "ip -6 route add", to.cidr(0), "via", n.gateway(), "dev", "$IFACE")
		} else {
			l.option("post-up", one(g,
				fmt.Sprintf("ip route add %s via %s metric 5 || true", to.cidr(0), n.gateway()),
				fmt.Sprintf("route add -net %s netmask %s gw %s", to.host(0), to.netmask, n.gateway())))
		}
	}
}

// master3 is a bond, a bridge or a VLAN with what it is made of.
func (g *generator) master3(l *lines, nics []NIC) {
	kind := one(g, "bond", "br", "vlan")
	name := fmt.Sprintf("%s%d", kind, g.subnets)
	for _, nic := range nics {
		l.head("auto", nic.Name)
		l.head("iface", nic.Name, "inet", "manual")
		if kind == "bond" && g.chance(50) {
			l.option("bond-master", name)
		}
	}
	l.head("auto", name)
	g.stanza(l, name, false)
	switch kind {
	case "bond":
		l.option(one(g, "bond-slaves", "bond_slaves", "slaves"), one(g, names(nics), []any{"none"})...)
		l.option(one(g, "bond-mode", "bond_mode"), one[any](g, 1, "802.3ad"))
		l.option("bond-miimon", 100)
	case "br":
		l.option("bridge_ports", one(g, names(nics), []any{"none"})...)
		l.option("bridge_stp", one(g, "on", "off"))
		l.option("bridge_fd", g.IntN(20))
	case "vlan":
		l.option(one(g, "vlan-raw-device", "vlan_raw_device"), nics[0].Name)
		l.option("vlan-id", 1+g.IntN(4000))
	}
	l.WriteString("\n")
}
