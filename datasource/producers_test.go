package datasource_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/datasource/configdrive"
	"cloudseed/datasource/media/image"
	"cloudseed/datasource/media/mediatest"
	"cloudseed/datasource/nocloud"
	"cloudseed/host/hosttest"
)

// files are a medium's files, by their paths.
type files map[string]string

func (f files) bytes() map[string][]byte {
	b := map[string][]byte{}
	for name, text := range f {
		b[name] = []byte(text)
	}
	return b
}

func (f files) with(more files) files {
	all := maps.Clone(f)
	maps.Copy(all, more)
	return all
}

// understood is what a seed comes to.
type understood struct {
	Datasource, InstanceID, Hostname string
	UserData                         string
	Vendor                           int // pieces of vendor data
	Network                          datasource.Format
	Keys                             int // public keys
	Injected                         []string
	Problems                         string // of errors and warnings
}

// maker makes the image of a tree as a producer does.
type maker func(t testing.TB, f files) string

func tool(argv ...string) maker {
	return func(t testing.TB, f files) string { return mediatest.ISO(t, f.bytes(), argv...) }
}

func vfat(size int64, argv ...string) maker {
	return func(t testing.TB, f files) string { return mediatest.FAT(t, size, f.bytes(), argv...) }
}

// own is the writer of seed build, and of producers that use the same library.
func own(label string) maker {
	return func(t testing.TB, f files) string {
		tree := fstest.MapFS{}
		for name, content := range f.bytes() {
			tree[name] = &fstest.MapFile{Data: content, Mode: 0o644}
		}
		path := filepath.Join(t.TempDir(), "seed.iso")
		if err := image.WriteISO(path, label, tree); err != nil {
			t.Fatal(err)
		}
		return path
	}
}

const (
	cloudConfig = "#cloud-config\nhostname: web\n"
	macKey      = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBm8yUqx4hYpKcZ3mGhXw1vQd2r5tJ9sLkPzNfRbEuAo ann@example"
	dhcp2       = "version: 2\nethernets:\n  eth0: {dhcp4: true}\n"
)

// drive is nova's layout with some dated directories.
func drive(meta string, more files) files {
	all := files{}
	for _, version := range []string{"2012-08-10", "2015-10-15", "2018-08-27", "2025-04-04", "latest"} {
		all["openstack/"+version+"/meta_data.json"] = meta
		all["openstack/"+version+"/user_data"] = cloudConfig
		for name, text := range more {
			all["openstack/"+version+"/"+name] = text
		}
	}
	return all
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	fmt.Fprint(w, text)
	w.Close() //nolint:errcheck // into memory
	return b.String()
}

// producer is a kind of seed as somebody attaches it.
type producer struct {
	make  maker
	files files
	want  understood
}

func producers() map[string]producer {
	nova := []string{"genisoimage", "-ldots", "-allow-lowercase", "-allow-multidot", "-l", "-publisher", "x", "-J", "-r", "-V", "config-2"}
	proxmox := []string{"genisoimage", "-iso-level", "3", "-J", "-R"}
	ovirt := files{
		"openstack/latest/user_data": cloudConfig,
		"openstack/latest/meta_data.json": `{
  "launch_index" : "0",
  "availability_zone" : "nova",
  "uuid" : "u-ovirt",
  "hostname" : "vm1.example",
  "meta" : { "role" : "server", "dsmode" : "local", "essential" : "false" },
  "public_keys" : [ "` + macKey + `" ]
}`,
	}
	oldOVirt := files{
		"openstack/latest/user_data": "user: root\nhostname: web\n",
		"openstack/latest/meta_data.json": `{ "uuid" : "u-old", "hostname" : "vm0", "password" : "pw",
  "network_config" : { "path" : "/etc/network/interfaces", "content_path" : "/content/0000" },
  "files" : [ { "path" : "/root/a", "content_path" : "/content/0001" } ] }`,
		"openstack/content/0000": "dns-nameservers 10.0.0.1\niface eth0 inet dhcp\n  address null\n  netmask null\nauto eth0\n",
		"openstack/content/0001": "attached\n",
	}
	nocloud := files{"meta-data": "instance-id: i-1\nlocal-hostname: vm1\n", "user-data": cloudConfig}
	return map[string]producer{
		"oVirt 4.4 with network_data.json": {
			tool("genisoimage", "-R", "-J", "-V", "config-2"),
			ovirt.with(files{"openstack/latest/network_data.json": `{ "links" : [ { "id" : "eth0", "name" : "eth0", "type" : "vif" } ],
  "networks" : [ { "id" : "eth0", "link" : "eth0", "type" : "ipv4_dhcp" } ] }`}),
			understood{"ConfigDrive", "u-ovirt", "vm1.example", cloudConfig, 0, "openstack", 1, nil, ""},
		},
		"oVirt 3.3, which names files in content and gives user data no header": {
			tool("genisoimage", "-R", "-V", "config-2"), oldOVirt,
			understood{"ConfigDrive", "u-old", "vm0", "user: root\nhostname: web\n", 0, "eni", 0, []string{"/root/a"}, ""},
		},
		"oVirt's payload on a floppy": {
			vfat(1440<<10, "-n", "cidata"), nocloud,
			understood{"NoCloud", "i-1", "vm1", cloudConfig, 0, "", 0, nil, ""},
		},
		"nova's ISO": {
			tool(nova...), drive(`{"uuid": "u-nova", "hostname": "web.novalocal", "launch_index": 0, "public_keys": {"k": "`+macKey+`"}, "random_seed": "AAAA",
 "files": [{"path": "/etc/x", "content_path": "/content/0000"}]}`, files{
				"vendor_data.json": `{"cloud-init": ["#cloud-config\n{}\n", "#!/bin/sh\n"]}`, "vendor_data2.json": `{"static": {}}`,
				"network_data.json": `{"links": [{"id": "t", "type": "ovs", "ethernet_mac_address": "fa:16:3e:00:00:01", "mtu": null}],
 "networks": [{"id": "n", "link": "t", "type": "ipv4_dhcp"}], "services": []}`,
			}).with(files{"openstack/content/0000": "x", "ec2/latest/meta-data.json": "{}", "ec2/latest/user-data": cloudConfig}),
			understood{"ConfigDrive", "u-nova", "web.novalocal", cloudConfig, 2, "openstack", 1, []string{"/etc/x"}, ""},
		},
		"nova's FAT": {
			vfat(64<<20, "-n", "config-2"), drive(`{"uuid": "u-vfat", "hostname": "h"}`, files{"vendor_data.json": "{}", "network_data.json": "{}"}),
			understood{"ConfigDrive", "u-vfat", "h", cloudConfig, 0, "", 0, nil, ""},
		},
		"nova with compressed user data": {
			tool(nova...), drive(`{"uuid": "u-gz", "hostname": "h"}`, files{"user_data": zipped(cloudConfig)}),
			understood{"ConfigDrive", "u-gz", "h", zipped(cloudConfig), 0, "", 0, nil, ""},
		},
		"Ironic, whose user data is JSON": {
			tool(nova...),
			files{
				"openstack/latest/meta_data.json": `{"uuid": "u-iron", "hostname": "node", "availability_zone": "", "public_keys": {"0": "` + macKey + `"}}`,
				"openstack/latest/user_data":      "#cloud-config\n{\"hostname\": \"web\"}",
			},
			understood{"ConfigDrive", "u-iron", "node", "#cloud-config\n{\"hostname\": \"web\"}", 0, "", 1, nil, ""},
		},
		"Ironic's FAT with an upper-case label": {
			vfat(64<<20, "-F", "16", "-n", "CONFIG-2"),
			files{"openstack/latest/meta_data.json": `{"uuid": "u-4k"}`},
			understood{"ConfigDrive", "u-4k", "", "", 0, "", 0, nil, ""},
		},
		"KubeVirt's NoCloud, with a network and no user data": {
			tool("xorrisofs", "-joliet", "-rock", "-partition_cyl_align", "on", "-volid", "cidata"),
			files{"meta-data": `{"instance-id":"5f","local-hostname":"vmi","public-keys":{"0":"` + macKey + `"}}`, "user-data": "", "network-config": dhcp2},
			understood{"NoCloud", "5f", "vmi", "", 0, "yaml", 1, nil, ""},
		},
		"KubeVirt's ConfigDrive, with version 1 as network_data.json": {
			tool("xorrisofs", "-joliet", "-rock", "-partition_cyl_align", "on", "-volid", "config-2"),
			files{
				"openstack/latest/meta_data.json":    `{"instance_id":"vm.ns","hostname":"vm","uuid":"u-kube"}`,
				"openstack/latest/user_data":         cloudConfig,
				"openstack/latest/network_data.json": "version: 1\nconfig:\n- {type: physical, name: eth0, subnets: [{type: dhcp}]}\n",
			},
			understood{"ConfigDrive", "u-kube", "vm", cloudConfig, 0, "yaml", 0, nil, ""},
		},
		"Proxmox's NoCloud": {
			tool(append(proxmox, "-V", "cidata")...),
			files{"meta-data": "instance-id: f95b\n", "user-data": cloudConfig, "network-config": "version: 1\nconfig:\n  - type: physical\n    name: eth0\n    subnets:\n", "vendor-data": ""},
			understood{"NoCloud", "f95b", "", cloudConfig, 0, "yaml", 0, nil, ""},
		},
		"Proxmox's ConfigDrive, with empty vendor data": {
			tool(append(proxmox, "-V", "config-2")...),
			files{
				"openstack/latest/meta_data.json":   `{"uuid":"91d7","network_config":{"content_path":"/content/0000"}}`,
				"openstack/latest/user_data":        cloudConfig,
				"openstack/latest/vendor_data.json": "",
				"openstack/content/0000":            "auto lo\niface lo inet loopback\n        dns_nameservers 10.0.0.1\nauto eth0\niface eth0 inet dhcp\n",
			},
			understood{"ConfigDrive", "91d7", "", cloudConfig, 0, "eni", 0, nil, ""},
		},
		"virt-install, with empty metadata": {
			tool("xorrisofs", "-J", "-input-charset", "utf8", "-rational-rock", "-V", "cidata"),
			files{"meta-data": "", "user-data": cloudConfig},
			understood{"NoCloud", "nocloud", "", cloudConfig, 0, "", 0, nil, ""},
		},
		"cloud-localds": {
			tool("genisoimage", "-volid", "cidata", "-joliet", "-rock"), nocloud.with(files{"meta-data": "{\n\"instance-id\": \"iid-local01\"\n}\n"}),
			understood{"NoCloud", "iid-local01", "", cloudConfig, 0, "", 0, nil, ""},
		},
		"cloud-localds's FAT of 128 KiB": {
			vfat(128<<10, "-n", "cidata"), nocloud, understood{"NoCloud", "i-1", "vm1", cloudConfig, 0, "", 0, nil, ""},
		},
		"Terraform's libvirt provider, with empty files": {
			tool("genisoimage", "-volid", "cidata", "-joliet", "-rock"),
			files{"meta-data": "", "user-data": cloudConfig, "network-config": ""},
			understood{"NoCloud", "nocloud", "", cloudConfig, 0, "", 0, nil, ""},
		},
		"Terraform's libvirt provider 0.9, with plain names": {
			tool("genisoimage", "-iso-level", "4", "-allow-lowercase", "-V", "cidata"), nocloud.with(files{"meta-data": "\"instance-id\": \"vm-02\"\n\"local-hostname\": \"db\"\n"}),
			understood{"NoCloud", "vm-02", "db", cloudConfig, 0, "", 0, nil, ""},
		},
		"Lima, with more files beside the seed": {
			own("cidata"), nocloud.with(files{"network-config": dhcp2, "boot.sh": "#!/bin/sh\n", "boot.Linux/00-x.sh": "x", "lima.env": "A=1\n"}),
			understood{"NoCloud", "i-1", "vm1", cloudConfig, 0, "yaml", 0, nil, ""},
		},
		"Lima on other hosts: Joliet only": {
			tool("xorrisofs", "--norock", "-J", "-V", "CIDATA"), nocloud, understood{"NoCloud", "i-1", "vm1", cloudConfig, 0, "", 0, nil, ""},
		},
		"Multipass, whose files all begin with #cloud-config": {
			tool("genisoimage", "-J", "-V", "cidata"),
			files{"meta-data": "#cloud-config\ninstance-id: primary\nlocal-hostname: primary\ncloud-name: multipass\n", "user-data": cloudConfig, "vendor-data": "#cloud-config\ngrowpart: {mode: auto}\n", "network-config": "#cloud-config\n" + dhcp2},
			understood{"NoCloud", "primary", "primary", cloudConfig, 1, "yaml", 0, nil, ""},
		},
		"Vagrant: metadata behind ---, MIME without an end": {
			tool("genisoimage", "-J", "-V", "cidata"),
			files{"meta-data": "---\ninstance-id: i-vagrant\n", "user-data": "Content-Type: multipart/mixed; boundary=b\nMIME-Version: 1.0\n\n--b\nContent-Type: text/cloud-config\n\n" + cloudConfig},
			understood{"NoCloud", "i-vagrant", "", "Content-Type: multipart/mixed; boundary=b\nMIME-Version: 1.0\n\n--b\nContent-Type: text/cloud-config\n\n" + cloudConfig, 0, "", 0, nil, ""},
		},
		"Xen Orchestra: both kinds on one FAT": {
			vfat(10<<20, "-F", "16", "-s", "4", "-n", "cidata"),
			nocloud.with(files{"openstack/latest/meta_data.json": `{"uuid": "i-1"}`, "openstack/latest/user_data": cloudConfig}),
			understood{"NoCloud", "i-1", "vm1", cloudConfig, 0, "", 0, nil, ""},
		},
		"Incus, with a key that stands twice": {
			tool("genisoimage", "-joliet", "-rock", "-input-charset", "utf8", "-output-charset", "utf8", "-volid", "cidata"),
			files{"meta-data": "instance-id: c2\nlocal-hostname: c2\nlocal-hostname: other\n", "user-data": cloudConfig, "vendor-data": "#cloud-config\n{}"},
			understood{"NoCloud", "c2", "other", cloudConfig, 1, "", 0, nil, "local-hostname: duplicate key; first defined on line 2; the last one counts"},
		},
		"Cloud Hypervisor": {
			vfat(8<<20, "-n", "CIDATA"), nocloud.with(files{"network-config": dhcp2}), understood{"NoCloud", "i-1", "vm1", cloudConfig, 0, "yaml", 0, nil, ""},
		},
		"CloudStack, whose user data is elsewhere too": {
			tool("genisoimage", "-ldots", "-allow-lowercase", "-allow-multidot", "-cache-inodes", "-l", "-J", "-r", "-V", "config-2"),
			files{
				"openstack/latest/meta_data.json": `{"uuid":"u-cs","hostname":"i-2-15-VM","public_keys":{"key":"` + macKey + `"}}`, "openstack/latest/user_data": cloudConfig,
				"openstack/latest/vendor_data.json": "{}", "openstack/latest/network_data.json": "{}", "cloudstack/userdata/user_data.txt": cloudConfig, "cloudstack/password/vm_password.txt": "pw",
			},
			understood{"ConfigDrive", "u-cs", "i-2-15-VM", cloudConfig, 0, "", 1, nil, ""},
		},
		"Rancher's HFS hybrid, without an instance id": {
			tool("genisoimage", "-J", "-r", "-hfs", "-iso-level", "1", "-V", "cidata"),
			files{"meta-data": "local-hostname: pool1\n", "user-data": cloudConfig},
			understood{"NoCloud", "nocloud", "pool1", cloudConfig, 0, "", 0, nil, ""},
		},
		"Hyper-V's tools: Joliet only, lines that end as on Windows": {
			tool("genisoimage", "-J", "-V", "CIDATA"),
			files{"meta-data": "instance-id: hv\r\nlocal-hostname: hv1\r\n", "user-data": "#cloud-config\r\nhostname: web\r\n"},
			understood{"NoCloud", "hv", "hv1", "#cloud-config\r\nhostname: web\r\n", 0, "", 0, nil, ""},
		},
		"five megabytes of user data": {
			tool("genisoimage", "-J", "-r", "-V", "cidata"), nocloud.with(files{"user-data": "#!/bin/sh\n" + strings.Repeat("# five\n", 5<<20/7)}),
			understood{"NoCloud", "i-1", "vm1", "#!/bin/sh\n" + strings.Repeat("# five\n", 5<<20/7), 0, "", 0, nil, ""},
		},
		"five megabytes of user data on FAT": {
			vfat(64<<20, "-n", "cidata"), nocloud.with(files{"user-data": "#!/bin/sh\n" + strings.Repeat("# five\n", 5<<20/7)}),
			understood{"NoCloud", "i-1", "vm1", "#!/bin/sh\n" + strings.Repeat("# five\n", 5<<20/7), 0, "", 0, nil, ""},
		},
	}
}

// TestEveryProducersSeedIsUnderstood makes the image of each producer as it does, and
// reads it by the confined reader.
func TestEveryProducersSeedIsUnderstood(t *testing.T) {
	t.Parallel()
	for name, p := range producers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := datasource.Inspect(t.Context(), datasource.Search{
				Host: hosttest.New(t).Host, Config: config.FromAny("test", map[string]any{}), Only: p.make(t, p.files), Name: "seed",
				Sources: []datasource.Source{nocloud.Source{}, configdrive.Source{}},
			})
			if i.Seed == nil {
				t.Fatalf("it is no seed: %s", i.Report.Summary())
			}
			if diff := cmp.Diff(p.want, sum(i.Seed)); diff != "" {
				t.Errorf("it is understood otherwise (-want +got):\n%s", diff)
			}
			if len(i.Files) != len(p.files) {
				t.Errorf("it has %d files, not %d: %+v", len(i.Files), len(p.files), i.Files)
			}
		})
	}
}

func sum(s *datasource.Seed) understood {
	u := understood{
		Datasource: s.Datasource, InstanceID: s.InstanceID, Hostname: s.Hostname, UserData: string(s.UserData.Reveal()),
		Vendor: len(s.VendorData) + len(s.VendorData2), Keys: len(s.PublicKeys),
	}
	if s.Network != nil {
		u.Network = s.Network.Format
	}
	for _, f := range s.Files {
		u.Injected = append(u.Injected, f.Path)
	}
	var problems []string
	for _, p := range s.Problems {
		if p.Severity == config.Error || p.Severity == config.Warning {
			problems = append(problems, strings.TrimPrefix(p.Key+": "+p.Message, ": "))
		}
	}
	u.Problems = strings.Join(problems, "\n")
	return u
}
