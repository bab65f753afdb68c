package initramfs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/network"
	"cloudseed/network/read/values"
)

// KlibcFile is what klibc's ipconfig left about an interface that it configured:
// /run/net-eth0.conf, assignments in the shell's form (klibc, README.ipconfig).
type KlibcFile struct{ Path, Text string }

// Klibc returns the network that klibc's initramfs made, as a configuration of version 1.
// A file that cannot be understood is skipped.
func Klibc(files []KlibcFile, nics []network.NIC) (map[string]any, []config.Problem) {
	var found config.Findings
	var entries []any
	known := map[string]map[string]any{}
	for _, file := range files {
		said := assignments(file.Text)
		name := said["DEVICE"]
		if name == "" {
			name = said["DEVICE6"]
		}
		subnets, err := klibcSubnets(said)
		if name == "" {
			err = errors.New("it names no DEVICE")
		}
		if err != nil {
			found.At(config.Pos{File: file.Path}, "").Errorf("%v; the file was skipped", err)
			continue
		}
		entry := known[name]
		if entry == nil {
			entry = physical1(name, nics)
			known[name] = entry
			entries = append(entries, entry)
		}
		entry["subnets"] = append(entry["subnets"].([]any), subnets...)
	}
	return version1(entries), found.List()
}

// version1 returns a whole configuration of version 1.
func version1(entries []any) map[string]any {
	return map[string]any{"version": 1, "config": entries}
}

// physical1 returns a device of version 1. One that is there is bound to its hardware.
func physical1(name string, nics []network.NIC) map[string]any {
	entry := map[string]any{"type": "physical", "name": name, "subnets": []any{}}
	i := slices.IndexFunc(nics, func(nic network.NIC) bool { return nic.Name == name })
	if i >= 0 && nics[i].MAC != "" {
		entry["mac_address"] = nics[i].MAC
	}
	return entry
}

// assignments reads NAME=value, quoted or not.
func assignments(text string) map[string]string {
	values := map[string]string{}
	for _, word := range words(text) {
		if name, value, ok := strings.Cut(word, "="); ok {
			values[name] = value
		}
	}
	return values
}

// klibcSubnets returns the addresses of one file. Of DHCP's only that it was DHCP is kept: the
// lease is for the network service to renew.
func klibcSubnets(values map[string]string) ([]any, error) {
	protocol := values["PROTO"]
	if protocol == "" {
		protocol = values["IPV6PROTO"]
	}
	switch {
	case protocol == "" && values["filename"] != "":
		protocol = "dhcp" // an ipconfig that does not tell, and a server that did
	case protocol == "" || protocol == "off" || protocol == "none":
		protocol = "static"
	}
	if !slices.Contains([]string{"static", "dhcp", "dhcp6"}, protocol) {
		return nil, fmt.Errorf("there is no PROTO %q: it is off, none, static, dhcp or dhcp6", protocol)
	}
	var subnets []any
	for _, family := range []string{"IPV4", "IPV6"} {
		address := values[family+"ADDR"]
		if address == "" {
			continue
		}
		kind := protocol
		if own := values[family+"PROTO"]; own != "" {
			kind = own
		}
		if kind == "none" || kind == "off" {
			kind = "static"
		}
		subnet := map[string]any{"type": kind, "control": "manual"}
		if kind == "static" {
			subnet["address"] = address
		}
		for key, name := range map[string]string{"netmask": "NETMASK", "broadcast": "BROADCAST", "gateway": "GATEWAY"} {
			if value := values[family+name]; value != "" {
				subnet[key] = value
			}
		}
		klibcDNS(subnet, values, family)
		subnets = append(subnets, subnet)
	}
	return subnets, nil
}

// klibcDNS adds the name servers of a family; 0.0.0.0 is klibc's word for none. Domains
// are of no family.
func klibcDNS(subnet map[string]any, said map[string]string, family string) {
	var servers []any
	for _, name := range []string{"DNS0", "DNS1"} {
		if server := said[family+name]; strings.Trim(server, ":.0") != "" {
			servers = append(servers, server)
		}
	}
	if len(servers) == 0 {
		return
	}
	subnet["dns_nameservers"] = servers
	var domains []any
	for _, domain := range values.SplitList(said["DOMAINSEARCH"]) {
		domains = append(domains, domain)
	}
	if len(domains) > 0 {
		subnet["dns_search"] = domains
	}
}
