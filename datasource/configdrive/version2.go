package configdrive

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/python"
	"cloudseed/secret"
)

// versions are the dated directories that are understood, newest first. "latest" is
// used when none of them is there: cloud-init's order.
var versions = []string{
	"2018-08-27", "2017-02-22", "2016-10-06", "2016-06-30", "2015-10-15", "2013-10-17", "2013-04-04", "2012-08-10", "latest",
}

// readVersion2 reads openstack/<version>/. why tells of a drive that cannot be used; it
// is "" when this is no such drive at all.
func readVersion2(p place) (d *drive, why string) {
	base, metadata, why := findMetadata(p)
	if base == "" {
		return nil, why
	}
	d = &drive{version: 2, metadata: metadata, mode: metadata.Get("meta").Get("dsmode")}
	seed := &d.seed
	switch {
	case metadata == nil:
		// Difference from cloud-init: it gives up the drive, and then nobody can log in
		// to see why. A fresh machine gets what else is on the drive.
		seed.Partial, d.ruin = true, lastFound(p)
		p.At(base+"/meta_data.json").Warnf("without it the instance is called %s, and gets what else is on the drive", standInID)
	case datasource.ID(metadata, idKeys...) == "" && !p.meant:
		return nil, p.Name(base+"/meta_data.json") + " names no uuid"
	case datasource.ID(metadata, idKeys...) == "":
		// Difference from cloud-init: such a drive counts; it gives it up.
		p.Found.At(metadata.Pos(), "uuid").Warnf("it is missing; the instance is called %s", standInID)
	}
	identify(seed, metadata)
	if data, ok := p.Read(base + "/user_data"); ok {
		seed.UserData = secret.NewBytes(data)
	}
	seed.VendorData = vendorData(p.Tree, base+"/vendor_data.json")
	seed.VendorData2 = vendorData(p.Tree, base+"/vendor_data2.json")
	if seed.EC2, _ = p.Map("ec2/latest/meta-data.json").Any().(map[string]any); seed.EC2 == nil {
		seed.EC2 = map[string]any{}
	}
	seed.RandomSeed = randomSeed(p.Tree, metadata.Get("random_seed"))
	seed.Files = injected(p.Tree, metadata.Get("files"))
	seed.Network = network(p.Tree, base, metadata)
	return d, ""
}

// findMetadata finds the directory of the version to read and its metadata, which is
// nil when the file is broken: then that is the tree's last problem. base is "" when
// there is none, and why tells of a drive that should have one.
//
// Difference from cloud-init: a dated directory without meta_data.json is skipped;
// there the drive is given up for it.
func findMetadata(p place) (base string, metadata *config.Value, why string) {
	for _, version := range versions {
		base = "openstack/" + version
		if !p.Has(base) {
			continue
		}
		file := base + "/meta_data.json"
		if !p.Has(file) {
			why = "there is no " + file
			continue
		}
		before := len(p.Found.List())
		metadata = p.Map(file)
		if metadata == nil && len(p.Found.List()) == before {
			p.At(file).Errorf("it is empty")
		}
		if metadata == nil && !p.meant {
			return "", nil, lastFound(p)
		}
		return base, metadata, ""
	}
	if metadata := cloudStack(p.Tree); why != "" && metadata != nil {
		return "openstack/latest", metadata, ""
	}
	return "", nil, why
}

func lastFound(p place) string {
	list := p.Found.List()
	return list[len(list)-1].Error()
}

// cloudStack is the metadata of a drive that CloudStack made for a network without the
// service for user data: there is no meta_data.json then, and the same facts are in
// files of their own. nil when they are not there.
//
// Difference from cloud-init: it gives up such a drive.
func cloudStack(t *datasource.Tree) *config.Value {
	const dir = "cloudstack/metadata/"
	metadata := map[string]any{}
	for file, key := range map[string]string{
		"instance-id.txt": "uuid", "local-hostname.txt": "hostname", "availability-zone.txt": "availability_zone", "public-keys.txt": "public_keys",
	} {
		if data, ok := t.Read(dir + file); ok {
			metadata[key] = strings.TrimSpace(string(data))
		}
	}
	if text, _ := metadata["uuid"].(string); text == "" {
		return nil
	}
	return config.FromAny(t.Name(strings.TrimSuffix(dir, "/")), metadata)
}

// idKeys are the instance id's names. nova writes uuid; KubeVirt has instance_id too.
var idKeys = []string{"uuid", "instance_id", "instance-id"}

// identify fills in what the metadata says of the instance.
func identify(seed *datasource.Seed, metadata *config.Value) {
	seed.InstanceID = datasource.ID(metadata, idKeys...)
	if seed.InstanceID == "" {
		seed.InstanceID = standInID
	}
	seed.Hostname = datasource.Text(metadata, "hostname", "local-hostname", "local_hostname") // metal3 has the last two
	seed.PublicKeys = datasource.Keys(metadata.Get("public_keys"))
	seed.AvailabilityZone = datasource.Zone(metadata)
	seed.Region = datasource.Text(metadata, "region")
	seed.LaunchIndex = datasource.Text(metadata, "launch-index") // not nova's launch_index: cloud-init goes by this one alone
	seed.Metadata, _ = metadata.Any().(map[string]any)
	if seed.Metadata == nil {
		seed.Metadata = map[string]any{}
	}
	seed.Metadata["instance-id"] = seed.InstanceID
	if id := metadata.Get("uuid"); !id.IsNull() {
		seed.Metadata["instance-id"] = id.Any() // which may be a number
	}
	if seed.Hostname != "" {
		seed.Metadata["local-hostname"] = seed.Hostname
	}
}

func vendorData(t *datasource.Tree, file string) []secret.Bytes {
	return datasource.Blobs(t.YAML(file).At(&t.Found))
}

// randomSeed decodes base64 as Python does.
func randomSeed(t *datasource.Tree, v *config.Value) secret.Bytes {
	text := strings.TrimSpace(v.Text())
	if text == "" {
		return secret.Bytes{}
	}
	data, err := python.Base64([]byte(text))
	if err != nil || len(data) == 0 {
		t.Found.At(v.Pos(), "random_seed").Warnf("it is not base64; it was skipped")
		return secret.Bytes{}
	}
	return secret.NewBytes(data)
}

// injected are the files that the drive asks to be written.
//
// Difference from cloud-init: a file whose content is missing is skipped; there the
// drive is given up for it.
func injected(t *datasource.Tree, list *config.Value) []datasource.File {
	var files []datasource.File
	for _, item := range list.Items() {
		to := item.Get("path").Text()
		if to == "" {
			continue
		}
		content, problem := content(t, item)
		if problem != "" {
			t.Found.At(item.Pos(), "files").Errorf("%s; %s was not written", problem, to)
			continue
		}
		files = append(files, datasource.File{Path: path.Join("/", to), Content: secret.NewBytes(content)})
	}
	return files
}

// content reads what content_path names. problem is "" when that worked.
func content(t *datasource.Tree, item *config.Value) (data []byte, problem string) {
	name := contentName(item)
	if name == "" {
		return nil, "it names no content_path"
	}
	data, err := t.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "there is no file " + name
	case err != nil:
		return nil, name + ": cannot read it: " + err.Error()
	}
	return data, ""
}

// contentName is where a content_path leads. It is relative to openstack/ whether or
// not it begins with a slash, and does not lead out of it.
func contentName(item *config.Value) string {
	name := path.Join("/", item.Get("content_path").Text())
	if name == "/" {
		return ""
	}
	return "openstack" + name
}
