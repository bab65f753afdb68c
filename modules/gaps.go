package modules

import (
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Absent are the modules of cloud-init that are not here, since it does not run them on the
// RHEL family either, or does no more at all. Nothing is lost without them.
//
// apt_configure is among these: all of its keys are about files of apt's own (sources and
// their keys, preferences, conf and the debconf database), and none has a meaning for dnf
// or yum. What is common to both families has modules of its own: yum_add_repo for
// repositories, packages for what is installed from them.
var Absent = []string{
	"apk_configure", "apt_configure", "apt_pipelining", "byobu", "emit_upstart", "fan", "grub_dpkg", "landscape", "lxd", "migrator",
	"raspberry_pi", "refresh_rmc_and_interface", "rightscale_userdata", "snap", "ubuntu_advantage", "ubuntu_autoinstall",
	"ubuntu_drivers", "ubuntu_pro", "zypper_add_repo",
}

// otherKeys are the top-level keys that no module of this family acts on: those of
// the program itself, and those of other systems' modules.
var otherKeys = []string{
	"allow_userdata", "cloud_config_modules", "cloud_final_modules", "cloud_init_modules", "datasource", "datasource_list",
	"def_log_file", "disable_network_activation", "launch-index", "log_cfgs", "manual_cache_clean",
	"merge_how", "merge_type", "migrate", "network", "output", "policy", "reporting",
	"syslog_fix_perms", "system_info", "unverified_modules", "user_data", "vendor_data", "vendor_data2", "version",

	"apk_repos", "apt", "apt_pipelining", "autoinstall", "byobu_by_default", "drivers", "fan", "grub-dpkg", "grub_dpkg",
	"landscape", "lxd", "resize_rootfs_tmp", "rpi", "snap", "ubuntu-advantage", "ubuntu_advantage",
	"ubuntu_pro", "zypper",
}

// Misplaced are the top-level keys that have no effect in user data, with where each
// belongs: when a boot reads user data, what they decide is decided.
var Misplaced = map[string]string{
	"network":         "write it to the seed's network-config",
	"datasource_list": "write it to /etc/cloud/cloud.cfg.d on the image",
	"user_data":       "write its content into the user data itself",
}

// MisplacedInMetadata returns the keys of modules that have no effect in a seed's
// metadata, with where each belongs.
func MisplacedInMetadata() map[string]string {
	misplaced := map[string]string{"network": Misplaced["network"]}
	for _, key := range moduleKeys() {
		misplaced[key] = "write it to the user data"
	}
	for _, key := range []string{"hostname", "random_seed"} {
		delete(misplaced, key) // metadata has these too
	}
	return misplaced
}

// Keys are all top-level keys that cloud-config may have, sorted: those of the
// modules, of the program itself, and of other systems' modules. Callers share the list; it
// is made once, since each module of a boot and each check is given it.
var Keys = sync.OnceValue(func() []string {
	keys := append(moduleKeys(), otherKeys...)
	slices.Sort(keys)
	return slices.Compact(keys)
})

// moduleKeys are those of the modules.
func moduleKeys() []string {
	var keys []string
	for _, m := range All() {
		keys = append(keys, keysOf(reflect.TypeOf(m.Keys))...)
	}
	return keys
}

// keysOf are the names in a key struct's tags, older spellings too.
func keysOf(keys reflect.Type) []string {
	var names []string
	if keys == nil || keys.Kind() != reflect.Struct {
		return nil
	}
	for i := range keys.NumField() {
		field := keys.Field(i)
		if field.Anonymous {
			names = append(names, keysOf(field.Type)...)
		}
		for name := range strings.SplitSeq(field.Tag.Get("key"), ",") {
			if name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}
