package netconf

import (
	"fmt"
	"strings"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/datasource"
	"cloudseed/network"
	"cloudseed/network/read"
	"cloudseed/network/read/initramfs"
	"cloudseed/network/render/netplan"
	"cloudseed/state"
)

// source is where a description of the network may come from.
type source struct {
	name string
	read func(*Network, []network.NIC, *config.Findings) described
}

// described is what a source says of the network.
type described struct {
	config *network.Config // nil: it says nothing
	at     string          // the place in the source, if it has several
	why    string          // why it says nothing, if there is something to tell, or why it counts
	stored any             // in cloud-init's form
}

// fallbackSource is what counts when nobody says anything.
const fallbackSource = "fallback"

// sources are the sources in their order, which is cloud-init's: the first that
// says anything counts.
var sources = []source{
	{"data/upgraded-network", (*Network).adminsNetwork},
	{"kernel command line", (*Network).commandLineNetwork},
	{"initramfs", (*Network).initramfsNetwork},
	{"system configuration", (*Network).systemNetwork},
	{"seed", (*Network).seedNetwork},
	{"kernel command line", (*Network).dracutGuess},
	{fallbackSource, (*Network).fallbackNetwork},
}

// source asks the sources in their order. The plan has no Config when the network
// is to be left alone.
func (n *Network) source(nics []network.NIC) (p Plan) {
	var found config.Findings
	defer func() { p.Problems = found.List() }()
	p.Source = fallbackSource
	var passed []string
	for _, source := range sources {
		d := source.read(n, nics, &found)
		if d.config == nil {
			passed = append(passed, d.why)
			continue
		}
		p.Source, p.Config, p.stored = source.name, d.config, d.stored
		if d.at != "" {
			p.Source += ": " + d.at
		}
		p.Why = joinReasons(append([]string{d.why}, passed...)...)
		if d.config.Disabled {
			p.Config, p.stored = nil, nil
			p.Why = joinReasons("it says that networking is disabled", p.Why)
		}
		return p
	}
	p.Why = joinReasons(append([]string{"there is no network device to configure"}, passed...)...)
	return p
}

// guessed tells that nobody said anything of the network.
func (p Plan) guessed() bool { return p.Source == fallbackSource }

// nothing tells that there was nothing to configure.
func (p Plan) nothing() bool { return p.guessed() && p.Config == nil }

// joinReasons leaves out those that are empty.
func joinReasons(reasons ...string) string {
	var all []string
	for _, r := range reasons {
		if r != "" {
			all = append(all, r)
		}
	}
	return strings.Join(all, "; ")
}

// parsed is a description in version 1 or 2. empty is why one that says nothing was
// skipped.
func parsed(v *config.Value, nics []network.NIC, found *config.Findings, empty string) described {
	c, problems := read.YAML(v, nics)
	found.Add(problems...)
	d := described{config: c}
	if c == nil {
		d.why = empty
		if len(problems) > 0 {
			d.why = "what it says cannot be understood"
		}
		return d
	}
	if inner := v.Get("network"); inner != nil {
		v = inner
	}
	d.stored = v.Any()
	return d
}

// adminsNetwork is a marker that administrators and packages put there: the network is
// never to be touched.
func (n *Network) adminsNetwork([]network.NIC, *config.Findings) described {
	if !n.host.Exists(state.CloudDir + "/data/upgraded-network") {
		return described{}
	}
	return described{config: &network.Config{Disabled: true}}
}

// ownCmdline is the kernel's command line, if it is the machine's: an image is made on a
// machine that has its own.
func (n *Network) ownCmdline() string {
	if n.devices.Fixed {
		return ""
	}
	return n.cmdline
}

// commandLineNetwork is network-config= on the kernel's command line.
func (n *Network) commandLineNetwork(nics []network.NIC, found *config.Findings) described {
	const name = "network-config="
	text, given, err := initramfs.CommandLineConfig(n.ownCmdline())
	if !given {
		return described{}
	}
	var value *config.Value
	var problems []config.Problem
	if err == nil {
		value, problems, err = yaml.Parse("kernel command line network-config", text)
	}
	if err != nil {
		found.At(config.Pos{File: "kernel command line"}, name).Errorf("%v; it was skipped", err)
		return described{why: "network-config= on the kernel's command line cannot be understood"}
	}
	found.Add(problems...)
	d := parsed(value, nics, found, "network-config= on the kernel's command line is empty")
	d.at = name
	return d
}

// initramfsNetwork is the network that the initramfs made: klibc's, which leaves files
// about it, or dracut's, when the root file system is on the network.
//
// Difference from cloud-init: it does not know dracut.
func (n *Network) initramfsNetwork(nics []network.NIC, found *config.Findings) described {
	files, err := n.klibcFiles()
	if err != nil {
		found.At(config.Pos{File: "/run"}, "").Warnf("%v", err)
	}
	if len(files) > 0 {
		tree, problems := initramfs.Klibc(files, nics)
		found.Add(problems...)
		d := parsed(config.FromAny("initramfs", tree), nics, found, "")
		d.at = "klibc"
		return d
	}
	why := initramfs.RootOnNetwork(n.ownCmdline())
	if why == "" {
		return described{}
	}
	d := n.dracutNetwork(nics, found)
	if d.config != nil {
		d.at, d.why = "dracut's ip=", "the root file system needs it: "+why
	}
	return d
}

// dracutGuess is what the kernel's command line says to dracut, where the root file
// system does not need it and nobody else says anything: it is a better guess than
// DHCP on the first device.
func (n *Network) dracutGuess(nics []network.NIC, found *config.Findings) described {
	d := n.dracutNetwork(nics, found)
	if d.config != nil {
		d.at, d.why = "ip=", "no other source says anything of the network"
	}
	return d
}

func (n *Network) dracutNetwork(nics []network.NIC, found *config.Findings) described {
	tree, problems := initramfs.Dracut(n.ownCmdline(), nics)
	found.Add(problems...)
	if tree == nil {
		return described{}
	}
	return parsed(config.FromAny("kernel command line", tree), nics, found, "")
}

// klibcFiles are the files that klibc's ipconfig leaves in /run, by their paths. They
// count if the command line asked for a network, or the firmware did so by iSCSI.
func (n *Network) klibcFiles() ([]initramfs.KlibcFile, error) {
	if !initramfs.AsksForIP(n.ownCmdline()) && !n.host.Exists("/run/initramfs/open-iscsi.interface") {
		return nil, nil
	}
	var files []initramfs.KlibcFile
	for _, pattern := range []string{"/run/net-*.conf", "/run/net6-*.conf"} {
		found, err := n.host.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, file := range found {
			data, err := n.host.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("cannot read what the initramfs left: %w", err)
			}
			files = append(files, initramfs.KlibcFile{Path: file, Text: string(data)})
		}
	}
	return files, nil
}

// systemNetwork is the key `network` of the system's own configuration, which cc: on the
// kernel's command line is part of.
func (n *Network) systemNetwork(nics []network.NIC, found *config.Findings) described {
	c := n.in.System
	value := c.Get("network")
	if value == nil {
		return described{}
	}
	where := c.Where("network")
	d := parsed(value, nics, found, "network in "+where+" is empty and was skipped")
	d.at = where
	return d
}

// seedNetwork is the seed's description of the network, in its language.
func (n *Network) seedNetwork(nics []network.NIC, found *config.Findings) described {
	if n.in.Seed == nil || n.in.Seed.Network == nil {
		return described{}
	}
	given := n.in.Seed.Network
	if given.Format == datasource.FormatENI {
		c, problems := read.ENI(given.Name, string(given.Data), n.host)
		found.Add(problems...)
		found.Add(network.AdoptByOrder(c, nics)...)
		return described{config: c, at: given.Name, stored: tree(c)}
	}
	value, problems, err := given.Parse()
	found.Add(problems...)
	if err != nil {
		found.At(config.Pos{}, "").Errorf("%v; the network is not configured from it", err)
		return described{why: "the seed's " + given.Name + " cannot be understood"}
	}
	d := described{why: "the seed's " + given.Name + " says nothing"}
	if given.Format == datasource.FormatOpenStack {
		d.config, problems = read.OpenStack(value, nics)
		found.Add(problems...)
		d.stored = tree(d.config)
	} else {
		d = parsed(value, nics, found, d.why)
	}
	if d.config != nil {
		d.why = ""
	}
	d.at = given.Name
	return d
}

// tree is a configuration as version 2, for what was written in no version. cloud-init
// has version 1 there.
func tree(c *network.Config) any {
	value, _, err := yaml.Parse("", netplan.Reveal(c))
	if c == nil || err != nil {
		return nil
	}
	if inner := value.Get("network"); inner != nil {
		value = inner
	}
	return value.Any()
}

// fallbackNetwork is DHCP on the first device.
func (n *Network) fallbackNetwork(nics []network.NIC, _ *config.Findings) described {
	c := network.Fallback(nics)
	if c == nil {
		return described{}
	}
	d := c.Devices[0]
	return described{config: c, why: "DHCP on " + d.Name + ", since no source says anything of the network", stored: map[string]any{
		"version": 2, "ethernets": map[string]any{d.Key: map[string]any{
			"dhcp4": true, "dhcp6": true, "set-name": d.Name, "match": map[string]any{"macaddress": d.MAC},
		}},
	}}
}
