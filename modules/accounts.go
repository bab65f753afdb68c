package modules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/host"
)

// The accounts of a configuration come from four places: the system's default user,
// `user`, which stands for it under another name, `users` and `groups`. What they
// come to is worked out here, for users_groups, which makes the accounts, and for ssh
// and set_passwords, which must know the default user.

// account is a user that the configuration wants.
type account struct {
	name      string
	isDefault bool
	path      string         // where in the configuration: "users.2"
	pos       config.Pos     // the same, for messages
	layers    []accountLayer // what is said of it; the first that says a thing wins
	groups    []string       // of the default user, in place of what the layers say
}

// accountLayer is one place that says something of an account.
type accountLayer struct {
	path  string
	value *config.Value // a map
	pos   config.Pos
}

// group is a group that the configuration wants, with the users that shall be in it.
type group struct {
	name    string
	members []string
	path    string
	pos     config.Pos
}

// accounts are the users that the configuration wants, in the order they are made in:
// the default user last, wherever it stands, as cloud-init does.
func accounts(e *Env) ([]account, []config.Problem) {
	r := accountReader{byName: map[string]*account{}}
	own := r.user(e.Config.Get("user"))
	r.users(e.Config.Get("users"))
	if own.value != nil {
		r.add(defaultName, nil, accountLayer{}) // `user` asks for the default user, whatever `users` says
	}
	r.nameDefault(own, e.Instance.DefaultUser)
	found := make([]account, len(r.order))
	for i, a := range r.order {
		found[i] = *a
	}
	return found, r.problems
}

// defaultAccount is the name of the default user; "" when there is none.
func defaultAccount(e *Env) string {
	found, _ := accounts(e) // its problems are users_groups' to report
	for _, a := range found {
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
	order    []*account
	byName   map[string]*account
	problems []config.Problem
}

func (r *accountReader) problem(severity config.Severity, at *config.Value, path, format string, args ...any) {
	r.problems = append(r.problems, config.Problem{
		Severity: severity, Pos: at.Pos(), Key: path, Message: fmt.Sprintf(format, args...),
	})
}

// add mentions an account. at is where, nil if nowhere.
func (r *accountReader) add(name string, at *config.Value, layer accountLayer) {
	a := r.byName[name]
	if a == nil {
		a = &account{name: name, path: layer.path, pos: at.Pos()}
		r.byName[name] = a
		r.order = append(r.order, a)
	}
	if layer.value != nil {
		a.layers = append(a.layers, layer)
	}
}

func (r *accountReader) remove(name string) *account {
	a := r.byName[name]
	delete(r.byName, name)
	r.order = slices.DeleteFunc(r.order, func(other *account) bool { return other == a })
	return a
}

// user reads `user`: a name or a map, which is put over the system's default user.
func (r *accountReader) user(v *config.Value) accountLayer {
	switch v.Kind() {
	case config.Null:
	case config.String:
		if v.Text() == "" {
			return accountLayer{}
		}
		named := config.FromAny(v.Pos().File, map[string]any{"name": v.Text()})
		return accountLayer{path: "user", value: named, pos: v.Pos()}
	case config.Map:
		if len(v.Keys()) > 0 {
			return accountLayer{path: "user", value: v, pos: v.Pos()}
		}
	default:
		r.problem(config.Warning, v, "user", "expected a name or a map, so it is ignored")
	}
	return accountLayer{}
}

// users reads `users`: a list of names and maps, a map of names, or names separated by
// commas.
func (r *accountReader) users(v *config.Value) {
	switch v.Kind() {
	case config.Null:
	case config.List:
		for i, item := range v.Items() {
			r.item(item, "users."+strconv.Itoa(i))
		}
	case config.Map:
		r.problem(config.Deprecated, v, "users", "a map is deprecated: use a list")
		for _, name := range v.Keys() {
			r.named(name, v.Get(name))
		}
	case config.String:
		r.problem(config.Deprecated, v, "users", "a string is deprecated: use a list")
		names := commaList(v.Text())
		slices.Sort(names)
		r.names(names, v, "users")
	default:
		r.problem(config.Error, v, "users", "expected a list of users, got %s; it is ignored", kindName(v))
	}
}

func (r *accountReader) item(v *config.Value, path string) {
	switch v.Kind() {
	case config.Map:
		r.described(v, path)
	case config.List:
		for i, item := range v.Items() {
			r.names([]string{strings.TrimSpace(item.Text())}, item, path+"."+strconv.Itoa(i))
		}
	case config.Null:
		r.problem(config.Error, v, path, "expected a name or the keys of a user, got nothing")
	default:
		r.names(commaList(v.Text()), v, path)
	}
}

func (r *accountReader) names(names []string, at *config.Value, path string) {
	for _, name := range names {
		if name != "" {
			r.add(name, at, accountLayer{path: path})
		}
	}
}

// described reads a user that is a map. Without a name it is of the default user.
func (r *accountReader) described(v *config.Value, path string) {
	name := v.Get("name")
	switch name.Kind() {
	case config.List, config.Map:
		r.problem(config.Error, name, path+".name", "expected a name, got %s, so this user is left out", kindName(name))
	default:
		text := strings.TrimSpace(name.Text())
		if name == nil {
			text = defaultName
		}
		if name != nil && (name.IsNull() || text == "") {
			r.problem(config.Error, name, path+".name", "expected a name, got nothing, so this user is left out")
			return
		}
		r.add(text, v, accountLayer{path, v, v.Pos()})
	}
}

// named reads an entry of `users` as a map: a user, or whether to have it.
func (r *accountReader) named(name string, v *config.Value) {
	path := "users." + name
	switch v.Kind() {
	case config.Map:
		r.add(name, v, accountLayer{path, v, v.Pos()})
	case config.List, config.Null:
		r.problem(config.Error, v, path, "expected a map or true, so this user is left out")
	default:
		if isTrue(v) {
			r.add(name, v, accountLayer{path: path})
		}
	}
}

// nameDefault gives the user "default" its real name and all that is said of it: by the
// entry of the real name, "default" itself, `user` and the system, in this order, which is
// that of cloud-init since 24.1.
func (r *accountReader) nameDefault(own accountLayer, systemUser *config.Value) {
	mention := r.remove(defaultName)
	if mention == nil {
		return
	}
	base := accountLayer{"system_info.default_user", systemUser, systemUser.Pos()}
	name := own.value.Get("name").Text()
	if name == "" {
		name = systemUser.Get("name").Text()
	}
	if name == "" {
		r.problem(config.Warning, nil, mention.path, "the system has no default user, so there is none")
		return
	}
	named := r.remove(name)
	a := &account{name: name, isDefault: true, path: mention.path, pos: mention.pos}
	if own.value != nil {
		a.path, a.pos = own.path, own.pos
	}
	system := &account{}
	for _, layer := range []accountLayer{own, base} {
		if layer.value != nil {
			system.layers = append(system.layers, layer)
		}
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
func (a *account) get(key string) *config.Value {
	v, _ := a.find(key)
	return v
}

// find is get with the path at which the value stands.
func (a *account) find(key string) (v *config.Value, path string) {
	for _, layer := range a.layers {
		for _, found := range layer.value.Keys() {
			if strings.ReplaceAll(strings.TrimSpace(found), "-", "_") == key {
				return layer.value.Get(found), layer.path + "." + found
			}
		}
	}
	return nil, a.path
}

// hasUser and hasGroup look for a name, and for nothing but a name: Host takes numbers
// too.
func hasUser(h *host.Host, name string) bool {
	found, err := h.User(name)
	return err == nil && found.Name == name
}

func hasGroup(h *host.Host, name string) bool {
	found, err := h.Group(name)
	return err == nil && found.Name == name
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

// isTrue tells whether a value means yes, however a producer writes it; isFalse,
// whether it means no.
func isTrue(v *config.Value) bool {
	value, ok := config.AsBool(v)
	return ok && value
}

func isFalse(v *config.Value) bool {
	value, ok := config.AsBool(v)
	return ok && !value
}

// groups are the groups that the configuration wants, in order.
func groups(v *config.Value) ([]group, []config.Problem) {
	var r groupReader
	switch v.Kind() {
	case config.Null:
	case config.List:
		for i, item := range v.Items() {
			r.item(item, "groups."+strconv.Itoa(i))
		}
	case config.Map:
		r.item(v, "groups")
	case config.String:
		for _, name := range commaList(v.Text()) {
			r.add(name, nil, v, "groups")
		}
	default:
		r.problem(v, "groups", "expected a list of groups, got "+kindName(v)+"; it is ignored")
	}
	return r.found, r.problems
}

type groupReader struct {
	found    []group
	problems []config.Problem
}

func (r *groupReader) problem(at *config.Value, path, message string) {
	r.problems = append(r.problems, config.Problem{Severity: config.Error, Pos: at.Pos(), Key: path, Message: message})
}

func (r *groupReader) item(v *config.Value, path string) {
	switch v.Kind() {
	case config.Map:
		for _, name := range v.Keys() {
			members := v.Get(name)
			if members.Kind() == config.Map {
				r.problem(members, path+"."+name, "expected a list of users, so it has no members")
				members = nil
			}
			r.add(name, groupNames(members), v, path)
		}
	case config.List, config.Null:
		r.problem(v, path, "expected the name of a group, so it is left out")
	default:
		for _, name := range commaList(v.Text()) {
			r.add(name, nil, v, path)
		}
	}
}

func (r *groupReader) add(name string, members []string, at *config.Value, path string) {
	i := slices.IndexFunc(r.found, func(g group) bool { return g.name == name })
	if i < 0 {
		i = len(r.found)
		r.found = append(r.found, group{name: name, path: path, pos: at.Pos()})
	}
	r.found[i].members = append(r.found[i].members, members...)
	slices.Sort(r.found[i].members)
	r.found[i].members = slices.Compact(r.found[i].members)
}
