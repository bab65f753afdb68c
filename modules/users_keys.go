package modules

import (
	"errors"
	"fmt"
	"strings"

	"cloudseed/config"
)

// disableOptions are what is put before a public key so that it cannot log in as one
// user, but is told which to use: cloud-init's own text, which tools look for. The
// exit code tells it from a refused login.
const disableOptions = `no-port-forwarding,no-agent-forwarding,no-X11-forwarding,` +
	`command="echo 'Please login as the user \"$USER\" rather than the user \"$DISABLE_USER\".';echo;sleep 10;exit 142"`

// disable puts options before keys, in place of their own, with the names of the user
// that is not to be used and of the one to be used instead.
func disable(keys []authorizedKey, options, instead, disabled string) []authorizedKey {
	options = strings.ReplaceAll(options, "$USER", instead)
	options = strings.ReplaceAll(options, "$DISABLE_USER", disabled)
	changed := make([]authorizedKey, len(keys))
	for i, k := range keys {
		k.options = options
		changed[i] = k
	}
	return changed
}

// setKeys lets the keys of the configuration log in as the user.
func (u *user) setKeys() {
	if u.SSHAuthorizedKeys == nil || len(u.keys) == 0 && (u.NoCreateHome || u.System) {
		return // no home is made for the sake of an empty file
	}
	u.report("ssh_authorized_keys", addAuthorizedKeys(u.e, u.name, u.keys))
}

// redirect makes the instance's own keys tell whoever logs in as this user to use the
// default user.
func (u *user) redirect(defaultUser string) {
	if !isGiven(u.SSHRedirectUser) {
		return
	}
	if defaultUser == "" {
		u.warn("ssh_redirect_user", "there is no default user, so it is ignored")
		return
	}
	keys, err := parseKeys(u.e.Instance.PublicKeys)
	u.report("ssh_redirect_user", err)
	if len(keys) == 0 {
		u.warn("ssh_redirect_user", "the instance has no public keys, so it is ignored")
		return
	}
	keys = disable(keys, disableOptions, defaultUser, u.name)
	u.report("ssh_redirect_user", addAuthorizedKeys(u.e, u.name, keys))
}

// keyList reads public keys from the configuration: a list, one text, or the values of
// a map. The error is about those that are none.
//
// Difference from cloud-init: one text is one key, for the default user too, for whom
// it takes each letter for a key; and what is no key is reported, not passed over.
func keyList(v *config.Value) ([]authorizedKey, error) {
	var lines []string
	switch v.Kind() {
	case config.Null:
	case config.List:
		for _, item := range v.Items() {
			lines = append(lines, item.Text())
		}
	case config.Map:
		for _, name := range v.Keys() {
			lines = append(lines, v.Get(name).Text())
		}
	default:
		lines = append(lines, v.Text())
	}
	return parseKeys(lines)
}

// parseKeys reads public keys, of which one text may hold several lines, and drops
// those that come again. The errors name keys by their numbers.
func parseKeys(texts []string) ([]authorizedKey, error) {
	var keys []authorizedKey
	var errs []error
	seen := map[string]bool{}
	for i, text := range texts {
		if strings.Contains(text, "PRIVATE KEY-----") {
			errs = append(errs, fmt.Errorf("key %d is a private key: it is the public one that belongs here", i+1))
			continue
		}
		for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
			k := parseAuthorizedKey(line)
			switch {
			case k.isKey() && !seen[k.base64]:
				seen[k.base64] = true
				keys = append(keys, k)
			case !k.isKey() && strings.TrimSpace(line) != "" && !strings.HasPrefix(strings.TrimSpace(line), "#"):
				// It is not shown: what is no public key may be a piece of a private one.
				errs = append(errs, fmt.Errorf("key %d is no public key", i+1))
			}
		}
	}
	return keys, errors.Join(errs...)
}
