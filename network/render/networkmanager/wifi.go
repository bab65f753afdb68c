package networkmanager

import (
	"fmt"
	"strings"

	"cloudseed/network"
)

// bands are NetworkManager's words.
var bands = map[string]string{"2.4GHz": "bg", "5GHz": "a"}

// keyManagements are NetworkManager's words for those of netplan that a password is all
// that is needed for.
var keyManagements = map[string]string{"psk": "wpa-psk", "sae": "sae", "": "wpa-psk"}

// wifi writes one wireless network. A connection has no more than one.
func (r *renderer) wifi(k *keyfile, d *network.Device, a network.AccessPoint) {
	own := k.section("wifi")
	own.set("ssid", ssid(a.SSID))
	mode := a.Mode
	if mode == "" {
		mode = "infrastructure"
	}
	own.set("mode", mode)
	if a.Band != "" {
		own.set("band", bands[a.Band])
	}
	if a.Channel > 0 {
		own.set("channel", fmt.Sprint(a.Channel))
	}
	if a.BSSID != "" {
		own.set("bssid", strings.ToUpper(a.BSSID))
	}
	if a.Hidden {
		own.set("hidden", "true")
	}
	if password := a.Password.Reveal(); password != "" && a.KeyManagement != "none" {
		security := k.section("wifi-security")
		security.set("key-mgmt", keyManagements[a.KeyManagement])
		security.set("psk", password)
	}
}

// ssid writes a network's name as text or, if that could be taken for something else, as
// its bytes (nm-settings-keyfile(5)).
func ssid(name string) string {
	plain := !strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || c == ';' || c == '\\' })
	if plain {
		return name
	}
	var b strings.Builder
	for i := range len(name) {
		fmt.Fprintf(&b, "%d;", name[i])
	}
	return b.String()
}

// further are the connections of a device's other wireless networks, which differ from
// the first in that alone.
func (r *renderer) further(d *network.Device) []network.File {
	if d.WiFi == nil {
		return nil
	}
	var files []network.File
	for i, a := range d.WiFi.AccessPoints[1:] {
		k := r.connections[d.Name].clone()
		name := fmt.Sprintf("%s-%d", d.Name, i+2)
		k.section("connection").set("id", "cloud-init "+name)
		k.section("connection").set("uuid", uuid(name))
		k.remove("wifi-security")
		hardware := k.find("wifi")
		for _, key := range []string{"band", "channel", "bssid", "hidden"} {
			hardware.remove(key)
		}
		r.wifi(k, d, a)
		files = append(files, network.File{
			Path: Path(fmt.Sprintf("%s-%d", d.Key, i+2)), Mode: connectionMode, Content: k.bytes(), Device: d.Name, Secret: true,
		})
	}
	return files
}
