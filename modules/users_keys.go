package modules

import (
	"context"

	"cloudseed/config"
	"cloudseed/guest/sshd"
)

// setKeys lets the keys of the configuration log in as the user.
func (u *user) setKeys(ctx context.Context) {
	if u.SSHAuthorizedKeys == nil || len(u.keys) == 0 && (u.NoCreateHome || u.System) {
		return // no home is made for the sake of an empty file
	}
	u.report("ssh_authorized_keys", sshd.Authorize(ctx, u.e.Host, u.name, u.keys, u.e.Warn))
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
	keys = sshd.Redirect(keys, sshd.RedirectOptions, defaultUser, u.name)
	u.report("ssh_redirect_user", sshd.Authorize(ctx, u.e.Host, u.name, keys, u.e.Warn))
}

// keyList reads public keys from the configuration: a list, one text, or the values of
// a map. What is no key is reported, and not written.
//
// Difference from cloud-init: one text is one key, for the default user too, for whom
// it takes each letter for a key; and it writes what is no key.
func keyList(at config.Cursor) []sshd.AuthorizedKey {
	var keys []sshd.AuthorizedKey
	read := func(at config.Cursor) {
		more, faults := sshd.ParseKeys(at.Text())
		keys = append(keys, more...)
		for _, fault := range faults {
			at.Errorf("%s; it is not written", fault)
		}
		for _, k := range more {
			if !k.IsKnown() {
				at.Notef("the key type %s is not known to this version; it is written", k.Kind)
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
	return sshd.Distinct(keys)
}

// metadataKeys are the public keys of the instance's metadata.
func metadataKeys(e *Env) []sshd.AuthorizedKey {
	var keys []sshd.AuthorizedKey
	for i, text := range e.Instance.PublicKeys {
		more, faults := sshd.ParseKeys(text)
		keys = append(keys, more...)
		for _, fault := range faults {
			e.Warn("key %d of the public keys in the metadata: %s; it is not written", i+1, fault)
		}
	}
	return sshd.Distinct(keys)
}
