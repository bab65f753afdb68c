package networkd

import (
	"fmt"
	"strings"

	"cloudseed/network"
)

// netdev returns the .netdev file that makes a device (systemd.netdev(5)), nil when there is
// nothing to make.
func (r *renderer) netdev(d *network.Device) *unit {
	u := newUnit()
	u.add("NetDev", "Name", d.Name)
	if d.MTU > 0 {
		u.add("NetDev", "MTUBytes", fmt.Sprint(d.MTU))
	}
	if d.MAC != "" {
		u.add("NetDev", "MACAddress", d.MAC)
	}
	switch {
	case d.Bond != nil:
		if !hasMember(r.bonds, d, d.Bond.Members) {
			d.At(&r.found).Warnf("a bond without interfaces is not made")
			return nil
		}
		u.add("NetDev", "Kind", "bond")
		r.bond(u, d)
	case d.Bridge != nil:
		if len(d.Bridge.Ports) == 0 {
			d.At(&r.found).Warnf("a bridge without interfaces is not made")
			return nil
		}
		u.add("NetDev", "Kind", "bridge")
		r.bridge(u, d)
	case d.VLAN != nil:
		u.add("NetDev", "Kind", "vlan")
		u.add("VLAN", "Id", fmt.Sprint(d.VLAN.ID))
	case d.VRF != nil:
		u.add("NetDev", "Kind", "vrf")
		u.add("VRF", "Table", fmt.Sprint(d.VRF.Table))
	case d.Tunnel != nil:
		r.tunnel(u, d)
	case d.Type == network.DummyType:
		u.add("NetDev", "Kind", "dummy")
	default:
		return nil
	}
	return u
}

// bondOptions are networkd's words for the kernel's options of bonds (kernel
// documentation, bonding) and for those values that the kernel also has numbers for.
var bondOptions = map[string]struct {
	key    string
	unit   string   // that the number is in
	values []string // by the kernel's numbers
}{
	"mode":              {key: "Mode", values: []string{"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"}},
	"xmit_hash_policy":  {key: "TransmitHashPolicy", values: []string{"layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"}},
	"lacp_rate":         {key: "LACPTransmitRate", values: []string{"slow", "fast"}},
	"ad_select":         {key: "AdSelect", values: []string{"stable", "bandwidth", "count"}},
	"fail_over_mac":     {key: "FailOverMACPolicy", values: []string{"none", "active", "follow"}},
	"arp_validate":      {key: "ARPValidate", values: []string{"none", "active", "backup", "all"}},
	"arp_all_targets":   {key: "ARPAllTargets", values: []string{"any", "all"}},
	"primary_reselect":  {key: "PrimaryReselectPolicy", values: []string{"always", "better", "failure"}},
	"all_slaves_active": {key: "AllSlavesActive", values: []string{"false", "true"}},
	"tlb_dynamic_lb":    {key: "DynamicTransmitLoadBalancing", values: []string{"false", "true"}},
	"miimon":            {key: "MIIMonitorSec", unit: "ms"},
	"updelay":           {key: "UpDelaySec", unit: "ms"},
	"downdelay":         {key: "DownDelaySec", unit: "ms"},
	"arp_interval":      {key: "ARPIntervalSec", unit: "ms"},
	"lp_interval":       {key: "LearnPacketIntervalSec"},
	"min_links":         {key: "MinLinks"},
	"num_grat_arp":      {key: "GratuitousARP"},
	"num_unsol_na":      {key: "GratuitousARP"}, // the same to the kernel
	"packets_per_slave": {key: "PacketsPerSlave"},
	"resend_igmp":       {key: "ResendIGMP"},
	"arp_ip_target":     {key: "ARPIPTargets"},
	"ad_actor_sys_prio": {key: "AdActorSystemPriority"},
	"ad_actor_system":   {key: "AdActorSystem"},
	"ad_user_port_key":  {key: "AdUserPortKey"},
}

// bond writes the options of a bond.
//
// Difference from cloud-init: it drops arp_ip_target and others that it has no word
// for, and writes the kernel's numbers and wrong words, which networkd ignores.
func (r *renderer) bond(u *unit, d *network.Device) {
	for _, o := range d.Bond.Options {
		word, ok := bondOptions[o.Name]
		value := o.Value
		switch {
		case o.Name == "primary" || o.Name == "active_slave":
			if !hasMember(r.bonds, d, []string{value}) {
				d.At(&r.found).Warnf("%s of the bond is to be %s, which is none of its interfaces; it was ignored", o.Name, value)
			}
			continue
		case !ok:
			d.At(&r.found).Warnf("systemd-networkd knows no option %s of bonds; it was ignored", o.Name)
			continue
		case o.Name == "arp_ip_target":
			value = strings.Join(strings.FieldsFunc(value, func(c rune) bool { return c == ',' || c == ' ' }), " ")
		case len(word.values) > 0:
			if value = named(value, word.values); value == "" {
				d.At(&r.found).Warnf("the option %s of bonds is one of %s, not %q; it was ignored", o.Name, strings.Join(word.values, ", "), o.Value)
				continue
			}
		}
		u.add("Bond", word.key, value+word.unit)
	}
}

// named returns the name of a value that may be the kernel's number, "" for neither.
func named(value string, names []string) string {
	for i, name := range names {
		if value == fmt.Sprint(i) || value == name {
			return name
		}
	}
	return ""
}

// bridge writes the settings of a bridge. networkd does not set any of them to nought,
// nor STP to no: they are skipped, as in cloud-init.
func (r *renderer) bridge(u *unit, d *network.Device) {
	b := d.Bridge
	for _, number := range []struct{ key, value string }{
		{"AgeingTimeSec", b.Ageing},
		{"Priority", b.Priority},
		{"ForwardDelaySec", b.ForwardDelay},
		{"HelloTimeSec", b.HelloTime},
		{"MaxAgeSec", b.MaxAge},
	} {
		switch number.value {
		case "":
		case "0":
			d.At(&r.found).Warnf("systemd-networkd cannot set %s of a bridge to 0; the kernel's value stays", number.key)
		default:
			u.add("Bridge", number.key, number.value)
		}
	}
	if b.STP != nil && *b.STP {
		u.add("Bridge", "STP", "yes")
	}
}
