package networkmanager

import (
	"fmt"
	"strings"

	"cloudseed/network"
)

// wifiBands are NetworkManager's words for netplan's.
var wifiBands = map[string]string{"2.4GHz": "bg", "5GHz": "a"}

// wifiModes are NetworkManager's words; the first is what it takes for granted.
var wifiModes = map[string]string{"": "infrastructure", "infrastructure": "infrastructure", "ap": "ap", "adhoc": "adhoc"}

// wifi returns the files of a wireless interface, one for each network that it may join:
// all say the same but for the network. The first has the device's own name and UUID.
func (r *renderer) wifi(d *network.Device, free func(key string) string) []network.File {
	var files []network.File
	for i, point := range d.WiFi.AccessPoints {
		k := r.connections[d.Name].clone()
		key := d.Key
		if i > 0 {
			key = free(fmt.Sprintf("%s-%d", d.Key, i+1))
			k.section("connection").set("id", fmt.Sprintf("cloud-init %s %d", d.Name, i+1))
			k.section("connection").set("uuid", uuid(d.Name+" "+point.SSID))
		}
		if !r.accessPoint(k, d, point) {
			continue
		}
		files = append(files, network.File{Path: Path(key), Mode: connectionMode, Content: k.bytes(), Device: d.Name, Secret: true})
	}
	return files
}

// accessPoint writes one network, and reports whether NetworkManager takes it. The password
// is in the file, which root alone reads, and in no problem.
func (r *renderer) accessPoint(k *keyfile, d *network.Device, point network.AccessPoint) bool {
	password := point.Password.Reveal()
	management := ""
	switch {
	case point.KeyManagement == "sae":
		management = "sae"
	case point.KeyManagement == "psk" || point.KeyManagement == "" && password != "":
		management = "wpa-psk"
	}
	if management != "" && (!printable(password) || password == "" || management == "wpa-psk" && !isPassphrase(password)) {
		d.At(&r.found).Errorf("the password of the network %q is not of 8 to 63 characters in ASCII; the network was skipped", point.SSID)
		return false
	}
	own := k.section("wifi")
	own.set("ssid", ssid(point.SSID))
	own.set("mode", wifiModes[point.Mode])
	if band := wifiBands[point.Band]; band != "" {
		own.set("band", band)
	}
	switch {
	case point.Channel == 0:
	case own.has("band"):
		own.set("channel", decimal(point.Channel))
	case point.Channel <= 14: // those of 2.4 GHz
		own.set("band", "bg")
		own.set("channel", decimal(point.Channel))
	default:
		own.set("band", "a")
		own.set("channel", decimal(point.Channel))
	}
	if point.BSSID != "" {
		own.set("bssid", strings.ToUpper(point.BSSID))
	}
	if point.Hidden {
		own.set("hidden", "true")
	}
	if management != "" {
		k.section("wifi-security").set("key-mgmt", management)
		k.section("wifi-security").set("psk", escape(password))
	}
	return true
}

// isPassphrase reports whether a password is one of WPA's (IEEE 802.11, annex J.4): 8 to 63
// characters, or the key itself, 64 digits.
func isPassphrase(password string) bool {
	return len(password) >= 8 && len(password) <= 63 || len(password) == 64 && strings.Trim(strings.ToLower(password), "0123456789abcdef") == ""
}

// printable reports whether a text is in printable ASCII alone.
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// ssid writes the name of a network: as a text where that is beyond doubt, else as a
// list of its bytes (nm-settings-keyfile, wifi.ssid).
func ssid(name string) string {
	if name != "" && printable(name) && !strings.ContainsAny(name, `;\`) && strings.TrimSpace(name) == name {
		return name
	}
	var bytes strings.Builder
	for _, b := range []byte(name) {
		fmt.Fprintf(&bytes, "%d;", b)
	}
	return bytes.String()
}
