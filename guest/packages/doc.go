// Package packages installs and upgrades a guest's packages by dnf 4, dnf5, yum 3 or apt.
//
// In come names and versions; out go one transaction for all of them, and which are not there.
// A lock that another program holds is waited for, a repository that does not answer is tried again.
// It must never know cloud-config, modules or the stages of a boot, and it never reboots a guest.
package packages
