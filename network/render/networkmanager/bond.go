package networkmanager

import (
	"strconv"

	"cloudseed/network"
)

// bondsOf tells of each device the bond that it belongs to; of two, the last, as in
// cloud-init.
func bondsOf(c *network.Config) map[string]string {
	bonds := map[string]string{}
	for _, d := range c.Devices {
		if d.Bond != nil {
			for _, member := range d.Bond.Members {
				bonds[member] = d.Name
			}
		}
	}
	return bonds
}

// bondOptions are NetworkManager's options of bonds, in the order in which they are
// written (nm-settings, bond; kernel documentation, bonding).
var bondOptions = []string{
	"mode", "miimon", "xmit_hash_policy", "num_grat_arp", "downdelay", "updelay", "fail_over_mac", "primary_reselect", "primary",
	"active_slave", "ad_actor_sys_prio", "ad_actor_system", "ad_select", "ad_user_port_key", "all_slaves_active", "arp_all_targets",
	"arp_interval", "arp_ip_target", "arp_missed_max", "arp_validate", "lacp_active", "lacp_rate", "lp_interval", "min_links",
	"num_unsol_na", "packets_per_slave", "peer_notif_delay", "resend_igmp", "tlb_dynamic_lb", "use_carrier",
}

func (r *renderer) bond(own *section, d *network.Device) {
	options := r.agreeing(d)
	for _, name := range bondOptions {
		for _, o := range options {
			if o.Name == name {
				own.set(name, o.Value)
			}
		}
	}
	for _, o := range options {
		if !own.has(o.Name) {
			d.At(&r.found).Warnf("NetworkManager knows no option %s of bonds; it was ignored", o.Name)
		}
	}
}

// bondModes are the names of modes by the kernel's numbers for them.
var bondModes = []string{"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"}

// agreeing returns the options of a bond that NetworkManager takes together (nm-settings,
// bond). It refuses the whole connection for one that does not go with the others, and
// the machine would be without its network; the kernel ignores such an option.
//
// Difference from cloud-init: it writes them.
func (r *renderer) agreeing(d *network.Device) []network.Option {
	values := map[string]string{"mode": bondModes[0]}
	for _, o := range d.Bond.Options {
		values[o.Name] = o.Value
	}
	if n, err := strconv.Atoi(values["mode"]); err == nil && n >= 0 && n < len(bondModes) {
		values["mode"] = bondModes[n]
	}
	var options []network.Option
	for _, o := range d.Bond.Options {
		if why := conflict(o, values); why != "" {
			d.At(&r.found).Warnf("the option %s of a bond %s; it was skipped", o.Name, why)
			continue
		}
		options = append(options, o)
	}
	return options
}

// conflict returns why an option does not go with the others, "" when it does.
func conflict(o network.Option, values map[string]string) string {
	mode := values["mode"]
	off := func(name string) bool { return values[name] == "" || values[name] == "0" }
	switch o.Name {
	case "lacp_rate":
		if mode != "802.3ad" && o.Value != "slow" && o.Value != "0" {
			return "is for the mode 802.3ad only"
		}
	case "primary":
		if mode != "active-backup" && mode != "balance-tlb" && mode != "balance-alb" {
			return "is for the modes active-backup, balance-tlb and balance-alb only"
		}
	case "arp_interval":
		switch {
		case o.Value == "0":
		case mode == "balance-tlb" || mode == "balance-alb":
			return "does not go with the mode " + mode
		case off("arp_ip_target"):
			return "needs an arp_ip_target"
		}
	case "arp_ip_target":
		switch {
		case off("arp_interval"):
			return "needs an arp_interval"
		case mode == "balance-tlb" || mode == "balance-alb":
			return "does not go with the mode " + mode
		}
	case "updelay", "downdelay":
		if values["miimon"] == "0" && o.Value != "0" {
			return "needs a miimon"
		}
	case "num_unsol_na":
		if other := values["num_grat_arp"]; other != "" && other != o.Value {
			return "is the same to the kernel as num_grat_arp, which is " + other
		}
	}
	return ""
}
