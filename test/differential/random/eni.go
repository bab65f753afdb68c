package random

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
)

// ENI makes an interfaces file, as oVirt, Proxmox and nova write it.
func ENI(r *rand.Rand) []byte {
	g := gen{r}
	var b strings.Builder
	if g.one(4) {
		b.WriteString("# made by chance\n\n")
	}
	if g.one(2) {
		b.WriteString("auto lo\niface lo inet loopback\n\n")
	}
	for _, name := range g.shuffled()[:1+g.IntN(3)] {
		g.stanza(&b, name, false)
		if g.one(6) {
			if !g.one(4) {
				fmt.Fprintf(&b, "auto %s:1\n", name)
			}
			g.stanza(&b, name+":1", true)
		}
	}
	return []byte(b.String())
}

// stanza is one interface; an alias has an address by hand.
func (g gen) stanza(b *strings.Builder, name string, alias bool) {
	if !alias && !g.one(6) {
		fmt.Fprintf(b, "%s %s\n", map[bool]string{true: "allow-hotplug", false: "auto"}[g.one(12)], name)
	}
	indent := pick(g, "", "    ", "\t")
	line := func(format string, args ...any) { fmt.Fprintf(b, indent+format+"\n", args...) }
	six := g.one(4)
	family := map[bool]string{false: "inet", true: "inet6"}[six]
	if !alias && g.one(3) {
		fmt.Fprintf(b, "iface %s %s %s\n", name, "inet", pick(g, "dhcp", "dhcp", "manual"))
	} else {
		fmt.Fprintf(b, "iface %s %s static\n", name, family)
		address, length := g.address(six), g.length(six)
		switch {
		case g.one(3):
			line("address %s/%d", address, length)
		case six:
			line("address %s", address)
			line("netmask %d", length)
		default:
			line("address %s", address)
			line("netmask %s", net.IP(net.CIDRMask(length, 32)))
			if g.one(3) {
				line("broadcast %s", g.ipv4())
			}
		}
		if g.one(2) {
			line("gateway %s", g.address(six))
		}
		if g.one(2) {
			line("dns-nameservers %s", strings.Join(distinct(g, 3, func() string { return g.address(g.one(3)) }), " "))
		}
		if g.one(3) {
			line("dns-search %s", strings.Join(distinct(g, 3, g.domain), " "))
		}
	}
	if !alias && g.one(4) {
		line("hwaddress %s%s", pick(g, "", "ether "), g.mac(name))
	}
	if g.one(8) {
		line("post-up echo %s", name)
	}
	b.WriteString("\n")
}
