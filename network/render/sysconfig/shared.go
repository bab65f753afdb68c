package sysconfig

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
)

// shared returns the files that are not of one device.
func (r *renderer) shared(existing func(path string) []byte) []network.File {
	files := []network.File{
		text("/etc/udev/rules.d/70-persistent-net.rules", r.udevRules()),
		shared(networkPath, r.sysconfigNetwork(string(existing(networkPath)))),
	}
	servers, domains := r.allDNS()
	if len(servers)+len(domains) == 0 {
		return files
	}
	files = append(files, shared(resolvPath, r.resolvConf(string(existing(resolvPath)), servers, domains)))
	// NetworkManager would take those that are in no ifcfg file out of resolv.conf.
	return append(files, text("/etc/NetworkManager/conf.d/99-cloud-init.conf", fmt.Sprintf(header, "#")+"[main]\ndns = none\n"))
}

// udevRules give interfaces their names by their MAC addresses. udev's texts know no
// quote within quotes: what has one goes without.
func (r *renderer) udevRules() string {
	var b strings.Builder
	for _, d := range r.config.Devices {
		if d.Type != network.Physical || d.MAC == "" || strings.Contains(d.Name, `"`) {
			continue
		}
		driver := d.Driver
		if driver == "" || strings.ContainsAny(driver, "\"\n") {
			driver = "?*"
		}
		fmt.Fprintf(&b, "SUBSYSTEM==\"net\", ACTION==\"add\", DRIVERS==\"%s\", ATTR{address}==\"%s\", NAME=\"%s\"\n", driver, d.MAC, d.Name)
	}
	return b.String()
}

// sysconfigNetwork keeps the lines of others, after ours.
func (r *renderer) sysconfigNetwork(existing string) string {
	var b strings.Builder
	head := fmt.Sprintf(header, "#")
	b.WriteString(head + "NETWORKING=yes\n")
	if r.usesIPv6() {
		b.WriteString("NETWORKING_IPV6=yes\nIPV6_AUTOCONF=no\n")
	}
	for line := range strings.Lines(existing) {
		line = strings.TrimSuffix(line, "\n") + "\n"
		if strings.Contains(line, "NETWORKING") || strings.Contains(line, "IPV6_AUTOCONF") || strings.Contains(head, line) {
			continue // it is ours
		}
		b.WriteString(line)
	}
	return b.String()
}

// usesIPv6 reports whether some device has an address by hand or by DHCP, as cloud-init
// reckons it.
func (r *renderer) usesIPv6() bool {
	for _, d := range r.config.Devices {
		for _, s := range d.Subnets {
			if s.Family == network.IPv6 && (s.Method == network.Static || s.Method == network.Dynamic) {
				return true
			}
		}
	}
	return false
}

// allDNS collects the name servers and domains of subnets, of devices, and of none.
func (r *renderer) allDNS() (servers []netip.Addr, domains []string) {
	add := func(d network.DNS) {
		servers = append(servers, d.Servers...)
		domains = append(domains, d.Search...)
	}
	for _, d := range r.config.Devices {
		for _, s := range d.Subnets {
			add(s.DNS)
		}
		add(d.DNS)
	}
	add(r.config.DNS)
	return unique(servers), unique(domains)
}

// unique leaves out what was there before.
func unique[T comparable](list []T) []T {
	var once []T
	seen := map[T]bool{}
	for _, item := range list {
		if !seen[item] {
			seen[item] = true
			once = append(once, item)
		}
	}
	return once
}

// The resolver's bounds (resolv.conf(5) before glibc 2.26).
const (
	maxDomains      = 6
	maxDomainsBytes = 256
)

// resolvConf adds name servers and domains to those that are there. They go to the end,
// and everything else stays.
//
// Difference from cloud-init: it fails at a seventh domain, and at a line that it does
// not know.
func (r *renderer) resolvConf(existing string, servers []netip.Addr, domains []string) string {
	var kept, allServers, allDomains []string
	for line := range strings.Lines(existing) {
		line = strings.TrimSuffix(line, "\n")
		fields := strings.Fields(line)
		switch {
		case len(fields) > 1 && fields[0] == "nameserver":
			allServers = append(allServers, fields[1])
		case len(fields) > 1 && fields[0] == "search":
			allDomains = append(allDomains, fields[1:]...)
		default:
			kept = append(kept, line)
		}
	}
	allServers = addServers(allServers, servers)
	allDomains = r.addDomains(allDomains, domains)
	var b strings.Builder
	head := fmt.Sprintf(header, ";")
	for _, line := range kept {
		b.WriteString(line + "\n")
	}
	for _, server := range allServers {
		b.WriteString("nameserver " + server + "\n")
	}
	if len(allDomains) > 0 {
		b.WriteString("search " + joined(allDomains) + "\n")
	}
	if strings.HasPrefix(b.String(), head) {
		return b.String()
	}
	return head + b.String()
}

func addServers(all []string, more []netip.Addr) []string {
	there := map[string]bool{}
	for _, server := range all {
		there[server] = true
	}
	for _, addr := range more { // each is in it once
		if server := addr.String(); !there[server] {
			all = append(all, server)
		}
	}
	return all
}

func (r *renderer) addDomains(all, more []string) []string {
	for _, domain := range more {
		switch {
		case slices.Contains(all, domain):
		case len(all) >= maxDomains:
			r.found.At(config.Pos{}, "").Warnf("the resolver looks in %d domains; %s was skipped", maxDomains, domain)
		case len(joined(append(slices.Clone(all), domain))) > maxDomainsBytes:
			r.found.At(config.Pos{}, "").Warnf("the resolver reads %d bytes of domains; %s was skipped", maxDomainsBytes, domain)
		default:
			all = append(all, domain)
		}
	}
	return all
}

func joined(words []string) string { return strings.Join(words, " ") }
