package sshd

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"slices"
	"strings"

	"cloudseed/host"
	"cloudseed/printable"
)

// publicKeyGlob are the files that host keys are shown from.
const publicKeyGlob = "/etc/ssh/ssh_host_*key.pub"

// maxPublicKey is the size in bytes of the largest file that is taken for a public key.
const maxPublicKey = 64 << 10

// The name and frames by which programs find host keys on a console: cloud-init's.
const (
	logTag            = "cloud-init"
	frame             = "#############################################################"
	beginFingerprints = "-----BEGIN SSH HOST KEY FINGERPRINTS-----"
	endFingerprints   = "-----END SSH HOST KEY FINGERPRINTS-----"
	beginKeys         = "-----BEGIN SSH HOST KEY KEYS-----"
	endKeys           = "-----END SSH HOST KEY KEYS-----"
)

// ShowHostKeys writes the fingerprints of the guest's host keys to its log, and returns them
// and the public keys as lines for its console. Keys of hidden types ("ssh-rsa") are not
// among them. The error tells what could not be read or written; the rest is shown.
func ShowHostKeys(h *host.Host, hiddenFingerprints, hiddenKeys []string) (lines []string, err error) {
	keys, err := publicKeysOf(h)
	var fingerprints, public []string
	errs := []error{err}
	for _, k := range keys {
		if !slices.Contains(hiddenFingerprints, k.kind) {
			text, err := k.fingerprint()
			if err != nil {
				errs = append(errs, err)
				continue
			}
			fingerprints = append(fingerprints, text)
		}
		if !slices.Contains(hiddenKeys, k.kind) {
			public = append(public, k.line)
		}
	}
	if len(fingerprints) > 0 {
		for _, text := range slices.Concat([]string{frame, beginFingerprints}, fingerprints, []string{endFingerprints, frame}) {
			lines = append(lines, h.SyslogLine(logTag, text))
		}
		if err := h.Syslog(lines...); !errors.Is(err, fs.ErrNotExist) { // without a log they are on the console alone
			errs = append(errs, err)
		}
	}
	if len(public) > 0 {
		lines = slices.Concat(lines, []string{beginKeys}, public, []string{endKeys})
	}
	return lines, errors.Join(errs...)
}

// publicKey is a public host key.
type publicKey struct {
	file       string
	kind, data string // the key's type, and its data in base64
	line       string // the key as it is in the file, without what is not to be seen
	comment    string
}

// publicKeysOf returns the guest's public host keys, in the order of their files' names.
func publicKeysOf(h *host.Host) ([]publicKey, error) {
	files, err := h.Glob(publicKeyGlob)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot list the host keys: %w", err)
	}
	slices.Sort(files)
	var keys []publicKey
	var errs []error
	for _, file := range files {
		content, err := h.ReadAtMost(file, maxPublicKey)
		if err != nil {
			errs = append(errs, fmt.Errorf("cannot read the host key %s: %w", file, err))
			continue
		}
		for line := range strings.Lines(string(content)) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			k := publicKey{file: file, line: printable.String(line)}
			k.kind, line, _ = strings.Cut(line, " ")
			k.data, k.comment, _ = strings.Cut(strings.TrimSpace(line), " ")
			keys = append(keys, k)
		}
	}
	return keys, errors.Join(errs...)
}

// fingerprint is what `ssh-keygen -l` prints of the key; of a type that this version does not
// know, without the number of bits.
func (k publicKey) fingerprint() (string, error) {
	data, err := base64.StdEncoding.DecodeString(k.data)
	if err != nil {
		return "", fmt.Errorf("%s holds no public key: its data are not valid base64", k.file)
	}
	kind, _, ok := cutString(data)
	if !ok || string(kind) != k.kind {
		return "", fmt.Errorf("%s holds no public key: its data are of another type", k.file)
	}
	size, name := sizeOf(data)
	if size == 0 && name != "" {
		return "", fmt.Errorf("%s holds no public key: its data end early", k.file)
	}
	comment := printable.String(strings.TrimSpace(k.comment))
	if comment == "" {
		comment = "no comment"
	}
	sum := sha256.Sum256(data)
	if name == "" {
		return fmt.Sprintf("SHA256:%s %s (%s)", base64.RawStdEncoding.EncodeToString(sum[:]), comment, printable.String(k.kind)), nil
	}
	return fmt.Sprintf("%d SHA256:%s %s (%s)", size, base64.RawStdEncoding.EncodeToString(sum[:]), comment, name), nil
}

// sizeOf returns the number of bits of a key and the name of its kind, as OpenSSH has them
// (RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4). There is no name of a type that this version does
// not know, and there are no bits of a key that is not whole.
func sizeOf(data []byte) (bits int, name string) {
	kind, rest, _ := cutString(data)
	switch string(kind) {
	case "ssh-ed25519":
		return 256, "ED25519"
	case "ecdsa-sha2-nistp256":
		return 256, "ECDSA"
	case "ecdsa-sha2-nistp384":
		return 384, "ECDSA"
	case "ecdsa-sha2-nistp521":
		return 521, "ECDSA"
	case "ssh-rsa":
		name = "RSA"
		_, rest, _ = cutString(rest) // the exponent
	case "ssh-dss":
		name = "DSA"
	default:
		return 0, ""
	}
	modulus, _, _ := cutString(rest)
	return new(big.Int).SetBytes(modulus).BitLen(), name
}

// cutString splits off a string with its length before it (RFC 4251 5).
func cutString(data []byte) (text, rest []byte, ok bool) {
	if len(data) < 4 {
		return nil, nil, false
	}
	n := binary.BigEndian.Uint32(data)
	if uint64(n) > uint64(len(data)-4) {
		return nil, nil, false
	}
	return data[4 : 4+n], data[4+n:], true
}
