package check

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

// Net is how a guest's network is, as the kernel, the resolver and NetworkManager show
// it. Only the order of search domains counts: that of servers between devices is
// NetworkManager's own.
type Net struct {
	Links   []Link  // but for lo
	Routes  []Route // but for those that come with an address and a link
	Servers []string
	Search  []string
	Devices []Device // NetworkManager's, but for lo
}

// Link is an interface.
type Link struct {
	Name      string
	MAC       string // of hardware, the one that it was made with; of software, what is not random
	MTU       int
	Up        bool
	Kind      string // "bond", "bridge", "vlan"; "" of hardware
	Parent    string // of a VLAN
	Master    string
	Addresses []string // but for link-local ones
	VLAN      int
	Bond      Bond
	Bridge    Bridge
}

// Bond is what a bond says of itself.
type Bond struct {
	Mode, Primary, Active string
	MIIMon                int
}

// Bridge is what a bridge says of itself: times are in hundredths of a second.
type Bridge struct {
	STP, Priority, ForwardDelay, HelloTime, MaxAge int
}

// Route is a route; Table is "" for the main one.
type Route struct {
	To, Via, Device string
	Metric          int
	By              string // "static", "dhcp", "ra"
	Table           string
}

// Device is what NetworkManager says of an interface.
type Device struct {
	Name, Connection, State string
	Addresses, DNS, Search  []string // addresses but for link-local ones
}

// networkLimit is how long a network may take to be what it is to be: many times what a
// lease and the detection of duplicate addresses take.
const networkLimit = 60 * time.Second

// Network fails the test unless the guest's network becomes what is wanted. Leases and
// router advertisements may come after the boot's end, so it looks more than once.
func Network(t testing.TB, g Guest, want Net) {
	t.Helper()
	want = sorted(want)
	var diff string
	for end := time.Now().Add(networkLimit); time.Now().Before(end); time.Sleep(time.Second) {
		if diff = gocmp.Diff(want, sorted(network(t, g))); diff == "" {
			return
		}
	}
	t.Errorf("the guest's network (-want +got):\n%s\nwritten was:\n%s", diff, g.Shell("cloud-init status --long; grep -r . /etc/NetworkManager/system-connections; true"))
}

// macPrefix is that of QEMU's interfaces and of the tests' configurations; the kernel
// makes up others.
const macPrefix = "52:54:00:"

// ask has everything at once, so that it is of one moment.
const ask = `jq -n --argjson links "$(ip -j -d address)" \
  --argjson routes "$(ip -j -4 route show table all)" --argjson routes6 "$(ip -j -6 route show table all)" \
  --rawfile resolv /etc/resolv.conf \
  --arg devices "$(nmcli -t -e no -f GENERAL,IP4,IP6 device show)" '$ARGS.named'`

// answer is what the guest's commands print: iproute2's names.
type answer struct {
	Links []struct {
		IfName, Link, Master string
		Address, PermAddr    string
		MTU                  int
		Flags                []string
		LinkInfo             struct {
			InfoKind string `json:"info_kind"`
			InfoData struct {
				ID           int
				Mode         string
				Primary      string
				ActiveSlave  string `json:"active_slave"`
				MIIMon       int
				STPState     int `json:"stp_state"`
				Priority     int
				ForwardDelay int `json:"forward_delay"`
				HelloTime    int `json:"hello_time"`
				MaxAge       int `json:"max_age"`
			} `json:"info_data"`
		}
		AddrInfo []struct {
			Local     string
			PrefixLen json.Number
			Scope     string
			Tentative bool
		} `json:"addr_info"`
	}
	Routes, Routes6 []struct {
		Dst, Gateway, Dev, Protocol, Table string
		Metric                             int
	}
	Resolv, Devices string
}

// network asks the guest.
func network(t testing.TB, g Guest) Net {
	t.Helper()
	var a answer
	text := g.Shell(ask)
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatalf("cannot read what the guest says of its network: %v: %s", err, text)
	}
	n := Net{Devices: devices(a.Devices)}
	for _, l := range a.Links {
		if l.IfName == "lo" {
			continue
		}
		data := l.LinkInfo.InfoData
		link := Link{
			Name: l.IfName, MAC: cmp.Or(l.PermAddr, l.Address), MTU: l.MTU, Up: slices.Contains(l.Flags, "LOWER_UP"),
			Kind: l.LinkInfo.InfoKind, Parent: l.Link, Master: l.Master,
		}
		if !strings.HasPrefix(link.MAC, macPrefix) {
			link.MAC = ""
		}
		switch link.Kind {
		case "vlan":
			link.VLAN = data.ID
		case "bond":
			link.Bond = Bond{data.Mode, data.Primary, data.ActiveSlave, data.MIIMon}
		case "bridge":
			link.Bridge = Bridge{data.STPState, data.Priority, data.ForwardDelay, data.HelloTime, data.MaxAge}
		}
		for _, address := range l.AddrInfo {
			if address.Scope == "global" && !address.Tentative {
				link.Addresses = append(link.Addresses, address.Local+"/"+address.PrefixLen.String())
			}
		}
		n.Links = append(n.Links, link)
	}
	for _, r := range append(a.Routes, a.Routes6...) {
		if r.Protocol != "kernel" {
			n.Routes = append(n.Routes, Route{r.Dst, r.Gateway, r.Dev, r.Metric, r.Protocol, r.Table})
		}
	}
	for line := range strings.Lines(a.Resolv) {
		switch fields := append(strings.Fields(line), ""); fields[0] {
		case "nameserver":
			n.Servers = append(n.Servers, fields[1])
		case "search":
			n.Search = fields[1 : len(fields)-1]
		}
	}
	return n
}

// devices reads nmcli's list of fields, where a device's first is its name.
func devices(text string) []Device {
	var all []Device
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		key, _, _ = strings.Cut(key, "[")
		if key == "GENERAL.DEVICE" {
			all = append(all, Device{Name: value})
			continue
		}
		if len(all) == 0 {
			continue
		}
		d := &all[len(all)-1]
		switch key {
		case "GENERAL.STATE":
			d.State = value
		case "GENERAL.CONNECTION":
			d.Connection = value
		case "IP4.ADDRESS", "IP6.ADDRESS":
			if !strings.HasPrefix(value, "fe80:") {
				d.Addresses = append(d.Addresses, value)
			}
		case "IP4.DNS", "IP6.DNS":
			d.DNS = append(d.DNS, value)
		case "IP4.DOMAIN", "IP6.DOMAIN", "IP4.SEARCHES", "IP6.SEARCHES":
			d.Search = append(d.Search, value)
		}
	}
	return slices.DeleteFunc(all, func(d Device) bool { return d.Name == "lo" })
}

// sorted has everything but search domains in an order of its own.
func sorted(n Net) Net {
	strings := func(list []string) []string {
		list = slices.Sorted(slices.Values(list))
		return slices.Compact(list) // a device's domains are said of both families
	}
	n.Links = slices.SortedFunc(slices.Values(n.Links), func(a, b Link) int { return cmp.Compare(a.Name, b.Name) })
	for i := range n.Links {
		n.Links[i].Addresses = strings(n.Links[i].Addresses)
	}
	n.Routes = slices.SortedFunc(slices.Values(n.Routes), func(a, b Route) int {
		return cmp.Or(cmp.Compare(a.To, b.To), cmp.Compare(a.Metric, b.Metric), cmp.Compare(a.Via, b.Via), cmp.Compare(a.Device, b.Device))
	})
	n.Servers = strings(n.Servers)
	n.Devices = slices.SortedFunc(slices.Values(n.Devices), func(a, b Device) int { return cmp.Compare(a.Name, b.Name) })
	for i := range n.Devices {
		d := &n.Devices[i]
		d.Addresses, d.DNS, d.Search = strings(d.Addresses), strings(d.DNS), strings(d.Search)
	}
	return n
}
