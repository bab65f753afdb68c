package modules

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"cloudseed/config"
	"cloudseed/guest/sshd"
	"cloudseed/modules/cloudconfig"
	"cloudseed/printable"
	"cloudseed/state"
)

type sshImportKeys struct {
	IDs *config.Value `key:"ssh_import_id" takes:"list(text)|text" doc:"Accounts whose public keys may log in as the default user: gh:NAME of GitHub, lp:NAME or NAME of Launchpad. Other users have the same key in users."`

	imports []keyImport // what Check read
	off     bool        // there are some, and the module is off
}

// keyImport is an account of a server whose public keys may log in as a user.
type keyImport struct {
	user string
	id   string // "gh:alice"
	url  string
	at   config.Cursor
}

var sshImportID = Of[sshImportKeys]{
	Name:       "ssh_import_id",
	Stage:      ConfigStage,
	Frequency:  state.PerInstance,
	Repeatable: true,
	Doc: "Lets the public keys of accounts of GitHub and Launchpad log in. As with cloud-init it is skipped on this family of " +
		"systems unless unverified_modules lists it. A key that may log in already is unchanged.",
	Example: "unverified_modules: [ssh_import_id]\nssh_import_id: [gh:alice]\nusers:\n  - default\n  - name: bob\n    ssh_import_id: [lp:bob]\n",
	Check:   checkSSHImport,
	Run:     runSSHImport,
}.Module()

// importIsOff is told of what is configured where the module is off.
const importIsOff = "no keys are imported on this system unless unverified_modules lists ssh_import_id"

const (
	// importTime is how long one server may take, all tries together.
	importTime = 5 * time.Minute

	// maxImport is the size in bytes of the longest answer that is read.
	maxImport = 1 << 20
)

func checkSSHImport(e *Env, keys *sshImportKeys) {
	keys.imports, keys.off = nil, false
	if len(e.Args) > 0 {
		for _, id := range e.Args[1:] {
			keys.want(e.Args[0], id, e.At("ssh_import_id").With(nil))
		}
	} else {
		hasDefault := false
		for _, a := range cloudconfig.WantedUsers(e.Config.Root(), e.Instance.DefaultUser) {
			if hasDefault = hasDefault || a.IsDefault; a.IsDefault {
				keys.wantAll(a.Name, e.At("ssh_import_id"))
			}
			// WantedUsers keeps what is found of the accounts to itself.
			own := a.Find("ssh_import_id")
			if own.Value() != nil {
				keys.wantAll(a.Name, e.At(own.Key()).With(own.Value()))
			}
		}
		if at := e.At("ssh_import_id"); !hasDefault && !at.IsNull() {
			at.Warnf("there is no default user, who could log in by these accounts' keys; none is imported")
		}
	}
	if len(keys.imports) == 0 || isUnverified(e, "ssh_import_id") {
		return
	}
	keys.imports[0].at.Notef(importIsOff)
	keys.imports, keys.off = nil, true
}

// isUnverified reports whether the configuration has a module run that cloud-init was not
// tried with on this family of systems.
func isUnverified(e *Env, module string) bool {
	at := e.At("unverified_modules")
	return slices.ContainsFunc(at.Items(), func(item config.Cursor) bool { return CanonicalName(item.Text()) == module })
}

// wantAll reads a list of accounts, or one.
func (keys *sshImportKeys) wantAll(user string, at config.Cursor) {
	for _, item := range at.Each() {
		if item.Kind() == config.List || item.Kind() == config.Map || item.IsNull() {
			item.Errorf("expected an account, such as gh:alice, got %s; skipped", config.KindInWords(item.Value()))
			continue
		}
		keys.want(user, strings.TrimSpace(item.Text()), item)
	}
}

// isAccountName reports whether GitHub or Launchpad may have an account of that name.
func isAccountName(name string) bool {
	return name != "" && !strings.ContainsAny(name[:1], "+._-") && !strings.ContainsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("+._-", r)
	})
}

// want adds an account, whose server is Launchpad unless it says another.
//
// Difference from cloud-init: GitHub's keys are read at github.com, which has no limit of 60
// requests in an hour, and not at api.github.com.
func (keys *sshImportKeys) want(user, id string, at config.Cursor) {
	server, name, found := strings.Cut(id, ":")
	if !found {
		server, name = "lp", id
	}
	i := keyImport{user: user, id: server + ":" + name, at: at}
	switch {
	case server != "gh" && server != "lp":
		at.Errorf("there is no server %q: expected gh:NAME or lp:NAME; skipped", server)
		return
	case !isAccountName(name):
		at.Errorf("%q is not the name of an account; skipped", name)
		return
	case server == "gh":
		i.url = "https://github.com/" + url.PathEscape(name) + ".keys"
	default:
		i.url = "https://launchpad.net/~" + url.PathEscape(name) + "/+sshkeys"
	}
	if !slices.ContainsFunc(keys.imports, func(other keyImport) bool { return other.user == user && other.id == i.id }) {
		keys.imports = append(keys.imports, i)
	}
}

// runSSHImport imports the keys.
//
// Difference from cloud-init: it is done here, without the program ssh-import-id, as root's
// own work and not the user's; and an account that cannot be read does not keep the user's
// others from being so.
func runSSHImport(ctx context.Context, e *Env, keys *sshImportKeys) error {
	if keys.off {
		e.skipped = importIsOff
	}
	for _, i := range keys.imports {
		if err := importKeys(ctx, e, i); err != nil {
			i.at.Fail(fmt.Errorf("cannot import the keys of %s for %s: %w", i.id, i.user, err))
		}
	}
	return nil
}

func importKeys(ctx context.Context, e *Env, i keyImport) error {
	user, err := e.Host.User(ctx, i.user)
	if err != nil {
		return err
	}
	if user.Name != i.user || user.Home == "" {
		return fmt.Errorf("there is no user of that name with a home directory")
	}
	if e.Fetch == nil {
		return fmt.Errorf("nothing here can fetch %s", i.url)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, importTime, fmt.Errorf("it took longer than %s", importTime))
	defer cancel()
	data, err := e.Fetch(ctx, i.url, nil)
	if err != nil {
		return err
	}
	if len(data) > maxImport {
		return fmt.Errorf("%s has more than %d bytes", i.url, maxImport)
	}
	found, faults := sshd.ParseKeys(string(data))
	if len(found) == 0 && len(faults) > 0 {
		return fmt.Errorf("%s has something else than public keys", i.url)
	}
	if len(found) == 0 {
		return fmt.Errorf("%s has no public keys", i.url)
	}
	_, present, err := sshd.AuthorizedKeys(e.Host, user)
	if err != nil {
		return err
	}
	var fresh []sshd.AuthorizedKey
	for _, k := range sshd.Distinct(found) {
		switch {
		case k.Options != "":
			faults = append(faults, "a key with options")
		case slices.ContainsFunc(present, func(p sshd.AuthorizedKey) bool { return p.Base64 == k.Base64 }):
		default:
			// ssh-import-id finds by this end of the line what it is to remove.
			k.Comment = strings.TrimSpace(printable.String(k.Comment) + " # ssh-import-id " + i.id)
			fresh = append(fresh, k)
		}
	}
	if len(faults) > 0 {
		i.at.Warnf("%d lines of %s are not public keys without options; skipped", len(faults), i.url)
	}
	if len(fresh) == 0 {
		return nil
	}
	return sshd.Authorize(ctx, e.Host, i.user, fresh, e.Warn)
}
