// Package configdrive reads OpenStack's config drive, which oVirt, CloudStack and
// others make too.
//
// In comes a search's devices and directories, out goes a Seed. What is optional on a
// drive and broken is a problem and left out; the drive still counts. It never knows
// what is done with a seed.
package configdrive

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/datasource/media"
)

// Source finds config drives.
type Source struct{}

// Name is the name in datasource_list.
func (Source) Name() string { return "ConfigDrive" }

// labels are those of a config drive: exactly these two, as cloud-init has it.
var labels = []string{"config-2", "CONFIG-2"}

// standInID is the instance id of a drive that names none.
const standInID = "iid-dsconfigdrive"

// Find looks into the seed directories, then at devices with the label, then at whole
// disks without. A drive in ruins is the last resort.
func (Source) Find(ctx context.Context, s *datasource.Search, r *datasource.Report) *datasource.Seed {
	var ruin *datasource.Seed
	for place := range places(ctx, s, r) {
		seed := read(s, place, r)
		if seed != nil && !seed.Partial {
			return seed
		}
		if ruin == nil {
			ruin = seed
		}
	}
	return ruin
}

// place is where a drive may be.
type place struct {
	*datasource.Tree
	meant bool // a person has labelled it or put it there as a config drive
}

// places are all places where a drive may be, in order. Devices are only looked at when
// no directory was it.
func places(ctx context.Context, s *datasource.Search, r *datasource.Report) iter.Seq[place] {
	return func(yield func(place) bool) {
		for _, dir := range directories(s) {
			if !yield(place{s.Dir(dir), true}) {
				return
			}
		}
		devices := s.Volumes(ctx, r)
		for _, d := range candidates(devices, s.Only != "") {
			tree := s.OpenVolume(ctx, d, r)
			if tree != nil && !yield(place{tree, s.Only != "" || isLabelled(d)}) {
				return
			}
		}
	}
}

// directories are the seed directories that are there.
func directories(s *datasource.Search) []string {
	if s.Only != "" {
		if dir := s.OnlyDir(); dir != "" {
			return []string{dir}
		}
		return nil
	}
	var found []string
	for _, dir := range []string{datasource.SeedDir + "/config_drive", "/config-drive"} {
		if info, err := s.Host.Stat(dir); err == nil && info.IsDir() {
			found = append(found, dir)
		}
	}
	return found
}

// candidates are the labelled devices first, then whole disks with a file system that
// a drive may have.
func candidates(devices []media.Device, all bool) []media.Device {
	var labelled, others []media.Device
	for _, d := range devices {
		switch {
		case isLabelled(d):
			labelled = append(labelled, d)
		case all, !d.Partition && d.Filesystem != media.UDF:
			others = append(others, d)
		}
	}
	return append(labelled, others...)
}

func isLabelled(d media.Device) bool {
	return slices.ContainsFunc(d.Labels(), func(l string) bool { return slices.Contains(labels, l) })
}

// read understands a place as a config drive; nil when it is none.
func read(s *datasource.Search, p place, r *datasource.Report) *datasource.Seed {
	d, why := readVersion2(p)
	if d == nil && why == "" {
		d = readVersion1(p.Tree)
	}
	if d == nil {
		refuse(p, why, r)
		return nil
	}
	if d.seed.Partial && d.seed.UserData.Len() == 0 {
		refuse(p, d.ruin, r)
		return nil
	}
	if d.seed.Partial && s.Known() {
		r.Warn(p.Source, "%s; the machine stays the instance that it is", d.ruin)
		return nil
	}
	mode := datasource.Mode(&p.Found, d.mode, s.Setting("ConfigDrive", "dsmode"))
	if mode == datasource.ModeDisabled {
		r.Note(p.Source, "it says dsmode: disabled")
		return nil
	}
	seed := &d.seed
	seed.Datasource, seed.Source, seed.Mode = "ConfigDrive", p.Source, mode
	seed.Description = fmt.Sprintf("DataSourceConfigDrive [%s,ver=%d][source=%s]", mode, d.version, p.Source)
	seed.Platform, seed.CloudName, seed.Subplatform = "configdrive", datasource.CloudName(d.metadata, "configdrive"), datasource.Subplatform(p.Source)
	seed.Problems = p.Found.List()
	return seed
}

// refuse tells why a place is no drive: loudly if somebody meant it to be one.
func refuse(p place, why string, r *datasource.Report) {
	if why == "" {
		why = "it holds no config drive"
		if p.meant {
			why += p.Holds("openstack", "ec2", "content")
		}
	}
	switch {
	case p.meant:
		r.Warn(p.Source, "%s", why)
	default:
		r.Note(p.Source, "%s", why)
	}
}

// drive is what was read of a place.
type drive struct {
	seed     datasource.Seed
	version  int
	metadata *config.Value
	mode     *config.Value // dsmode, as the drive has it
	ruin     string        // why its metadata could not be read; then the seed is partial
}
