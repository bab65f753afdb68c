package netconf

import (
	"context"
	"strings"

	"cloudseed/host"
	"cloudseed/network"
)

// networkFile is how a file of a network service is written.
//
// Difference from cloud-init: where there is no user of its owner's name it fails; here
// the file is root's.
func (n *Network) file(ctx context.Context, f network.File) host.File {
	owner, err := n.host.FindOwner(ctx, f.Owner, "")
	if err != nil {
		owner = host.Owner{}
	}
	return host.File{Mode: f.Mode, Owner: owner, Secret: f.Secret}
}

// holdsSecret tells whether a file of a network service has a setting that is a password
// or a private key: by nm-settings-keyfile(5), systemd.netdev(5) and initscripts'
// sysconfig.txt. It is asked of what a file held before, which nobody who renders knows.
func holdsSecret(content []byte) bool {
	for line := range strings.Lines(string(content)) {
		key, _, isSetting := strings.Cut(strings.TrimSpace(line), "=")
		if !isSetting || strings.HasPrefix(key, "#") {
			continue
		}
		key = strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(key))
		for _, word := range []string{"psk", "password", "privatekey", "presharedkey", "wepkey"} {
			if strings.Contains(key, word) {
				return true
			}
		}
	}
	return false
}
