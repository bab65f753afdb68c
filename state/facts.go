package state

import (
	"cmp"
	"encoding/base64"
	"maps"
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// Facts are what instance data says of the instance and the machine.
type Facts struct {
	InstanceID       string
	Hostname         string // as the seed has it, "" when it names none
	CloudName        string
	Platform         string
	Subplatform      string
	AvailabilityZone string
	Region           string
	PublicKeys       []string
	System           System

	Seed         map[string]any // the key ds: meta_data, and what else the seed's source has
	SystemConfig any            // the configuration without the seed's
}

// System is what the machine says of itself.
type System struct {
	Distribution, Version, Codename string // of os-release, with cloud-init's spelling of the first
	Variant                         string // the family of distributions
	Node, Kernel, Build, Machine    string // of uname
}

// The texts that tell people what they are looking at.
const (
	docOfSeed     = "What the seed says, as it was read. Its keys may change with the seed's source."
	docOfMerged   = "Deprecated: the same as merged_system_cfg, which is to be used in its place."
	docOfSystem   = "The system's own configuration: /etc/cloud/cloud.cfg, /etc/cloud/cloud.cfg.d and the kernel's command line."
	docOfCombined = "The configuration that modules get: the system's own, with vendor data and user data over it."
)

// document is all that is known, secrets and all, before anything is marked.
func (f Facts) document() map[string]any {
	seed := map[string]any{"_doc": docOfSeed}
	maps.Copy(seed, f.Seed)
	return map[string]any{
		"ds": Plain(seed), "v1": f.standard(), "sys_info": f.System.info(),
		"merged_cfg": withDoc(f.SystemConfig, docOfMerged), "merged_system_cfg": withDoc(f.SystemConfig, docOfSystem),
	}
}

// All is what templates get, and instance-data-sensitive.json holds.
func (f Facts) All() map[string]any {
	all, _ := f.marked()
	return all
}

// standard are the keys that are the same whatever a seed's source is. Those of two words
// come in both spellings: with a hyphen as metadata has them, with an underscore for
// templates.
func (f Facts) standard() map[string]any {
	keys := make([]any, len(f.PublicKeys))
	for i, key := range f.PublicKeys {
		keys[i] = key
	}
	v1 := map[string]any{
		"_beta_keys": []any{"subplatform"}, "cloud_id": f.cloudID(), "platform": f.Platform, "subplatform": f.Subplatform,
		"public_ssh_keys": keys, "region": orNull(f.Region),
		"distro": f.System.Distribution, "distro_version": f.System.Version, "distro_release": f.System.Codename,
		"kernel_release": f.System.Kernel, "machine": f.System.Machine, "system_platform": f.System.platform(), "variant": f.System.Variant,
		// Difference from cloud-init: no Python runs this.
		"python_version": "",
	}
	for hyphen, value := range map[string]any{
		"availability-zone": orNull(f.AvailabilityZone), "cloud-name": f.CloudName, "instance-id": f.InstanceID, "local-hostname": f.shortName(),
	} {
		v1[hyphen], v1[strings.ReplaceAll(hyphen, "-", "_")] = value, value
	}
	return v1
}

// shortName is the instance's name without its domain. A seed that gives an address as
// the name means one that is made of it; one without a name leaves the machine's.
func (f Facts) shortName() string {
	if address, err := netip.ParseAddr(f.Hostname); err == nil && address.Is4() {
		return "ip-" + strings.ReplaceAll(f.Hostname, ".", "-")
	}
	name := f.Hostname
	if name == "" {
		name = f.System.Node
	}
	name, _, _ = strings.Cut(name, ".")
	if name == "" {
		return "localhost"
	}
	return name
}

func (f Facts) cloudID() string { return CloudID(f.CloudName, f.Region, f.Platform) }

// CloudID is the name that cloud-id prints: the cloud's, or the platform's when the
// cloud is not known. Some clouds are others in some regions.
func CloudID(cloud, region, platform string) string {
	for _, special := range []struct{ cloud, region, id string }{
		{"aws", "cn-", "aws-china"}, {"aws", "us-gov-", "aws-gov"}, {"azure", "china", "azure-china"},
	} {
		if cloud == special.cloud && strings.HasPrefix(region, special.region) {
			return special.id
		}
	}
	if cloud == "" || cloud == unknownCloud {
		return cmp.Or(platform, unknownCloud)
	}
	return cloud
}

const unknownCloud = "unknown"

func (s System) info() map[string]any {
	return map[string]any{
		"dist":     []any{s.Distribution, s.Version, s.Codename},
		"platform": s.platform(), "python": "", "release": s.Kernel, "system": "Linux", "variant": s.Variant,
		// The last is the processor, which RHEL's uname calls by the machine's name.
		"uname": []any{"Linux", s.Node, s.Kernel, s.Build, s.Machine, s.Machine},
	}
}

// platform is the system in one word.
//
// Difference from cloud-init: the C library is not in it, since this program has none.
func (s System) platform() string { return "Linux-" + s.Kernel + "-" + s.Machine }

// withDoc is a configuration with a text for people, and without what is about the
// system itself: that has a key of its own.
func withDoc(configuration any, doc string) map[string]any {
	all := map[string]any{}
	if keys, ok := Plain(configuration).(map[string]any); ok {
		maps.Copy(all, keys)
	}
	delete(all, "system_info")
	all["_doc"] = doc
	return all
}

// binaryMark stands before what is binary, in base64.
const binaryMark = "ci-b64:"

// Binary is what stands for data that is no text.
func Binary(data []byte) string { return binaryMark + base64.StdEncoding.EncodeToString(data) }

// Plain is a value that JSON can hold. Binary data is marked and in base64, as cloud-init
// has it. Numbers that JSON has not, YAML's .inf and .nan, are texts: cloud-init writes
// files there that are no JSON.
func Plain(value any) any {
	switch x := value.(type) {
	case int:
		return int64(x)
	case []byte:
		return Binary(x)
	case float64:
		if math.IsInf(x, 0) || math.IsNaN(x) {
			return strconv.FormatFloat(x, 'g', -1, 64)
		}
	case []any:
		list := make([]any, len(x))
		for i, item := range x {
			list[i] = Plain(item)
		}
		return list
	case map[string]any:
		all := make(map[string]any, len(x))
		for key, item := range x {
			all[key] = Plain(item)
		}
		return all
	}
	return value
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
