package modules

import (
	"context"
	"slices"
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
func (u *user) setKeys(ctx context.Context) {
	if u.SSHAuthorizedKeys == nil || len(u.keys) == 0 && (u.NoCreateHome || u.System) {
		return // no home is made for the sake of an empty file
	}
	u.report("ssh_authorized_keys", addAuthorizedKeys(ctx, u.e, u.name, u.keys))
}

// redirect makes the instance's own keys tell whoever logs in as this user to use the
// default user.
func (u *user) redirect(ctx context.Context, defaultUser string) {
	if !isGiven(u.SSHRedirectUser) {
		return
	}
	if defaultUser == "" {
		u.warn("ssh_redirect_user", "there is no default user, so it is ignored")
		return
	}
	keys := metadataKeys(u.e)
	if len(keys) == 0 {
		u.warn("ssh_redirect_user", "the instance has no public keys, so it is ignored")
		return
	}
	keys = disable(keys, disableOptions, defaultUser, u.name)
	u.report("ssh_redirect_user", addAuthorizedKeys(ctx, u.e, u.name, keys))
}

// keyList reads public keys from the configuration: a list, one text, or the values of
// a map. What is no key is reported, and not written.
//
// Difference from cloud-init: one text is one key, for the default user too, for whom
// it takes each letter for a key; and it writes what is no key.
func keyList(at config.Cursor) []authorizedKey {
	var keys []authorizedKey
	read := func(at config.Cursor) {
		more, faults := parseKeys(at.Text())
		keys = append(keys, more...)
		for _, fault := range faults {
			at.Errorf("%s; it is not written", fault)
		}
		for _, k := range more {
			if !k.isKnown() {
				at.Notef("the key type %s is not known to this version; it is written", k.kind)
			}
		}
	}
	switch at.Kind() {
	case config.Null:
	case config.List:
		for _, item := range at.Items() {
			read(item)
		}
	case config.Map:
		for _, entry := range at.Entries() {
			read(entry.Value)
		}
	default:
		read(at)
	}
	return distinct(keys)
}

// metadataKeys are the public keys of the instance's metadata.
func metadataKeys(e *Env) []authorizedKey {
	var keys []authorizedKey
	for i, text := range e.Instance.PublicKeys {
		more, faults := parseKeys(text)
		keys = append(keys, more...)
		for _, fault := range faults {
			e.Warn("key %d of the public keys in the metadata: %s; it is not written", i+1, fault)
		}
	}
	return distinct(keys)
}

// parseKeys reads public keys, a line each, and tells what is wrong with the lines that
// are none. What they hold is not shown: it may be a piece of a private key.
func parseKeys(text string) (keys []authorizedKey, faults []string) {
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
			faults = append(faults, "this is no public key")
		case fault != "":
			faults = append(faults, "this is no public key: "+fault)
		default:
			keys = append(keys, k)
		}
	}
	return keys, faults
}

// distinct drops keys that come again with the same options. One with others is kept
// beside it, as in cloud-init.
func distinct(keys []authorizedKey) []authorizedKey {
	type identity struct{ options, base64 string }
	seen := map[identity]bool{}
	return slices.DeleteFunc(keys, func(k authorizedKey) bool {
		id := identity{k.options, k.base64}
		again := seen[id]
		seen[id] = true
		return again
	})
}
