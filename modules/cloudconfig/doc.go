// Package cloudconfig reads what several modules have to know of cloud-config, in the same way
// for all of them.
//
// In come the merged configuration and what the metadata says, out go what they ask for: the
// guest's names, its users and groups, public keys. What is wrong with it is reported by the module whose keys
// they are. It must never know a module, or change the guest.
package cloudconfig
