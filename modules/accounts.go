package modules

import (
	"cmp"
	"slices"
	"strings"

	"cloudseed/config"
)

// The accounts of a configuration come from four places: the system's default user,
// `user`, which stands for it under another name, `users` and `groups`. What they
// come to is worked out here, for users_groups, which makes the accounts, and for ssh
// and set_passwords, which must know the default user.

// account is a user that the configuration wants.
type account struct {
	name      string
	isDefault bool
	at        config.Cursor   // where in the configuration: "users.2"
	layers    []config.Cursor // mappings that say something of it; the first that says a thing wins
	groups    []string        // of the default user, in place of what the layers say
}

// group is a group that the configuration wants, with the users that shall be in it.
type group struct {
	name    string
	members []string
	at      config.Cursor
}

// usersOf returns the users that the configuration wants, in the order they are created
// in: the default user last, wherever it is, as cloud-init does. What is wrong with them
// is found by root, the cursor of the configuration.
func usersOf(root config.Cursor, systemUser *config.Value) []account {
	r := accountReader{byName: map[string]*account{}}
	own := r.user(root.Get("user"))
	r.users(root.Get("users"))
	if !own.IsNull() {
		r.mention(defaultName, own) // `user` asks for the default user, whatever `users` says
	}
	r.nameDefault(own, root.Path("system_info.default_user").With(systemUser))
	found := make([]account, len(r.order))
	for i, a := range r.order {
		found[i] = *a
	}
	return found
}

// wantedAccounts are the accounts of a module that does not report what is wrong with
// them: users_groups does.
func wantedAccounts(e *Env) []account {
	var unreported config.Findings
	return usersOf(e.Config.Root().At(&unreported), e.Instance.DefaultUser)
}

// defaultAccount returns the name of the default user; "" when there is none.
func defaultAccount(e *Env) string {
	for _, a := range wantedAccounts(e) {
		if a.isDefault {
			return a.name
		}
	}
	return ""
}

// defaultName stands for the system's default user in `users`.
const defaultName = "default"

// accountReader collects accounts by name, in the order of their first mention.
type accountReader struct {
	order  []*account
	byName map[string]*account
}

// mention adds an account of which nothing more is said.
func (r *accountReader) mention(name string, at config.Cursor) *account {
	a := r.byName[name]
	if a == nil {
		a = &account{name: name, at: at}
		r.byName[name] = a
		r.order = append(r.order, a)
	}
	return a
}

// describe adds an account with what a mapping says of it.
func (r *accountReader) describe(name string, layer config.Cursor) {
	a := r.mention(name, layer)
	a.layers = append(a.layers, layer)
}

func (r *accountReader) remove(name string) *account {
	a := r.byName[name]
	delete(r.byName, name)
	r.order = slices.DeleteFunc(r.order, func(other *account) bool { return other == a })
	return a
}

// user reads `user`: a name or a mapping, which is put over the system's default user. It
// is null where that says nothing.
func (r *accountReader) user(at config.Cursor) config.Cursor {
	nothing := at.With(nil)
	switch at.Kind() {
	case config.Null:
	case config.String:
		if at.Text() != "" {
			return at.With(config.FromAny(at.Value().Pos().File, map[string]any{"name": at.Text()}))
		}
	case config.Map:
		if len(at.Value().Keys()) > 0 {
			return at
		}
	default:
		at.Warnf("expected a name or a map, so it is ignored")
	}
	return nothing
}

// users reads `users`: a list of names and maps, a map of names, or names separated by
// commas.
func (r *accountReader) users(at config.Cursor) {
	switch at.Kind() {
	case config.Null:
	case config.List:
		for _, item := range at.Items() {
			r.item(item)
		}
	case config.Map:
		at.Deprecatedf("a map is deprecated: use a list")
		for _, entry := range at.Entries() {
			r.named(entry.Key, entry.Value)
		}
	case config.String:
		at.Deprecatedf("a string is deprecated: use a list")
		names := commaList(at.Text())
		slices.Sort(names)
		r.names(names, at)
	default:
		at.Errorf("expected a list of users, got %s; it is ignored", config.Shown(at.Value()))
	}
}

func (r *accountReader) item(at config.Cursor) {
	switch at.Kind() {
	case config.Map:
		r.described(at)
	case config.List:
		for _, item := range at.Items() {
			r.names([]string{strings.TrimSpace(item.Text())}, item)
		}
	case config.Null:
		at.Errorf("expected a name or the keys of a user, got nothing")
	default:
		r.names(commaList(at.Text()), at)
	}
}

func (r *accountReader) names(names []string, at config.Cursor) {
	for _, name := range names {
		if name != "" {
			r.mention(name, at)
		}
	}
}

// described reads a user that is a map. Without a name it is of the default user.
func (r *accountReader) described(at config.Cursor) {
	name := at.Get("name")
	text := strings.TrimSpace(name.Text())
	switch {
	case name.Value() == nil:
		r.describe(defaultName, at)
	case name.Kind() == config.List || name.Kind() == config.Map:
		name.Errorf("expected a name, got %s, so this user is skipped", config.Shown(name.Value()))
	case text == "":
		name.Errorf("expected a name, got nothing, so this user is skipped")
	default:
		r.describe(text, at)
	}
}

// named reads an entry of `users` as a map: a user, or whether to have it.
func (r *accountReader) named(name string, at config.Cursor) {
	switch at.Kind() {
	case config.Map:
		r.describe(name, at)
	case config.List, config.Null:
		at.Errorf("expected a map or true, so this user is skipped")
	default:
		if config.IsTrue(at.Value()) {
			r.mention(name, at)
		}
	}
}

// nameDefault gives the user "default" its real name and all that is said of it: by the
// entry of the real name, "default" itself, `user` and the system, in this order, which is
// that of cloud-init since 24.1.
func (r *accountReader) nameDefault(own, base config.Cursor) {
	mention := r.remove(defaultName)
	if mention == nil {
		return
	}
	name := cmp.Or(own.Get("name").Text(), base.Get("name").Text())
	if name == "" {
		mention.at.Warnf("the system has no default user, so there is none")
		return
	}
	named := r.remove(name)
	a := &account{name: name, isDefault: true, at: mention.at}
	system := &account{}
	for _, layer := range []config.Cursor{own, base} {
		if layer.Value() != nil {
			system.layers = append(system.layers, layer)
		}
	}
	if !own.IsNull() {
		a.at = own
	}
	if named != nil {
		a.layers = append(a.layers, named.layers...)
	}
	a.layers = slices.Concat(a.layers, mention.layers, system.layers)
	a.groups = defaultGroups(system, named)
	r.byName[name] = a
	r.order = append(r.order, a)
}

// defaultGroups are the groups of the default user: those of `user`, or else the system's,
// together with those that are given under its real name. As with cloud-init, "default"
// has no say in them.
func defaultGroups(system, named *account) []string {
	groups := groupNames(system.get("groups"))
	if named != nil {
		groups = append(groups, groupNames(named.get("groups"))...)
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// get is what the account's first layer that has a key says; keys may be spelled with
// hyphens.
func (a *account) get(key string) *config.Value { return a.find(key).Value() }

// find is get with its place; without a value, it is the account's.
func (a *account) find(key string) config.Cursor {
	for _, layer := range a.layers {
		for _, found := range layer.Value().Keys() {
			if strings.ReplaceAll(strings.TrimSpace(found), "-", "_") == key {
				return layer.Get(found)
			}
		}
	}
	return a.at.With(nil)
}

// groupNames reads a list of groups, names separated by commas, or a map of groups.
func groupNames(v *config.Value) []string {
	switch v.Kind() {
	case config.List:
		var names []string
		for _, item := range v.Items() {
			names = append(names, commaList(item.Text())...)
		}
		return names
	case config.Map:
		return v.Keys()
	case config.Null:
		return nil
	default:
		return commaList(v.Text())
	}
}

// commaList splits names at commas and drops empty ones.
func commaList(text string) []string {
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// groups are the groups that the configuration wants, in order.
func groups(at config.Cursor) []group {
	var r groupReader
	switch at.Kind() {
	case config.Null:
	case config.List:
		for _, item := range at.Items() {
			r.item(item)
		}
	case config.Map:
		r.item(at)
	case config.String:
		for _, name := range commaList(at.Text()) {
			r.add(name, nil, at)
		}
	default:
		at.Errorf("expected a list of groups, got %s; it is ignored", config.Shown(at.Value()))
	}
	return r.found
}

type groupReader struct{ found []group }

func (r *groupReader) item(at config.Cursor) {
	switch at.Kind() {
	case config.Map:
		for _, entry := range at.Entries() {
			members := entry.Value
			if members.Kind() == config.Map {
				members.Errorf("expected a list of users, so it has no members")
				members = members.With(nil)
			}
			r.add(entry.Key, groupNames(members.Value()), at)
		}
	case config.List, config.Null:
		at.Errorf("expected the name of a group, so it is skipped")
	default:
		for _, name := range commaList(at.Text()) {
			r.add(name, nil, at)
		}
	}
}

func (r *groupReader) add(name string, members []string, at config.Cursor) {
	i := slices.IndexFunc(r.found, func(g group) bool { return g.name == name })
	if i < 0 {
		i = len(r.found)
		r.found = append(r.found, group{name: name, at: at})
	}
	r.found[i].members = append(r.found[i].members, members...)
	slices.Sort(r.found[i].members)
	r.found[i].members = slices.Compact(r.found[i].members)
}
