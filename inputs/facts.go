package inputs

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"cloudseed/datasource"
	"cloudseed/host"
	"cloudseed/python"
	"cloudseed/state"
)

// SeedFacts is what a seed says of its instance, and a machine of itself.
func SeedFacts(s *datasource.Seed, h *host.Host) state.Facts {
	return state.Facts{
		InstanceID: s.InstanceID, Hostname: s.Hostname, CloudName: s.CloudName, Platform: s.Platform, Subplatform: s.Subplatform,
		AvailabilityZone: s.AvailabilityZone, Region: s.Region, PublicKeys: s.PublicKeys, Seed: metadataOf(s), System: systemFacts(h),
	}
}

// Facts returns what instance data says.
func (r *Reader) Facts() state.Facts {
	f := SeedFacts(r.seed, r.o.Host)
	f.SystemConfig = r.System().Root().Any()
	return f
}

// metadataOf are the seed's metadata, and of a config drive its network and what it has
// for EC2's tools.
func metadataOf(s *datasource.Seed) map[string]any {
	metadata := maps.Clone(s.Metadata)
	facts := map[string]any{"meta_data": metadata}
	if s.Datasource != "ConfigDrive" {
		return facts
	}
	if s.RandomSeed.Len() > 0 {
		metadata["random_seed"] = s.RandomSeed.Reveal() // the bytes, as cloud-init has them
	}
	facts["ec2_metadata"], facts["network_json"] = nil, nil
	if s.EC2 != nil {
		facts["ec2_metadata"] = s.EC2
	}
	if s.Network != nil && s.Network.Format == datasource.FormatOpenStack {
		facts["network_json"] = networkJSON(s.Network)
	}
	return facts
}

// networkJSON is a description of networks as a value; nil when it is none.
func networkJSON(n *datasource.NetworkConfig) any {
	if value, err := python.ParseJSON(n.Data); err == nil {
		return value
	}
	value, _, err := n.Parse()
	if err != nil {
		return nil // what is wrong with it is told where the network is applied
	}
	return value.Any()
}

// systemFacts are what the machine says of itself, in the words of instance data.
func systemFacts(h *host.Host) state.System {
	kernel, release := h.Kernel(), osRelease(h)
	s := state.System{
		Distribution: release["ID"], Version: release["VERSION_ID"], Codename: codename(release, kernel.Machine),
		Node: kernel.Node, Kernel: kernel.Release, Build: kernel.Build, Machine: kernel.Machine,
	}
	if s.Distribution == "rhel" {
		s.Distribution = "redhat" // cloud-init's name for it, and its variant has the other
	}
	s.Variant = variant(s.Distribution)
	return s
}

// codename is the name of the distribution's version: "Plow".
func codename(release map[string]string, machine string) string {
	id := release["ID"]
	switch {
	case strings.Contains(id, "suse"), strings.Contains(id, "sles"):
		return machine
	case slices.Contains([]string{"alpine", "photon", "virtuozzo"}, id):
		return release["PRETTY_NAME"]
	case release["VERSION_CODENAME"] != "":
		return release["VERSION_CODENAME"]
	}
	if name := regexp.MustCompile(`^[^ ]+ \(([^)]+)\)`).FindStringSubmatch(release["VERSION"]); name != nil {
		return name[1]
	}
	return ""
}

// variant is the family that a distribution belongs to for cloud-init.
func variant(distribution string) string {
	distribution = strings.ToLower(distribution)
	switch distribution {
	case "redhat":
		return "rhel"
	case "linuxmint", "mint":
		return "ubuntu"
	case "opensuse", "opensuse-leap", "opensuse-microos", "opensuse-tumbleweed", "sle_hpc", "sle-micro", "sles":
		return "suse"
	case "almalinux", "alpine", "aosc", "arch", "azurelinux", "centos", "cloudlinux", "debian", "eurolinux", "fedora", "mariner",
		"miraclelinux", "openeuler", "opencloudos", "openmandriva", "photon", "raspberry-pi-os", "rhel", "rocky", "suse", "tencentos",
		"ubuntu", "virtuozzo":
		return distribution
	}
	return "linux"
}

// Distribution returns the ID of /etc/os-release, "" when it has none.
func Distribution(h *host.Host) string { return osRelease(h)["ID"] }

// osRelease is /etc/os-release, by os-release(5); empty when it cannot be read.
func osRelease(h *host.Host) map[string]string {
	fields := map[string]string{}
	data, err := h.ReadFile("/etc/os-release")
	if err != nil {
		return fields
	}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
			fields[key] = strings.Trim(value, `"'`)
		}
	}
	return fields
}
