package modules

import (
	"bytes"
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
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
	Doc: "Has programs trust certificate authorities, by update-ca-trust. An entry that is not a valid certificate is an error, and the " +
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
// Difference from cloud-init: what is not a certificate is an error and not written. There
// update-ca-trust fails or ignores it.
func checkCACerts(e *Env, keys *caCertsKeys) {
	at, old := e.At("ca_certs"), e.At("ca-certs")
	switch {
	case at.IsNull():
		at = old
	case !old.IsNull():
		old.Warnf("there is ca_certs, too; ca-certs is ignored")
	}
	keys.trusted = nil
	at = at.Get("trusted")
	entries := at.Items()
	switch at.Kind() {
	case config.String:
		entries = []config.Cursor{at}
	case config.List, config.Null:
	default:
		at.Errorf("expected a certificate or a list of them, got %s; none is added", config.KindInWords(at.Value()))
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
			// What has the form of one is for p11-kit to judge: old authorities have certificates that
			// Go refuses, for a negative serial number and the like.
			if _, err := x509.ParseCertificate(block.Bytes); err != nil && !hasCertificateForm(block.Bytes) {
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

// hasCertificateForm reports whether data are what RFC 5280 has as a certificate: what is
// signed, how, and the signature.
func hasCertificateForm(data []byte) bool {
	var certificate struct {
		Signed    asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	rest, err := asn1.Unmarshal(data, &certificate)
	return err == nil && len(rest) == 0 && certificate.Signed.Tag == asn1.TagSequence && certificate.Signed.IsCompound
}

func runCACerts(ctx context.Context, e *Env, keys *caCertsKeys) error {
	if _, err := e.Host.LookPath("update-ca-trust"); err != nil {
		return fmt.Errorf("cannot change the trusted certificates: %w", err)
	}
	if keys.CACerts.RemoveDefaults {
		if err := blockDefaultCACerts(e, keys.trusted); err != nil {
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
func blockDefaultCACerts(e *Env, trusted []caCert) error {
	h, blocklist := e.Host, path.Join(caLocal, "blocklist")
	if !h.Exists(blocklist) && h.Exists(path.Join(caLocal, "blacklist")) { // EL7
		blocklist = path.Join(caLocal, "blacklist")
	}
	wanted := map[string]bool{}
	for _, c := range trusted {
		for _, der := range certificatesIn([]byte(c.text)) {
			wanted[string(der)] = true
		}
	}
	// The last one is a link of ca-legacy's, up to EL9.
	var errs []error
	for _, pattern := range []string{path.Join(caSource, "*"), path.Join(caSource, "anchors/*"), path.Join(caLocal, "ca-bundle.legacy.crt")} {
		files, err := h.Glob(pattern)
		if err != nil {
			return err
		}
		for _, file := range files {
			name := path.Base(file)
			if info, err := h.Stat(file); err != nil || info.IsDir() || name == "README" || strings.HasPrefix(name, caFilePrefix) {
				continue
			}
			errs = append(errs, blockCAFile(e, file, path.Join(blocklist, name), wanted))
		}
	}
	return errors.Join(errs...)
}

// blockCAFile blocks the certificates of a file, by a link. If some of them are wanted, the
// others are copied: p11-kit believes the blocklist before all else.
func blockCAFile(e *Env, file, link string, wanted map[string]bool) error {
	data, err := e.Host.ReadFile(file)
	if err != nil {
		return err
	}
	others, some := &bytes.Buffer{}, false
	for _, der := range certificatesIn(data) {
		if wanted[string(der)] {
			some = true
			continue
		}
		if err := pem.Encode(others, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			return err
		}
	}
	copied := path.Join(path.Dir(link), "cloud-init-"+path.Base(link)+".pem")
	if !some {
		if err := removeCAFile(e.Host, copied); err != nil {
			return err
		}
		return e.Host.Symlink(file, link)
	}
	e.At("ca_certs.trusted").Notef("%s has some of these certificates: its others are blocked as they are now, and not what an update adds to it", file)
	if err := removeCAFile(e.Host, link); err != nil {
		return err
	}
	_, err = e.Host.WriteFile(copied, others.Bytes(), host.File{Mode: 0o644})
	return err
}

func removeCAFile(h *host.Host, file string) error {
	if _, err := h.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return h.Remove(file)
}

// certificatesIn are the certificates of a string that has them in PEM, such as one in
// p11-kit's own form. What OpenSSL writes behind a trusted one is not part of it.
func certificatesIn(text []byte) [][]byte {
	var all [][]byte
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return all
		}
		text = rest
		var certificate asn1.RawValue
		if !strings.HasSuffix(block.Type, "CERTIFICATE") {
			continue
		}
		if _, err := asn1.Unmarshal(block.Bytes, &certificate); err == nil {
			all = append(all, certificate.FullBytes)
		}
	}
}
