package boot

import (
	"cloudseed/host"
	"cloudseed/network"
)

// networkFile is how a file of a network service is written.
//
// Difference from cloud-init: where there is no user of its owner's name it fails; here
// the file is root's.
func (b *Boot) networkFile(f network.File) host.File {
	owner := f.Owner
	if _, err := b.Host.User(owner); err != nil {
		owner = ""
	}
	return host.File{Mode: f.Mode, Owner: owner, Secret: f.Secret}
}
