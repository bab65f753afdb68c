package cloudconfig

import (
	"cloudseed/config"
	"cloudseed/guest/sshd"
)

// PublicKeys reads public keys: a list, one string, or the values of a mapping. What is not a
// key is reported, and not among them.
//
// Difference from cloud-init: one string is one key, for the default user too, for whom
// it takes each letter for a key; and it writes what is not a key.
func PublicKeys(at config.Cursor) []sshd.AuthorizedKey {
	items := at.Each()
	if at.Kind() == config.Map {
		items = nil
		for _, entry := range at.Entries() {
			items = append(items, entry.Value)
		}
	}
	var keys []sshd.AuthorizedKey
	for _, item := range items {
		more, faults := sshd.ParseKeys(item.Text())
		keys = append(keys, more...)
		for _, fault := range faults {
			item.Errorf("%s; it is not written", fault)
		}
		for _, k := range more {
			if !k.IsKnown() {
				item.Notef("the key type %s is not known to this version; it is written", k.Kind)
			}
		}
	}
	return sshd.Distinct(keys)
}

// MetadataKeys reads the public keys of the instance's metadata. It calls warn with what is
// wrong with one.
func MetadataKeys(public []string, warn func(format string, args ...any)) []sshd.AuthorizedKey {
	var keys []sshd.AuthorizedKey
	for i, content := range public {
		more, faults := sshd.ParseKeys(content)
		keys = append(keys, more...)
		for _, fault := range faults {
			warn("key %d of the public keys in the metadata: %s; it is not written", i+1, fault)
		}
	}
	return sshd.Distinct(keys)
}
