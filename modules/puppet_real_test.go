package modules

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudseed/host"
	"cloudseed/test/needs"

	"github.com/google/go-cmp/cmp"
)

// puppetElsewhere calls the real puppet with directories of its own.
const puppetElsewhere = `#!/bin/sh
command=$1
shift
exec puppet "$command" "$@" --confdir %s --vardir %s/var
`

// puppetAttributes has the real puppet read what its certificate request is to hold.
const puppetAttributes = `
require "puppet"
require "puppet/ssl/certificate_request_attributes"
attributes = Puppet::SSL::CertificateRequestAttributes.new(ARGV[0])
attributes.load
puts attributes.custom_attributes.inspect, attributes.extension_requests.inspect
`

// newCertificate is a certificate in PEM that signs itself.
func newCertificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// TestTheRealPuppetReadsWhatIsWritten has Debian's puppet say where its files are, and what it
// read from them.
func TestTheRealPuppetReadsWhatIsWritten(t *testing.T) {
	t.Parallel()
	needs.Root(t)
	needs.Programs(t, "puppet", "ruby")
	dir, authority := t.TempDir(), newCertificate(t)
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("puppet", fmt.Sprintf(puppetElsewhere, dir, dir), 0o755)
	write("puppet.conf", "# the package's\n[main]\nserver = puppet.invalid\nssldir = $vardir/own\n", 0o600)
	g := newGuest(t, `puppet:
  install: false
  start_service: false
  exec: true
  exec_args: [--test, --noop, --server, 127.0.0.1, --serverport, "1"]
  conf:
    main: {report: yes, splay: false}
    agent: {certname: "%i.Example.COM", runinterval: 2h, reports: [log, store]}
    ca_cert: "`+strings.ReplaceAll(authority, "\n", `\n`)+`"
  csr_attributes:
    custom_attributes: {1.2.840.113549.1.9.7: "0123: #"}
    extension_requests: {pp_role: web, pp_zone: "yes"}
`)
	g.env.Host = host.New("/", host.Options{LookPath: func(name string) (string, error) {
		if name == "puppet" {
			return filepath.Join(dir, "puppet"), nil
		}
		return "", &host.MissingError{Program: name}
	}})
	// Nobody is at the port.
	want := []string{"error: user-data:4:9: puppet.exec: puppet failed with exit code 1"}
	if diff := cmp.Diff(want, g.run(t, puppet)); diff != "" {
		t.Fatalf("the report (-want +got):\n%s", diff)
	}
	ask := func(argv ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), argv[0], argv[1:]...).Output()
		if err != nil {
			t.Fatalf("%q: %v", argv, err)
		}
		return string(out)
	}
	got := ask(filepath.Join(dir, "puppet"), "config", "print", "--section", "agent", "certname", "localcacert", "report", "reports", "runinterval", "server", "splay")
	wantSettings := fmt.Sprintf("certname = i-1.example.com\nlocalcacert = %s/var/own/certs/ca.pem\nreport = true\nreports = log,store\nruninterval = 7200\nserver = puppet.invalid\nsplay = false\n", dir)
	if diff := cmp.Diff(wantSettings, got); diff != "" {
		t.Errorf("puppet's settings (-want +got):\n%s", diff)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "var/own/certs/ca.pem")); err != nil || string(got) != authority {
		t.Errorf("the certificate is %q: %v", got, err)
	}
	got = ask("ruby", "-e", puppetAttributes, filepath.Join(dir, "csr_attributes.yaml"))
	if want := "{\"1.2.840.113549.1.9.7\"=>\"0123: #\"}\n{\"pp_role\"=>\"web\", \"pp_zone\"=>\"yes\"}\n"; got != want {
		t.Errorf("puppet's attributes are %s, want %s", got, want)
	}
	if info, err := os.Stat(filepath.Join(dir, "puppet.conf.old")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of before is %v: %v", info, err)
	}
}
