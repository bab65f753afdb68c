package network

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"

	"cloudseed/config"
)

// version2 reads version 2, netplan's form: devices by kinds, in maps.
//
// Difference from cloud-init: a kind that it does not know, like tunnels, fails the
// whole configuration there.
func (r *reader) version2(v *config.Value, at string) {
	for _, kind := range v.Keys() {
		section, key := v.Get(kind), at+kind
		switch kind {
		case "version", "renderer":
			continue
		case "ethernets", "bonds", "bridges", "vlans":
		default:
			r.warn(section, key, "%s are not supported; they were left out", kind)
			continue
		}
		if !absent(section) && section.Kind() != config.Map {
			r.error(section, key, "expected keys with values; it was left out")
			continue
		}
		for _, name := range section.Keys() {
			device := section.Get(name)
			if device.Kind() != config.Map && !absent(device) {
				r.error(device, key+"."+name, "expected keys with values; the device was left out")
				continue
			}
			r.device2(kind, name, device, section.KeyPos(name), key+"."+name)
		}
	}
}

func (r *reader) device2(kind, name string, v *config.Value, pos config.Pos, key string) {
	r.described = true
	d := &Device{Key: name, Name: name, Pos: pos}
	d.MTU = r.mtu(v.Get("mtu"), key+".mtu")
	d.AcceptRA = r.boolean(v.Get("accept-ra"), key+".accept-ra")
	d.WakeOnLAN = r.isTrue(v.Get("wakeonlan"), key+".wakeonlan")
	d.Optional = r.isTrue(v.Get("optional"), key+".optional")
	d.MAC = r.mac(v.Get("macaddress"), key+".macaddress")
	members := func() []string { return r.names(v.Get("interfaces"), key+".interfaces") }
	own, more := []string{"macaddress"}, []string(nil)
	switch kind {
	case "ethernets":
		own = []string{"match", "set-name", "wakeonlan"}
		more = r.ethernet(d, v, key)
	case "bonds":
		own = append(own, "interfaces", "parameters")
		d.Type = BondType
		d.Bond = &Bond{Members: members(), Options: r.bondOptions2(v.Get("parameters"), key+".parameters")}
	case "bridges":
		own = append(own, "interfaces", "parameters")
		d.Type, d.Bridge = BridgeType, &Bridge{Ports: members()}
		r.bridgeOptions(d.Bridge, v.Get("parameters"), key+".parameters", map[string]string{"stp": "stp", "priority": "priority", "ageing-time": "ageing"})
	case "vlans":
		own = append(own, "id", "link")
		d.Type = VLANType
		if d.VLAN = r.vlan(v, key, "id", "link"); d.VLAN == nil {
			return
		}
	}
	r.unknownKeys(v, key, own)
	wanted := r.subnets2(d, v, key)
	if !r.usable(d, wanted, key) || !r.device(d, key) {
		return
	}
	for _, name := range more {
		other := *d
		other.Key, other.Name = d.Key+"-"+name, name
		r.device(&other, key)
	}
}

// keys2 are the keys of all kinds of devices. Those of the last line are netplan's,
// and mean nothing here that would have to be said.
var keys2 = []string{
	"addresses", "dhcp4", "dhcp6", "dhcp4-overrides", "dhcp6-overrides", "gateway4", "gateway6", "nameservers", "routes", "mtu", "accept-ra",
	"optional", "renderer", "critical", "dhcp-identifier", "optional-addresses", "ignore-carrier", "link-local",
}

func (r *reader) unknownKeys(v *config.Value, key string, own []string) {
	for _, name := range v.Keys() {
		if !slices.Contains(keys2, name) && !slices.Contains(own, name) {
			r.add(config.Warning, v.KeyPos(name), key+"."+name, "this key is not used")
		}
	}
}

// ethernet finds the interface: by its MAC address, else by name and driver, else the
// key is its name. It gives the names of further interfaces that match.
func (r *reader) ethernet(d *Device, v *config.Value, key string) (more []string) {
	match := v.Get("match")
	d.Type = Physical
	d.MAC = r.mac(match.Get("macaddress"), key+".match.macaddress")
	setName := r.text(v.Get("set-name"), key+".set-name")
	drivers := r.names(match.Get("driver"), key+".match.driver")
	if len(drivers) == 1 {
		d.Driver = drivers[0]
	}
	switch {
	case d.MAC != "":
		if nic, ok := byMAC(r.nics, d.MAC); ok {
			d.Name = nic.Name
		}
	case !match.IsNull():
		more = r.matchName(d, match, drivers, key+".match")
	}
	if setName == "" {
		return more
	}
	d.Name = setName
	d.Rename = d.MAC != ""
	if len(more) > 0 {
		r.warn(match, key+".match", "several interfaces match, and only one can have the name %s", setName)
	}
	return nil
}

// matchName finds interfaces by a pattern of their names and their driver. As with
// netplan, what is said is said of all of them.
//
// Difference from cloud-init: it takes the key for the name, which no interface has.
func (r *reader) matchName(d *Device, match *config.Value, drivers []string, key string) (more []string) {
	pattern := r.text(match.Get("name"), key+".name")
	if pattern == "" && len(drivers) == 0 {
		return nil
	}
	var found []string
	for _, nic := range r.nics {
		if nic.Virtual || pattern != "" && !globs(pattern, nic.Name) {
			continue
		}
		if len(drivers) == 0 || slices.ContainsFunc(drivers, func(driver string) bool { return globs(driver, nic.Driver) }) {
			found = append(found, nic.Name)
		}
	}
	switch {
	case len(found) > 0:
		d.Name = found[0]
		return found[1:]
	case pattern != "" && !strings.ContainsAny(pattern, "*?["):
		d.Name = pattern // it may come later
	default:
		r.warn(match, key, "no interface matches; %s is taken for the interface's name", d.Key)
	}
	return nil
}

func globs(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// subnets2 reads all that gives a device addresses, and tells how many there were to be.
func (r *reader) subnets2(d *Device, v *config.Value, key string) (wanted int) {
	for _, dhcp := range []struct {
		key    string
		family Family
	}{{"dhcp4", IPv4}, {"dhcp6", IPv6}} {
		if r.isTrue(v.Get(dhcp.key), key+"."+dhcp.key) {
			overrides, at := v.Get(dhcp.key+"-overrides"), key+"."+dhcp.key+"-overrides"
			metric := r.metric(overrides.Get("route-metric"), at+".route-metric")
			d.Subnets = append(d.Subnets, Subnet{Family: dhcp.family, Method: Dynamic, Metric: metric})
			wanted++
			for _, name := range overrides.Keys() {
				if name != "route-metric" {
					r.warn(overrides.Get(name), at+"."+name, "this key is not used")
				}
			}
		}
	}
	addresses := r.list(v.Get("addresses"), key+".addresses")
	for i, item := range addresses {
		at := fmt.Sprintf("%s.addresses.%d", key, i)
		text := item.Text()
		if item.Kind() == config.Map && len(item.Keys()) == 1 {
			text = item.Keys()[0] // netplan's form with a label or a lifetime
		}
		prefix, err := parsePrefix(text, "")
		if err != nil {
			r.error(item, at, "%v; it was left out", err)
			continue
		}
		d.Subnets = append(d.Subnets, Subnet{Family: familyOf(prefix.Addr()), Method: Static, Address: prefix})
	}
	r.gateway2(d, v, key, "gateway4", IPv4)
	r.gateway2(d, v, key, "gateway6", IPv6)
	r.nameservers2(d, v.Get("nameservers"), key+".nameservers")
	r.routes2(d, v, key+".routes")
	return wanted + len(addresses)
}

// nameservers2 reads name servers and domains. Like routes they go with a subnet, the
// first one with an address, as in cloud-init; the device has them when there is none.
func (r *reader) nameservers2(d *Device, v *config.Value, key string) {
	into := &d.DNS
	if i := slices.IndexFunc(d.Subnets, func(s Subnet) bool { return s.Method == Static }); i >= 0 {
		into = &d.Subnets[i].DNS
	}
	r.dns(into, v.Get("addresses"), nil, key+".addresses")
	r.dns(into, nil, v.Get("search"), key+".search")
}

// gateway2 gives a gateway to the first address of its family.
func (r *reader) gateway2(d *Device, v *config.Value, key, name string, family Family) {
	gateway := v.Get(name)
	if absent(gateway) {
		return
	}
	r.add(config.Deprecated, v.KeyPos(name), key+"."+name, "deprecated since cloud-init 22.4: use a route to default")
	addr := r.address(gateway, key+"."+name)
	if !addr.IsValid() {
		return
	}
	if familyOf(addr) != family {
		r.error(gateway, key+"."+name, "expected an address of %s, got %s; it was left out", family, addr)
		return
	}
	for i := range d.Subnets {
		if s := &d.Subnets[i]; s.Family == family && s.Method == Static {
			s.Gateway = addr
			return
		}
	}
	r.warn(gateway, key+"."+name, "the device has no address of %s; the gateway was left out", family)
}

// routes2 reads routes, which go with the first subnet, as in cloud-init.
func (r *reader) routes2(d *Device, v *config.Value, key string) {
	items, keys := r.maps(v.Get("routes"), key)
	if len(items) > 0 && len(d.Subnets) == 0 {
		r.warn(v.Get("routes"), key, "the device has no addresses; its routes were left out")
		return
	}
	for i, item := range items {
		at := keys[i]
		via := r.address(item.Get("via"), at+".via")
		if !via.IsValid() && !absent(item.Get("via")) {
			continue
		}
		to := r.text(item.Get("to"), at+".to")
		prefix, err := parseDestination(to, hostLength(to), via)
		if err != nil {
			r.error(item, at+".to", "%v; the route was left out", err)
			continue
		}
		for _, name := range item.Keys() {
			if !slices.Contains([]string{"to", "via", "metric", "mtu", "table", "on-link"}, name) {
				r.warn(item.Get(name), at+"."+name, "this key is not used")
			}
		}
		table, _ := r.integer(item.Get("table"), at+".table", 1, 1<<32-1)
		d.Subnets[0].Routes = append(d.Subnets[0].Routes, Route{
			To: prefix, Gateway: via,
			Metric: r.metric(item.Get("metric"), at+".metric"), MTU: r.mtu(item.Get("mtu"), at+".mtu"),
			Table: table, OnLink: r.isTrue(item.Get("on-link"), at+".on-link"),
		})
	}
}

// hostLength makes a route to a lone address one to that address.
//
// Difference from cloud-init: it takes 10.1.2.3 for 10.1.2.3/24; netplan does not.
func hostLength(to string) string {
	if addr, err := netip.ParseAddr(to); err == nil {
		return fmt.Sprint(addr.BitLen())
	}
	return ""
}

// bondNames2 are version 2's words for the kernel's options of bonds.
var bondNames2 = map[string]string{
	"mode":                    "mode",
	"mii-monitor-interval":    "miimon",
	"min-links":               "min_links",
	"transmit-hash-policy":    "xmit_hash_policy",
	"ad-select":               "ad_select",
	"all-slaves-active":       "all_slaves_active",
	"all-members-active":      "all_slaves_active",
	"arp-interval":            "arp_interval",
	"arp-ip-target":           "arp_ip_target",
	"arp-ip-targets":          "arp_ip_target", // Difference from cloud-init: netplan's own spelling fails there
	"arp-validate":            "arp_validate",
	"arp-all-targets":         "arp_all_targets",
	"up-delay":                "updelay",
	"down-delay":              "downdelay",
	"fail-over-mac-policy":    "fail_over_mac",
	"gratuitous-arp":          "num_grat_arp",
	"gratuitious-arp":         "num_grat_arp", // so misspelt by netplan once
	"packets-per-slave":       "packets_per_slave",
	"packets-per-member":      "packets_per_slave",
	"primary":                 "primary",
	"primary-reselect-policy": "primary_reselect",
	"learn-packet-interval":   "lp_interval",
	"resend-igmp":             "resend_igmp",
	"lacp-rate":               "lacp_rate",
}

func (r *reader) bondOptions2(v *config.Value, key string) []Option {
	var options []Option
	for _, name := range v.Keys() {
		kernel := bondNames2[name]
		if kernel == "" {
			r.warn(v.Get(name), key+"."+name, "this is no option of bonds; it was ignored")
			continue
		}
		options = append(options, r.option(v.Get(name), kernel, key+"."+name)...)
	}
	return options
}
