package sshd

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"cloudseed/host"
)

// AuthorizedKey is a line of an authorized_keys file (sshd(8)). A line that holds no
// key, such as a comment, is only a string.
type AuthorizedKey struct {
	text    string // the line, for what has no key
	Options string
	Kind    string // "ssh-ed25519"
	Base64  string
	Comment string
}

func (k AuthorizedKey) isKey() bool { return k.Base64 != "" }

func (k AuthorizedKey) line() string {
	if !k.isKey() {
		return k.text
	}
	var fields []string
	for _, field := range []string{k.Options, k.Kind, k.Base64, k.Comment} {
		if field != "" {
			fields = append(fields, field)
		}
	}
	return strings.Join(fields, " ")
}

// parseAuthorizedKey reads a line: options, which are optional, the key's type, the
// key and a comment.
func parseAuthorizedKey(line string) AuthorizedKey {
	text := strings.TrimRight(line, "\r\n")
	rest := strings.TrimSpace(text)
	if rest == "" || rest[0] == '#' {
		return AuthorizedKey{text: text}
	}
	k := AuthorizedKey{text: text}
	if !startsWithKeyType(rest) {
		k.Options, rest = cutOptions(rest)
	}
	fields := strings.Fields(rest)
	if len(fields) < 2 || !isKeyType(fields[0]) {
		return AuthorizedKey{text: text}
	}
	k.Kind, k.Base64 = fields[0], fields[1]
	rest = strings.TrimSpace(strings.TrimPrefix(rest, k.Kind))
	k.Comment = strings.TrimSpace(strings.TrimPrefix(rest, k.Base64))
	return k
}

func startsWithKeyType(text string) bool {
	first, _, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
	return isKeyType(first)
}

// isKeyType tells key types from options: all that OpenSSH has, and may get, are named
// like this (sshkey.c), and the short names of old versions.
func isKeyType(word string) bool {
	if slices.Contains([]string{"rsa", "dsa", "ecdsa", "ed25519"}, word) {
		return true
	}
	for _, prefix := range []string{"ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-sha2-", "webauthn-sk-"} {
		if strings.HasPrefix(word, prefix) {
			return true
		}
	}
	return false
}

// cutOptions splits the options off: they end at the first white space outside quotes,
// and \" inside quotes does not end them.
func cutOptions(text string) (options, rest string) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && text[i+1] == '"':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t'):
			return text[:i], strings.TrimSpace(text[i:])
		}
	}
	return text, ""
}

// ParseKeys reads public keys, a line each, and tells what is wrong with the lines that
// are not keys. What they hold is not shown: it may be a piece of a private key.
func ParseKeys(text string) (keys []AuthorizedKey, faults []string) {
	if strings.Contains(text, "PRIVATE KEY-----") {
		return nil, []string{"this is a private key: it is the public one that belongs here"}
	}
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		k := parseAuthorizedKey(line)
		switch fault := k.fault(); {
		case !k.isKey():
			faults = append(faults, "this is not a public key")
		case fault != "":
			faults = append(faults, "this is not a public key: "+fault)
		default:
			keys = append(keys, k)
		}
	}
	return keys, faults
}

// Distinct drops keys that come again with the same options. One with others is kept
// beside it, as in cloud-init.
func Distinct(keys []AuthorizedKey) []AuthorizedKey {
	type identity struct{ options, base64 string }
	seen := map[identity]bool{}
	return slices.DeleteFunc(keys, func(k AuthorizedKey) bool {
		id := identity{k.Options, k.Base64}
		again := seen[id]
		seen[id] = true
		return again
	})
}

// RedirectOptions are what is put before a public key so that it cannot log in as one
// user, but is told which to use: cloud-init's own words, which tools look for. The
// exit code tells it from a refused login.
const RedirectOptions = `no-port-forwarding,no-agent-forwarding,no-X11-forwarding,` +
	`command="echo 'Please login as the user \"$USER\" rather than the user \"$DISABLE_USER\".';echo;sleep 10;exit 142"`

// Redirect returns keys with options in place of their own, in which are the names of the
// user that is not to be used and of the one to be used instead.
func Redirect(keys []AuthorizedKey, options, instead, disabled string) []AuthorizedKey {
	options = strings.ReplaceAll(options, "$USER", instead)
	options = strings.ReplaceAll(options, "$DISABLE_USER", disabled)
	changed := make([]AuthorizedKey, len(keys))
	for i, k := range keys {
		k.Options = options
		changed[i] = k
	}
	return changed
}

// keyFields are the numbers of fields, after the type, that the data of keys have (RFC
// 4253 6.6, RFC 5656 3.1, RFC 8709 4, OpenSSH's PROTOCOL.u2f).
var keyFields = map[string]int{
	"ssh-rsa": 2, "ssh-dss": 4, "ssh-ed25519": 1, "ecdsa-sha2-nistp256": 2, "ecdsa-sha2-nistp384": 2, "ecdsa-sha2-nistp521": 2,
	"sk-ssh-ed25519@openssh.com": 2, "sk-ecdsa-sha2-nistp256@openssh.com": 3, "webauthn-sk-ecdsa-sha2-nistp256@openssh.com": 3,
}

const certificateSuffix = "-cert-v01@openssh.com"

// IsKnown reports whether all that belongs to a key of this type is known.
func (k AuthorizedKey) IsKnown() bool {
	return keyFields[k.Kind] > 0 || strings.HasSuffix(k.Kind, certificateSuffix) || !strings.Contains(k.Kind, "-")
}

// fault says why the data are those of no key: they are base64 of strings with their
// lengths, the first of which is the type (RFC 4253 6.6). It is "" when nothing is wrong.
func (k AuthorizedKey) fault() string {
	data, err := base64.StdEncoding.DecodeString(k.Base64)
	if err != nil {
		return "its data are not valid base64"
	}
	kind, rest, ok := cutString(data)
	if !ok {
		return "its data end early"
	}
	inner := string(kind)
	if strings.Contains(k.Kind, "-") && inner != k.Kind { // else a short name of old versions
		return "its data are of another type than " + k.Kind
	}
	want, known := keyFields[inner]
	for fields := 0; known; fields++ {
		if len(rest) == 0 && fields == want {
			break
		}
		if _, rest, ok = cutString(rest); !ok || fields == want {
			return "its data are longer or shorter than a key of its type"
		}
	}
	return ""
}

// mergeKeys puts new keys into a file's lines: a key that is there already, by its
// base64, is replaced where it stands, others are added at the end, and every other
// line is kept.
func mergeKeys(content string, added []AuthorizedKey) string {
	byKey := map[string][]AuthorizedKey{}
	for _, k := range added {
		// One that the metadata and the configuration both have is one.
		if !slices.ContainsFunc(byKey[k.Base64], func(o AuthorizedKey) bool { return o.line() == k.line() }) {
			byKey[k.Base64] = append(byKey[k.Base64], k)
		}
	}
	var out strings.Builder
	placed := map[string]bool{}
	place := func(base64 string) {
		for _, k := range byKey[base64] {
			if !placed[base64] {
				out.WriteString(k.line() + "\n")
			}
		}
		placed[base64] = true
	}
	for line := range strings.Lines(content) {
		old := parseAuthorizedKey(line)
		if old.isKey() && byKey[old.Base64] != nil {
			place(old.Base64)
			continue
		}
		out.WriteString(old.line() + "\n")
	}
	for _, k := range added {
		place(k.Base64)
	}
	return out.String()
}

// Authorize lets keys log in as a user. Where sshd_config names a file that sshd would not
// accept, the usual one is used and warn is called with the reason.
//
// Difference from cloud-init: a link in the place of ~/.ssh or authorized_keys is an
// error. It writes through it, as root, wherever the user has pointed it.
func Authorize(ctx context.Context, h *host.Host, name string, keys []AuthorizedKey, warn func(format string, args ...any)) error {
	user, err := h.User(ctx, name)
	if err != nil {
		return fmt.Errorf("cannot set the authorized keys of %s: %w", name, err)
	}
	if user.Home == "" {
		return fmt.Errorf("cannot set the authorized keys of %s: it has no home directory", name)
	}
	file, err := openKeyFile(h, user, warn)
	if err != nil {
		return fmt.Errorf("cannot set the authorized keys of %s: %w", name, err)
	}
	if err := file.add(h, keys); err != nil {
		return fmt.Errorf("cannot set the authorized keys of %s: %w", name, err)
	}
	return nil
}

// keyFile is a user's authorized_keys, which the user may replace by anything.
type keyFile struct {
	path string
	user host.User
}

// maxKeyFile is the size in bytes of the largest authorized_keys that is added to.
const maxKeyFile = 1 << 20

func (f keyFile) add(h *host.Host, keys []AuthorizedKey) error {
	content, err := h.ReadOwned(f.path, f.user.UID, maxKeyFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err = h.WriteFile(f.path, []byte(mergeKeys(string(content), keys)), host.File{
		Mode: 0o600, Owner: f.user.Owner(), KeepMeta: true,
	})
	return err
}

// defaultKeyFile is sshd's own default, and always a place where keys may go.
const defaultKeyFile = ".ssh/authorized_keys"

// openKeyFile finds the file that keys of a user belong in, and creates what is missing on
// the way to it; see findKeyFile.
func openKeyFile(h *host.Host, user host.User, warn func(format string, args ...any)) (keyFile, error) {
	file, refused, err := findKeyFile(h, user, func(at string, strict bool) (keyFile, error) {
		return openKeyFileAt(h, at, user, strict)
	})
	if err == nil && refused != nil {
		warn("%s is used for the keys of %s, but sshd may not read it: %v", file.path, user.Name, refused)
	}
	return file, err
}

// AuthorizedKeys returns the lines of the file that Authorize adds to. It creates nothing, and
// a file that is not there has no lines.
func AuthorizedKeys(h *host.Host, user host.User) (at string, lines []AuthorizedKey, err error) {
	file, _, err := findKeyFile(h, user, func(at string, strict bool) (keyFile, error) {
		file := keyFile{path: at, user: user}
		return file, file.checkWay(h, strict)
	})
	if err != nil {
		return "", nil, err
	}
	content, err := h.ReadOwned(file.path, user.UID, maxKeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return file.path, nil, nil
	}
	for line := range strings.Lines(string(content)) {
		lines = append(lines, parseAuthorizedKey(line))
	}
	return file.path, lines, err
}

// findKeyFile returns the first file that AuthorizedKeysFile names for this user alone and
// that can be opened as sshd would accept it, else the usual one, with why the others cannot.
func findKeyFile(h *host.Host, user host.User, open func(at string, strict bool) (keyFile, error)) (file keyFile, refused, err error) {
	patterns, err := Get(h, "AuthorizedKeysFile", defaultKeyFile)
	if err != nil {
		return keyFile{}, nil, err
	}
	strict, err := Get(h, "StrictModes", "yes")
	if err != nil {
		return keyFile{}, nil, err
	}
	for pattern := range strings.FieldsSeq(patterns) {
		at := expandKeyFile(strings.Trim(pattern, `"`), user)
		own := strings.Contains(pattern, "%u") || strings.Contains(pattern, "%h") || isBelow(at, user.Home)
		if !own || pattern == "none" {
			continue // a file for all users is not one user's to add to
		}
		file, err := open(at, strict != "no")
		if err == nil {
			return file, nil, nil
		}
		refused = errors.Join(refused, err)
	}
	file, err = open(path.Join(user.Home, defaultKeyFile), false)
	return file, refused, err
}

// expandKeyFile replaces the tokens of AuthorizedKeysFile (sshd_config(5)).
func expandKeyFile(pattern string, user host.User) string {
	at := strings.NewReplacer("%%", "%", "%h", user.Home, "%u", user.Name, "%U", strconv.Itoa(user.UID)).Replace(pattern)
	if !path.IsAbs(at) {
		at = path.Join(user.Home, at)
	}
	return path.Clean(at)
}

func isBelow(at, dir string) bool {
	return strings.HasPrefix(at, strings.TrimSuffix(dir, "/")+"/")
}

// openKeyFileAt creates what is missing of the way to the file. Strict asks of all on the
// way what sshd's StrictModes does.
func openKeyFileAt(h *host.Host, at string, user host.User, strict bool) (keyFile, error) {
	file := keyFile{path: at, user: user}
	mode, owner := fs.FileMode(0o755), host.Owner{}
	if isBelow(at, user.Home) {
		mode, owner = 0o700, user.Owner()
		if err := makeHome(h, user); err != nil {
			return keyFile{}, err
		}
	}
	if err := h.Mkdir(path.Dir(at), mode, owner); err != nil {
		return keyFile{}, err
	}
	return file, file.checkWay(h, strict)
}

// checkWay checks all that is there on the way to the file; see check.
func (f keyFile) checkWay(h *host.Host, strict bool) error {
	on := "/"
	if isBelow(f.path, f.user.Home) {
		on = f.user.Home
	}
	for name := range strings.SplitSeq(strings.Trim(strings.TrimPrefix(f.path, on), "/"), "/") {
		on = path.Join(on, name)
		err := f.check(h, on, on != f.path, strict)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func makeHome(h *host.Host, user host.User) error {
	if err := h.Mkdir(path.Dir(user.Home), 0o755, host.Owner{}); err != nil {
		return err
	}
	return h.Mkdir(user.Home, 0o700, user.Owner())
}

// check refuses what sshd, or care, would not let be on the way to a key file: links,
// and with StrictModes what others than root and the user own or may write to
// (sshd's safe_path, misc.c).
func (f keyFile) check(h *host.Host, at string, isDir, strict bool) error {
	info, err := h.Lstat(at)
	if err != nil {
		return err
	}
	if isDir && !info.IsDir() || !isDir && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is a link or of another kind than it must be", at)
	}
	if !strict {
		return nil
	}
	owner := h.Owner(at, info)
	if owner.UID != 0 && owner.UID != f.user.UID {
		return fmt.Errorf("%s belongs to neither root nor %s", at, f.user.Name)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("others may write to %s", at)
	}
	if owner.UID != f.user.UID && owner.GID != f.user.GID && info.Mode().Perm()&0o005 == 0 {
		return fmt.Errorf("%s may not read %s", f.user.Name, at)
	}
	return nil
}
