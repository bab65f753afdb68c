// Package cloudconfig reads what several modules have to know of cloud-config, in the same way
// for all of them.
//
// In come the merged configuration and what the metadata says, out go the guest's names, its
// users, groups and passwords, public keys and downloads, with what is wrong with each at its
// place. It must never know a module, or change the guest.
package cloudconfig
