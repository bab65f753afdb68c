package modules

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cloudseed/host"
	"cloudseed/test/needs"

	"github.com/google/go-cmp/cmp"
)

// exampleCA is a certificate of an authority, made by openssl for these tests.
const exampleCA = `-----BEGIN CERTIFICATE-----
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
`

// negativeCA is exampleCA with a serial number below zero.
var negativeCA = strings.Replace(exampleCA, "AgIUbsYG", "AgIU7sYG", 1)

// inYAML is a text as the value of a key, in a literal block that is indented by so much.
func inYAML(text string, indent int) string {
	spaces := strings.Repeat(" ", indent)
	return "|\n" + spaces + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+spaces) + "\n"
}

func TestCACerts(t *testing.T) {
	t.Parallel()
	entry := "  - " + inYAML(exampleCA, 4)
	key := strings.ReplaceAll(exampleCA, "CERTIFICATE", "PRIVATE KEY")
	const anchors = "/usr/share/pki/ca-trust-source/anchors/cloud-init-ca-cert-"
	for name, row := range map[string]struct {
		config  string
		files   map[string]string
		reports string
		calls   []string // none: update-ca-trust
	}{
		"a list of certificates": {
			config: "ca_certs:\n  trusted:\n" + entry + entry,
			files:  map[string]string{anchors + "1.crt": exampleCA, anchors + "2.crt": exampleCA},
		},
		"one certificate":               {config: "ca_certs:\n  trusted: " + inYAML(exampleCA, 4), files: map[string]string{anchors + "1.crt": exampleCA}},
		"two certificates in one entry": {config: "ca_certs:\n  trusted: " + inYAML(exampleCA+exampleCA, 4), files: map[string]string{anchors + "1.crt": exampleCA + exampleCA}},
		"the older spelling":            {config: "ca-certs:\n  trusted:\n" + entry, files: map[string]string{anchors + "1.crt": exampleCA}, reports: "deprecated since cloud-init 22.1"},
		"both spellings":                {config: "ca-certs: {trusted: [x]}\nca_certs:\n  trusted:\n" + entry, files: map[string]string{anchors + "1.crt": exampleCA}, reports: "ca-certs"},
		"a number":                      {config: "ca_certs: {trusted: [7]}\n", reports: "error: user-data:1:22: ca_certs.trusted.0: expected a certificate in PEM"},
		"a mapping":                     {config: "ca_certs: {trusted: {a: b}}\n", reports: "ca_certs.trusted: expected"},
		"no certificates are no error":  {config: "ca_certs: {trusted: []}\n"},
		"one that is none costs no other": {
			config: "ca_certs:\n  trusted:\n  - nonsense\n" + entry, files: map[string]string{anchors + "2.crt": exampleCA},
			reports: "error: user-data:3:5: ca_certs.trusted.0: expected a certificate in PEM, which begins with -----BEGIN CERTIFICATE-----; the entry is skipped",
		},
		"a private key is refused":          {config: "ca_certs:\n  trusted:\n  - " + inYAML(key, 4), reports: "expected a certificate, got a private key; the entry is skipped"},
		"one that is cut short":             {config: "ca_certs:\n  trusted:\n  - " + inYAML(exampleCA[:200], 4), reports: "one that is cut short or indented; the entry is skipped"},
		"a second that is cut short":        {config: "ca_certs:\n  trusted:\n  - " + inYAML(exampleCA+exampleCA[:200], 4), reports: "what follows certificate 1 is cut short; the entry is skipped"},
		"base64 that holds something":       {config: "ca_certs:\n  trusted:\n  - " + inYAML("-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n", 4), reports: "certificate 1 cannot be read: "},
		"a sequence that is no certificate": {config: "ca_certs:\n  trusted:\n  - " + inYAML("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", 4), reports: "certificate 1 cannot be read: "},
		"what Go refuses and p11-kit may take": {
			config: "ca_certs:\n  trusted:\n  - " + inYAML(negativeCA, 4), files: map[string]string{anchors + "1.crt": negativeCA},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.config)
			reports := strings.Join(g.run(t, caCerts), "\n")
			if !strings.Contains(reports, row.reports) || (reports == "") != (row.reports == "") {
				t.Errorf("reports %q, want %q", reports, row.reports)
			}
			got := map[string]string{}
			found, err := g.Glob(anchors + "*")
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range found {
				got[file] = g.Text(t, file)
			}
			if row.files == nil {
				row.files = map[string]string{}
			}
			if diff := cmp.Diff(row.files, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]string{"update-ca-trust"}, g.Lines()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCACertsWithoutTheProgram(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "ca_certs: {trusted: []}\n")
	g.Lacks("update-ca-trust")
	err := caCerts.Run(t.Context(), g.env)
	if want := "cannot change the trusted certificates: the program update-ca-trust is not installed"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestCACertsWhereUsrCannotBeWrittenTo(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "ca_certs:\n  trusted: "+inYAML(exampleCA, 4))
	g.Guard(func(path string) error {
		if strings.HasPrefix(path, "/usr/") {
			return syscall.EROFS
		}
		return nil
	})
	g.clean(t, caCerts)
	if got := g.Text(t, "/etc/pki/ca-trust/source/anchors/cloud-init-ca-cert-1.crt"); got != exampleCA {
		t.Errorf("the certificate is %q", got)
	}
}

func TestDefaultCACertsAreBlocked(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ dir, want string }{
		"EL8 and later": {"blocklist", "blocklist"},
		"EL7":           {"blacklist", "blacklist"},
		"neither":       {"", "blocklist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "ca_certs:\n  remove_defaults: true\n  trusted: "+inYAML(exampleCA, 4))
			g.Put(t, "/usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit", "bundle")
			g.Put(t, "/usr/share/pki/ca-trust-source/README", "read me")
			g.Put(t, "/usr/share/pki/ca-trust-source/anchors/vendor.pem", "vendor")
			if row.dir != "" {
				g.Put(t, "/etc/pki/ca-trust/source/"+row.dir+"/README", "")
			}
			for range 2 { // a second instance changes nothing
				g.clean(t, caCerts)
			}
			links, err := g.Glob("/etc/pki/ca-trust/source/" + row.want + "/*")
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, link := range links {
				if filepath.Base(link) == "README" {
					continue
				}
				if got[filepath.Base(link)], err = g.Readlink(link); err != nil {
					t.Error(err)
				}
			}
			want := map[string]string{
				"ca-bundle.trust.p11-kit": "/usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit",
				"vendor.pem":              "/usr/share/pki/ca-trust-source/anchors/vendor.pem",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestTrustTakesWhatIsWritten has the real p11-kit read the directories that the module wrote,
// as update-ca-trust of RHEL has it do.
func TestTrustTakesWhatIsWritten(t *testing.T) {
	t.Parallel()
	needs.Root(t)
	needs.Programs(t, "trust", "unshare", "openssl")
	const object = "[p11-kit-object-v1]\nclass: certificate\ntrusted: true\n" // as ca-certificates of RHEL has them
	ownOf := selfSigned(t, "Distribution CA")
	bundle := object + ownOf
	for name, row := range map[string]struct{ config, want string }{
		"beside the distribution's":       {"ca_certs:\n  trusted: " + inYAML(exampleCA, 4), "Distribution CA\nExample CA"},
		"one of the distribution's alone": {"ca_certs:\n  remove_defaults: true\n  trusted: " + inYAML(ownOf, 4), "Distribution CA"},
		"instead of the distribution's":   {"ca_certs:\n  remove_defaults: true\n  trusted: " + inYAML(exampleCA, 4), "Example CA"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.config)
			if strings.Contains(row.config, "remove_defaults") {
				bundle := bundle + "\n" + object + selfSigned(t, "Another CA")
				g.Put(t, "/usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit", bundle)
				g.Put(t, "/etc/pki/ca-trust/source/ca-bundle.legacy.crt", selfSigned(t, "Legacy CA"))
			} else {
				g.Put(t, "/usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit", bundle)
			}
			g.run(t, caCerts)
			script := `set -e
				mount --make-rprivate /
				mkdir -p /usr/share/pki/ca-trust-source /etc/pki/ca-trust/source 2>/dev/null || true
				mount -t tmpfs none /mnt; mkdir /mnt/modules
				printf 'module: p11-kit-trust.so\ntrust-policy: yes\nx-init-reserved: paths=%s/usr/share/pki/ca-trust-source:%s/etc/pki/ca-trust/source\n' "$1" "$1" >/mnt/modules/p11-kit-trust.module
				mount --bind /mnt/modules /usr/share/p11-kit/modules
				trust list --filter=ca-anchors | sed -n 's/^ *label: //p' | sort`
			// The links of the blocklist are absolute; here they lead into the guest's root.
			links, err := filepath.Glob(filepath.Join(g.Dir, "etc/pki/ca-trust/source/blocklist/*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, link := range links {
				to, err := os.Readlink(link)
				if errors.Is(err, syscall.EINVAL) {
					continue // a copy
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Remove(link); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(g.Dir+to, link); err != nil {
					t.Fatal(err)
				}
			}
			out, err := exec.CommandContext(t.Context(), "unshare", "-m", "sh", "-c", script, "sh", g.Dir).Output()
			if got := strings.TrimSpace(string(out)); err != nil || got != row.want {
				t.Errorf("%v: trusted are\n%s\nwant\n%s", err, got, row.want)
			}
		})
	}
}

func TestOneOfTheDistributionsCertificatesIsTrusted(t *testing.T) {
	t.Parallel()
	const source, blocklist = "/usr/share/pki/ca-trust-source/bundle.p11-kit", "/etc/pki/ca-trust/source/blocklist/"
	g := newGuest(t, "ca_certs:\n  remove_defaults: true\n  trusted: "+inYAML(exampleCA, 4))
	g.Put(t, source, "[p11-kit-object-v1]\ntrusted: true\n"+exampleCA+"[p11-kit-object-v1]\ntrusted: true\n"+negativeCA+"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n")
	if err := os.MkdirAll(filepath.Join(g.Dir, blocklist), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(source, filepath.Join(g.Dir, blocklist, "bundle.p11-kit")); err != nil { // of an earlier instance
		t.Fatal(err)
	}
	want := "note: user-data:3:12: ca_certs.trusted: " + source + " has some of these certificates: its others are blocked as they are now, and not what an update adds to it"
	if got := strings.Join(g.run(t, caCerts), "\n"); got != want {
		t.Errorf("reports %q, want %q", got, want)
	}
	if got := g.Text(t, blocklist+"cloud-init-bundle.p11-kit.pem"); !strings.Contains(got, "AgIU7sYG") || strings.Contains(got, "AgIUbsYG") || strings.Contains(got, "PUBLIC") {
		t.Errorf("blocked are %s", got)
	}
	if _, err := g.Lstat(blocklist + "bundle.p11-kit"); err == nil {
		t.Error("the whole file is still blocked")
	}
	before := len(g.Effects())
	g.run(t, caCerts)
	for _, e := range g.Effects()[before:] {
		if e.Kind != host.KindCommand {
			t.Errorf("a second run changes %+v", e)
		}
	}
	g.env.Config = newGuest(t, "ca_certs: {remove_defaults: true}\n").env.Config
	g.run(t, caCerts)
	if to, err := g.Readlink(blocklist + "bundle.p11-kit"); err != nil || to != source || g.Exists(blocklist+"cloud-init-bundle.p11-kit.pem") {
		t.Errorf("without it the file is not blocked as a whole: %q, %v", to, err)
	}
}

// selfSigned makes a certificate of an authority.
func selfSigned(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
		"-keyout", dir+"/key", "-out", dir+"/certificate", "-days", "1", "-subj", "/CN="+name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	certificate, err := os.ReadFile(dir + "/certificate")
	if err != nil {
		t.Fatal(err)
	}
	return string(certificate)
}
