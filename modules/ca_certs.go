package modules

import (
	"context"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"path"
	"strings"
	"syscall"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/state"
)

type caCertsKeys struct {
	CACerts struct {
		RemoveDefaults bool          `key:"remove_defaults,remove-defaults" deprecatedkeys:"remove-defaults=22.1" default:"false" doc:"Distrust the authorities that the distribution trusts."`
		Trusted        *config.Value `key:"trusted" takes:"list(text)|text" doc:"Certificates to trust, in PEM."`
	} `key:"ca_certs,ca-certs" deprecatedkeys:"ca-certs=22.1" doc:"The certificate authorities that programs trust."`

	trusted []caCert
}

// caCert is an entry of trusted that is at least one certificate.
type caCert struct {
	number int // of the entry, from 1
	text   string
	at     config.Cursor
}

var caCerts = Of[caCertsKeys]{
	Name:       "ca_certs",
	Stage:      InitStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"ca_certs", "ca-certs"},
	Repeatable: true,
	Doc: "Has programs trust certificate authorities, by update-ca-trust. An entry that is no certificate is an error, and the " +
		"others are added. With remove_defaults the distribution's own are put on the blocklist, so that an update of " +
		"them does not bring them back.",
	Example: `ca_certs:
  trusted:
    - |
      -----BEGIN CERTIFICATE-----
      MIIBfzCCASWgAwIBAgIUbsYGgeLJFGV/rhpe+PVMj/peXqQwCgYIKoZIzj0EAwIw
      FTETMBEGA1UEAwwKRXhhbXBsZSBDQTAeFw0yNjExMjcwMjE5NTRaFw0zNjExMjQw
      MjE5NTRaMBUxEzARBgNVBAMMCkV4YW1wbGUgQ0EwWTATBgcqhkjOPQIBBggqhkjO
      PQMBBwNCAATGssdoBxRV7kcOp2m3NqBY6gTmNOQ4rZkqUOK26xdhS0FA7yqA20F+
      e4e17lzPVtG0UlyBx2iaDfV06XQrbxAyo1MwUTAdBgNVHQ4EFgQUwfUgxBg5cZlM
      wg3zEb2rVYS9+pgwHwYDVR0jBBgwFoAUwfUgxBg5cZlMwg3zEb2rVYS9+pgwDwYD
      VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiEA6hyQS1VmUtoO5sUW8OAz
      dYpP6Vma/FiRGlaLe27+AWcCIFjY+hIhEpRNzph8YiWwsckJZUcBjXZXtG22QX8r
      rtSl
      -----END CERTIFICATE-----
`,
	Check: checkCACerts,
	Run:   runCACerts,
}.Module()

const (
	caSource     = "/usr/share/pki/ca-trust-source" // of the system
	caLocal      = "/etc/pki/ca-trust/source"       // of the administrator
	caFilePrefix = "cloud-init-ca-cert-"            // by cloud-init's name
)

// checkCACerts reads the certificates.
//
// Difference from cloud-init: what is no certificate is an error and not written. There
// update-ca-trust fails or ignores it.
func checkCACerts(e *Env, keys *caCertsKeys) {
	at := e.At("ca_certs")
	if at.IsNull() {
		at = e.At("ca-certs")
	}
	keys.trusted = nil
	at = at.Get("trusted")
	entries := at.Items()
	if at.Kind() == config.String {
		entries = []config.Cursor{at}
	}
	for i, entry := range entries {
		text := entry.Text()
		if strings.TrimSpace(text) == "" {
			continue
		}
		if err := certificates(text); err != nil {
			entry.Errorf("%v; the entry is skipped", err)
			continue
		}
		keys.trusted = append(keys.trusted, caCert{number: i + 1, text: text, at: entry})
	}
}

// certificates returns what is wrong with certificates in PEM, of which there must be one.
func certificates(text string) error {
	rest, count := []byte(text), 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		count++
		switch {
		case strings.Contains(block.Type, "PRIVATE KEY"):
			return errors.New("expected a certificate, got a private key")
		case block.Type == "TRUSTED CERTIFICATE": // OpenSSL's, with its own data behind the certificate
		case block.Type != "CERTIFICATE":
			return fmt.Errorf("expected a certificate, got a PEM block of type %q", block.Type)
		default:
			// What is well-formed is for p11-kit to judge: old authorities have certificates that Go
			// refuses, for a negative serial number and the like.
			if _, err := x509.ParseCertificate(block.Bytes); err != nil && !isSequence(block.Bytes) {
				return fmt.Errorf("certificate %d cannot be read: %w", count, err)
			}
		}
	}
	switch {
	case count == 0 && strings.Contains(text, "-----BEGIN"):
		return errors.New("expected a certificate in PEM, got one that is cut short or indented")
	case count == 0:
		return errors.New("expected a certificate in PEM, which begins with -----BEGIN CERTIFICATE-----")
	case strings.Contains(string(rest), "-----BEGIN"):
		return fmt.Errorf("what follows certificate %d is cut short", count)
	}
	return nil
}

// isSequence reports whether data are one whole ASN.1 sequence, as a certificate is.
func isSequence(data []byte) bool {
	var raw asn1.RawValue
	rest, err := asn1.Unmarshal(data, &raw)
	return err == nil && len(rest) == 0 && raw.Tag == asn1.TagSequence
}

func runCACerts(ctx context.Context, e *Env, keys *caCertsKeys) error {
	if _, err := e.Host.LookPath("update-ca-trust"); err != nil {
		return fmt.Errorf("cannot change the trusted certificates: %w", err)
	}
	if keys.CACerts.RemoveDefaults {
		if err := blockDefaultCACerts(e.Host); err != nil {
			return fmt.Errorf("cannot distrust the distribution's certificates: %w", err)
		}
	}
	for _, c := range keys.trusted {
		c.at.Fail(trustCACert(e.Host, c))
	}
	_, err := e.Host.Run(ctx, host.Command{Argv: []string{"update-ca-trust"}})
	return err
}

// trustCACert writes a certificate where cloud-init does, or to the administrator's directory
// where /usr cannot be written to, as in image mode.
func trustCACert(h *host.Host, c caCert) error {
	name := fmt.Sprintf("anchors/%s%d.crt", caFilePrefix, c.number)
	_, err := h.WriteFile(path.Join(caSource, name), []byte(c.text), host.File{Mode: 0o644})
	if errors.Is(err, syscall.EROFS) {
		_, err = h.WriteFile(path.Join(caLocal, name), []byte(c.text), host.File{Mode: 0o644})
	}
	return err
}

// blockDefaultCACerts puts the files of the distribution's authorities on p11-kit's
// blocklist, each by a link: what an update writes to them is blocked too.
//
// Difference from cloud-init: it deletes the files, and those of the administrator; the next
// update of ca-certificates brings them back. It does so under the names rhel, photon and
// amazon only, and nothing on CentOS, Alma and Rocky.
func blockDefaultCACerts(h *host.Host) error {
	blocklist := path.Join(caLocal, "blocklist")
	if !h.Exists(blocklist) && h.Exists(path.Join(caLocal, "blacklist")) { // EL7
		blocklist = path.Join(caLocal, "blacklist")
	}
	var errs []error
	for _, pattern := range []string{"*", "anchors/*"} {
		files, err := h.Glob(path.Join(caSource, pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			name := path.Base(file)
			if info, err := h.Stat(file); err != nil || info.IsDir() || name == "README" || strings.HasPrefix(name, caFilePrefix) {
				continue
			}
			errs = append(errs, h.Symlink(file, path.Join(blocklist, name)))
		}
	}
	return errors.Join(errs...)
}
