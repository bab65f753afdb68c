package datasource

import (
	"strings"

	"cloudseed/config"
	"cloudseed/secret"
)

// Text is the first of some keys that says something, without blanks and newlines
// around it: a block scalar ends in one, and an instance id or hostname never does.
func Text(metadata *config.Value, keys ...string) string {
	for _, key := range keys {
		v := metadata.Get(key)
		if v.IsNull() || v.Kind() == config.List || v.Kind() == config.Map {
			continue
		}
		if text := strings.TrimSpace(v.Text()); text != "" {
			return text
		}
	}
	return ""
}

// ID is Text for an instance id, which is what Python's str() makes of the value: the
// id is compared with what cloud-init has left on the disk.
func ID(metadata *config.Value, keys ...string) string {
	for _, key := range keys {
		if v := metadata.Get(key); !v.IsNull() {
			if id := strings.TrimSpace(v.PyStr()); id != "" {
				return id
			}
		}
	}
	return ""
}

// Keys reads public SSH keys in all the shapes that producers write them: a string of
// lines, a list, or a mapping of names to either. EC2's is a mapping of numbers to mappings
// with the key as openssh-key and with other entries, such as its name.
//
// Difference from cloud-init: there EC2's shape gives no keys.
func Keys(v *config.Value) []string {
	var keys []string
	switch v.Kind() {
	case config.List:
		for _, item := range v.Items() {
			keys = append(keys, Keys(item)...)
		}
	case config.Map:
		for _, name := range v.Keys() {
			of := v.Get(name)
			if of.Kind() == config.Map {
				of = of.Get("openssh-key")
			}
			keys = append(keys, Keys(of)...)
		}
	case config.Null:
	default:
		keys = lines(v.Text())
	}
	return keys
}

// lines are the lines of a text that are not empty.
func lines(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// Blobs reads OpenStack's vendor data: a text, a list of texts, or a map whose key
// "cloud-init" holds either; its other keys are for other programs.
func Blobs(c config.Cursor) []secret.Bytes {
	if c.Kind() == config.Map {
		c = c.Get("cloud-init")
		if c.Kind() == config.Map { // cloud-init goes one deep
			c.Warnf("expected a string or a list of strings, got a mapping; the vendor data was skipped")
			return nil
		}
	}
	v := c.Value()
	items := []*config.Value{v}
	if v.Kind() == config.List {
		items = v.Items()
	}
	var blobs []secret.Bytes
	for _, item := range items {
		switch {
		case item.Kind() == config.List, item.Kind() == config.Map:
			item.At(c.Findings()).Warnf("expected a string; it was skipped")
		case item.Text() != "" || v.Kind() == config.List: // an empty item keeps its number
			blobs = append(blobs, secret.NewBytes([]byte(item.Text())))
		}
	}
	return blobs
}

// Mode settles dsmode: the first value that is given counts; net if none is, or if it
// is none that there is.
func Mode(found *config.Findings, candidates ...*config.Value) string {
	for _, v := range candidates {
		if v.IsNull() || v.Text() == "" {
			continue
		}
		switch mode := v.Text(); mode {
		case ModeLocal, ModeNet, ModeDisabled:
			return mode
		case "pass": // documented, and never more than net
			return ModeNet
		default:
			found.At(v.Pos(), "dsmode").Warnf("%q is none of local, net and disabled; it counts as net", mode)
			return ModeNet
		}
	}
	return ModeNet
}

// Zone is the availability zone; EC2 has it in a place of its own.
func Zone(metadata *config.Value) string {
	if zone := Text(metadata, "availability-zone", "availability_zone"); zone != "" {
		return zone
	}
	return Text(metadata.Get("placement"), "availability-zone")
}

// CloudName is the name of the cloud: other, if the metadata names none.
func CloudName(metadata *config.Value, other string) string {
	if name := metadata.Get("cloud-name"); name.Kind() == config.String && name.Text() != "" {
		return strings.ToLower(name.Text())
	}
	return other
}

// Subplatform is where a seed came from in the words of instance-data.json.
func Subplatform(source string) string {
	if strings.HasPrefix(source, "/dev") {
		return "config-disk (" + source + ")"
	}
	return "seed-dir (" + source + ")"
}
