// Package differential compares cloudseed with the real cloud-init: the same input must
// give the same result, but for the differences that are listed here, each with its
// reason from docs/differences.md.
//
// In come inputs of our own and random ones, out go test failures. How cloud-init is
// got and asked is package cloudinit's business.
package differential
