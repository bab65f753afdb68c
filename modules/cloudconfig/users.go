package cloudconfig

import (
	"cmp"
	"slices"
	"strings"

	"cloudseed/config"
)

// The users of a configuration come from three places: the system's default user, `user`,
// which stands for it under another name, and `users`.

// User is a user that the configuration wants.
type User struct {
	Name      string
	IsDefault bool
	At        config.Cursor   // where in the configuration: "users.2"
	layers    []config.Cursor // mappings that say something of it; the first that says a thing wins
	groups    []string        // of the default user, in place of what the layers say
}

// Group is a group that the configuration wants, with the users that shall be in it.
type Group struct {
	Name    string
	Members []string
	At      config.Cursor
}

// Users returns the users that the configuration wants, in the order they are created
// in: the default user last, wherever it is, as cloud-init does. What is wrong with them
// is found by root, the cursor of the configuration.
func Users(root config.Cursor, systemUser *config.Value) []User {
	r := userReader{byName: map[string]*User{}}
	own := r.user(root.Get("user"))
	r.users(root.Get("users"))
	if !own.IsNull() {
		r.mention(DefaultName, own) // `user` asks for the default user, whatever `users` says
	}
	r.nameDefault(own, root.Path("system_info.default_user").With(systemUser))
	found := make([]User, len(r.order))
	for i, a := range r.order {
		found[i] = *a
	}
	return found
}

// WantedUsers returns Users for a module that does not report what is wrong with them:
// users_groups does.
func WantedUsers(root, systemUser *config.Value) []User {
	var unreported config.Findings
	return Users(root.At(&unreported), systemUser)
}

// DefaultUser returns the name of the default user; "" when there is none.
func DefaultUser(root, systemUser *config.Value) string {
	for _, u := range WantedUsers(root, systemUser) {
		if u.IsDefault {
			return u.Name
		}
	}
	return ""
}

// DefaultName stands for the system's default user in `users`.
const DefaultName = "default"

// userReader collects users by name, in the order of their first mention.
type userReader struct {
	order  []*User
	byName map[string]*User
}

// mention adds a user of which nothing more is said.
func (r *userReader) mention(name string, at config.Cursor) *User {
	a := r.byName[name]
	if a == nil {
		a = &User{Name: name, At: at}
		r.byName[name] = a
		r.order = append(r.order, a)
	}
	return a
}

// describe adds a user with what a mapping says of it.
func (r *userReader) describe(name string, layer config.Cursor) {
	a := r.mention(name, layer)
	a.layers = append(a.layers, layer)
}

func (r *userReader) remove(name string) *User {
	a := r.byName[name]
	delete(r.byName, name)
	r.order = slices.DeleteFunc(r.order, func(other *User) bool { return other == a })
	return a
}

// user reads `user`: a name or a mapping, which is put over the system's default user. It
// is null where that says nothing.
func (r *userReader) user(at config.Cursor) config.Cursor {
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
		at.Warnf("expected a name or a mapping, so it is ignored")
	}
	return nothing
}

// users reads `users`: a list of names and mappings, a mapping of names, or names separated by
// commas.
func (r *userReader) users(at config.Cursor) {
	switch at.Kind() {
	case config.Null:
	case config.List:
		for _, item := range at.Items() {
			r.item(item)
		}
	case config.Map:
		at.Deprecatedf("a mapping is deprecated: use a list")
		for _, entry := range at.Entries() {
			r.named(entry.Key, entry.Value)
		}
	case config.String:
		at.Deprecatedf("a string is deprecated: use a list")
		names := CommaList(at.Text())
		slices.Sort(names)
		r.names(names, at)
	default:
		at.Errorf("expected a list of users, got %s; it is ignored", config.Shown(at.Value()))
	}
}

func (r *userReader) item(at config.Cursor) {
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
		r.names(CommaList(at.Text()), at)
	}
}

func (r *userReader) names(names []string, at config.Cursor) {
	for _, name := range names {
		if name != "" {
			r.mention(name, at)
		}
	}
}

// described reads a user that is a mapping. Without a name it is of the default user.
func (r *userReader) described(at config.Cursor) {
	name := at.Get("name")
	text := strings.TrimSpace(name.Text())
	switch {
	case name.Value() == nil:
		r.describe(DefaultName, at)
	case name.Kind() == config.List || name.Kind() == config.Map:
		name.Errorf("expected a name, got %s, so this user is skipped", config.Shown(name.Value()))
	case text == "":
		name.Errorf("expected a name, got nothing, so this user is skipped")
	default:
		r.describe(text, at)
	}
}

// named reads an entry of `users` as a mapping: a user, or whether to have it.
func (r *userReader) named(name string, at config.Cursor) {
	switch at.Kind() {
	case config.Map:
		r.describe(name, at)
	case config.List, config.Null:
		at.Errorf("expected a mapping or true, so this user is skipped")
	default:
		if config.IsTrue(at.Value()) {
			r.mention(name, at)
		}
	}
}

// nameDefault gives the user "default" its real name and all that is said of it: by the
// entry of the real name, "default" itself, `user` and the system, in this order, which is
// that of cloud-init since 24.1.
func (r *userReader) nameDefault(own, base config.Cursor) {
	mention := r.remove(DefaultName)
	if mention == nil {
		return
	}
	name := cmp.Or(own.Get("name").Text(), base.Get("name").Text())
	if name == "" {
		mention.At.Warnf("the system has no default user, so there is none")
		return
	}
	named := r.remove(name)
	a := &User{Name: name, IsDefault: true, At: mention.At}
	system := &User{}
	for _, layer := range []config.Cursor{own, base} {
		if layer.Value() != nil {
			system.layers = append(system.layers, layer)
		}
	}
	if !own.IsNull() {
		a.At = own
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
func defaultGroups(system, named *User) []string {
	groups := groupNames(system.Get("groups"))
	if named != nil {
		groups = append(groups, groupNames(named.Get("groups"))...)
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// Decode fills a struct from all that is said of the user, higher layers last.
func (u *User) Decode(into any, topLevel ...string) {
	for _, layer := range slices.Backward(u.layers) {
		layer.Decode(into, topLevel...)
	}
}

// Groups returns the groups that the user is to be in.
func (u *User) Groups() []string {
	if u.groups != nil {
		return u.groups
	}
	return groupNames(u.Get("groups"))
}

// Get returns what the user's first layer that has a key says; keys may be spelled with
// hyphens.
func (u *User) Get(key string) *config.Value { return u.Find(key).Value() }

// Find is Get with its place; without a value, it is the user's.
func (u *User) Find(key string) config.Cursor {
	for _, layer := range u.layers {
		for _, found := range layer.Value().Keys() {
			if strings.ReplaceAll(strings.TrimSpace(found), "-", "_") == key {
				return layer.Get(found)
			}
		}
	}
	return u.At.With(nil)
}

// groupNames reads a list of groups, names separated by commas, or a mapping of groups.
func groupNames(v *config.Value) []string {
	switch v.Kind() {
	case config.List:
		var names []string
		for _, item := range v.Items() {
			names = append(names, CommaList(item.Text())...)
		}
		return names
	case config.Map:
		return v.Keys()
	case config.Null:
		return nil
	default:
		return CommaList(v.Text())
	}
}

// CommaList splits a string at commas and drops empty ones.
func CommaList(text string) []string {
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// Groups returns the groups that the configuration wants, in order.
func Groups(at config.Cursor) []Group {
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
		for _, name := range CommaList(at.Text()) {
			r.add(name, nil, at)
		}
	default:
		at.Errorf("expected a list of groups, got %s; it is ignored", config.Shown(at.Value()))
	}
	return r.found
}

type groupReader struct{ found []Group }

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
		for _, name := range CommaList(at.Text()) {
			r.add(name, nil, at)
		}
	}
}

func (r *groupReader) add(name string, members []string, at config.Cursor) {
	i := slices.IndexFunc(r.found, func(g Group) bool { return g.Name == name })
	if i < 0 {
		i = len(r.found)
		r.found = append(r.found, Group{Name: name, At: at})
	}
	r.found[i].Members = append(r.found[i].Members, members...)
	slices.Sort(r.found[i].Members)
	r.found[i].Members = slices.Compact(r.found[i].Members)
}
