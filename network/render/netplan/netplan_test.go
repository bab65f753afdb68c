package netplan_test

import (
	"strings"
	"testing"

	"cloudseed/network"
	"cloudseed/network/render/netplan"
	"cloudseed/secret"
)

func TestSecretsAreWrittenOnlyWhenTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	c := &network.Config{Devices: []*network.Device{
		{Key: "wlan0", Name: "wlan0", Type: network.WiFiType, WiFi: &network.WiFi{AccessPoints: []network.AccessPoint{{SSID: "home", Password: secret.New("hunter2")}}}},
		{Key: "wg0", Name: "wg0", Type: network.TunnelType, Tunnel: &network.Tunnel{Mode: "wireguard", WireGuard: &network.WireGuard{
			PrivateKey: secret.New("hunter3"), Peers: []network.Peer{{PublicKey: "p", PresharedKey: secret.New("hunter4")}},
		}}},
	}}
	if text := string(netplan.Write(c)); strings.Contains(text, "hunter") || strings.Count(text, secret.Redacted) != 3 {
		t.Errorf("Write:\n%s", text)
	}
	if text := string(netplan.Reveal(c)); strings.Count(text, "hunter") != 3 {
		t.Errorf("Reveal:\n%s", text)
	}
}
