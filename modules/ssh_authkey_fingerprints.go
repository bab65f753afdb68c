package modules

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/sshd"
	"cloudseed/modules/cloudconfig"
	"cloudseed/printable"
	"cloudseed/state"
)

type authKeyFingerprintsKeys struct {
	No   bool   `key:"no_ssh_fingerprints" default:"false" doc:"Show nothing."`
	Hash string `key:"authkey_hash" default:"sha256" doc:"The hash of the fingerprints: md5, sha1, sha224, sha256, sha384, sha512, sha3_224, sha3_256, sha3_384 or sha3_512, in hexadecimal; openssh is SHA-256 as ssh-keygen and sshd's log show it."`
}

var sshAuthKeyFingerprints = Of[authKeyFingerprintsKeys]{
	Name:       "ssh_authkey_fingerprints",
	Stage:      FinalStage,
	Frequency:  state.PerInstance,
	Repeatable: true,
	Doc:        "Shows on the console which public keys may log in as the users of the configuration, with their fingerprints, in a table for each user.",
	Example:    "no_ssh_fingerprints: false\nauthkey_hash: sha512\n",
	Check:      checkAuthKeyFingerprints,
	Run:        runAuthKeyFingerprints,
}.Module()

// fingerprintHashes are those of Python's hashlib that a guest is asked for.
func fingerprintHashes() map[string]func() hash.Hash {
	return map[string]func() hash.Hash{
		"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
		"sha3_224": func() hash.Hash { return sha3.New224() }, "sha3_256": func() hash.Hash { return sha3.New256() },
		"sha3_384": func() hash.Hash { return sha3.New384() }, "sha3_512": func() hash.Hash { return sha3.New512() },
	}
}

const (
	defaultFingerprintHash = "sha256"
	opensshFingerprint     = "openssh"
)

// checkAuthKeyFingerprints has another hash used for one that there is not.
//
// Difference from cloud-init: it shows "?" for each fingerprint.
func checkAuthKeyFingerprints(e *Env, keys *authKeyFingerprintsKeys) {
	if keys.Hash == "" {
		keys.Hash = defaultFingerprintHash
	}
	if keys.Hash == opensshFingerprint || fingerprintHashes()[strings.ToLower(keys.Hash)] != nil {
		return
	}
	known := []string{opensshFingerprint}
	for name := range fingerprintHashes() {
		known = append(known, name)
	}
	slices.Sort(known)
	e.At("authkey_hash").Warnf("there is no hash %q%s; %s is used", keys.Hash, config.DidYouMean(keys.Hash, known), defaultFingerprintHash)
	keys.Hash = defaultFingerprintHash
}

// runAuthKeyFingerprints shows a table for each user.
//
// Difference from cloud-init: it creates a home and an authorized_keys for users that have
// none; and a user that is not there costs it all that follow.
func runAuthKeyFingerprints(ctx context.Context, e *Env, keys *authKeyFingerprintsKeys) error {
	if keys.No {
		return nil
	}
	var text strings.Builder
	var errs []error
	for _, a := range cloudconfig.WantedUsers(e.Config.Root(), e.Instance.DefaultUser) {
		if config.IsTrue(a.Get("no_create_home")) || config.IsTrue(a.Get("system")) {
			continue // no keys are written for them
		}
		user, err := e.Host.User(ctx, a.Name)
		if err != nil || user.Name != a.Name || user.Home == "" {
			e.Log.Info("no keys are shown of a user that is not there", "user", a.Name)
			continue // users_groups has reported why
		}
		file, lines, err := sshd.AuthorizedKeys(e.Host, user)
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot read the authorized keys of %s: %w", a.Name, err))
			continue
		}
		text.WriteString(keyTable(a.Name, file, lines, keys.Hash))
	}
	if text.Len() > 0 {
		errs = append(errs, e.announce(text.String()))
	}
	return errors.Join(errs...)
}

// shownKeyTypes are those of which cloud-init shows keys.
const shownKeyTypes = `rsa ecdsa ed25519 ssh-rsa ssh-ed25519 ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521
	sk-ecdsa-sha2-nistp256@openssh.com sk-ssh-ed25519@openssh.com ssh-xmss@openssh.com
	ssh-rsa-cert-v01@openssh.com ssh-ed25519-cert-v01@openssh.com ssh-xmss-cert-v01@openssh.com
	ecdsa-sha2-nistp256-cert-v01@openssh.com ecdsa-sha2-nistp384-cert-v01@openssh.com ecdsa-sha2-nistp521-cert-v01@openssh.com
	sk-ecdsa-sha2-nistp256-cert-v01@openssh.com sk-ssh-ed25519-cert-v01@openssh.com`

// keyTable is the table of a user's keys, with its title, in cloud-init's form: programs read
// it from the console.
func keyTable(user, file string, lines []sshd.AuthorizedKey, hash string) string {
	if len(lines) == 0 {
		return "ci-info: no authorized SSH keys fingerprints found for user " + printable.String(user) + ".\n"
	}
	shown := strings.Fields(shownKeyTypes)
	rows := [][]string{{"Keytype", "Fingerprint (" + hash + ")", "Options", "Comment"}}
	for _, k := range lines {
		if slices.Contains(shown, k.Kind) {
			rows = append(rows, []string{k.Kind, fingerprint(k.Base64, hash), orDash(k.Options), orDash(k.Comment)})
		}
	}
	return printable.Table("Authorized keys from "+file+" for user "+user, rows)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// fingerprint is that of a key's data: bytes in hexadecimal with colons between them, or
// OpenSSH's form.
func fingerprint(encoded, hash string) string {
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "?"
	}
	if hash == opensshFingerprint {
		sum := sha256.Sum256(data)
		return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
	}
	h := fingerprintHashes()[strings.ToLower(hash)]()
	h.Write(data)
	return strings.ReplaceAll(fmt.Sprintf("% x", h.Sum(nil)), " ", ":")
}
