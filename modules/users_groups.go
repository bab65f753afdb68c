package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"cloudseed/config"
	"cloudseed/guest/sshd"
	"cloudseed/host"
	"cloudseed/secret"
	"cloudseed/state"
)

type usersGroupsKeys struct {
	Users  []userKeys    `key:"users" takes:"list(text|list(text)|keys)|text|map(bool|keys)" doc:"Users to make: maps as below, names, or default for the system's default user. Absent: none."`
	User   userKeys      `key:"user" takes:"text|keys" doc:"A name or map that is put over the system's default user, which is then made even if users does not name it."`
	Groups *config.Value `key:"groups" takes:"list(text|map(text|list(text)|nothing))|text|map(text|list(text)|nothing)" doc:"Groups to make: names, or maps from a name to its members."`

	// What Check read of them.
	wantedGroups []group
	wantedUsers  []*user
}

// userKeys are the keys of one user.
type userKeys struct {
	Name              string        `key:"name" doc:"The login name. Absent: the entry is about the default user."`
	Gecos             string        `key:"gecos" doc:"The comment, usually a full name."`
	Homedir           string        `key:"homedir" doc:"The home directory, instead of the system's usual one."`
	PrimaryGroup      string        `key:"primary_group,primary-group" deprecatedkeys:"primary-group=24.2" doc:"The login group, instead of one named as the user."`
	Groups            *config.Value `key:"groups" takes:"list(text)|text|map(nothing|anything)" doc:"Further groups: a list, or names separated by commas."`
	UID               string        `key:"uid" doc:"The user number."`
	Shell             string        `key:"shell" doc:"The login shell."`
	ExpireDate        string        `key:"expiredate" doc:"The day on which the account is disabled: YYYY-MM-DD."`
	Inactive          string        `key:"inactive" doc:"Days between a password's expiry and the account being disabled."`
	SELinuxUser       string        `key:"selinux_user,selinux-user" deprecatedkeys:"selinux-user=24.2" doc:"The SELinux user of the login."`
	System            bool          `key:"system" doc:"Create a system user, which has no home directory."`
	NoCreateHome      bool          `key:"no_create_home,no-create-home" deprecatedkeys:"no-create-home=24.2" doc:"Create no home directory."`
	NoUserGroup       bool          `key:"no_user_group,no-user-group" deprecatedkeys:"no-user-group=24.2" doc:"Create no group named as the user."`
	NoLogInit         bool          `key:"no_log_init,no-log-init" deprecatedkeys:"no-log-init=24.2" doc:"Do not enter the user in lastlog and faillog."`
	CreateGroups      *bool         `key:"create_groups,create-groups" deprecatedkeys:"create-groups=24.2" default:"true" doc:"Create those of the user's groups that are missing."`
	Passwd            secret.String `key:"passwd" doc:"The hash of the password; for new users only."`
	HashedPasswd      secret.String `key:"hashed_passwd,hashed-passwd" deprecatedkeys:"hashed-passwd=24.2" doc:"The hash of the password; for existing users too."`
	PlainTextPasswd   secret.String `key:"plain_text_passwd,plain-text-passwd" deprecatedkeys:"plain-text-passwd=24.2" doc:"The password; for existing users too."`
	LockPasswd        *bool         `key:"lock_passwd,lock-passwd" deprecatedkeys:"lock-passwd=22.3" default:"true" doc:"Allow no login by password."`
	Sudo              *config.Value `key:"sudo" takes:"text|list(text|nothing)|bool" doc:"A sudo rule, or a list of them: what follows the user's name in sudoers."`
	Doas              *config.Value `key:"doas" takes:"list(text)|text" doc:"A list of doas rules."`
	SSHAuthorizedKeys *config.Value `key:"ssh_authorized_keys,ssh-authorized-keys" takes:"list(text)|text|map(text)" deprecatedkeys:"ssh-authorized-keys=18.3" doc:"Public keys that may log in as this user."`
	SSHRedirectUser   *config.Value `key:"ssh_redirect_user,ssh-redirect-user" takes:"bool|text" deprecatedkeys:"ssh-redirect-user=24.2" doc:"true: the instance's public keys may not log in as this user, and are told to use the default user."`
	SSHImportID       *config.Value `key:"ssh_import_id,ssh-import-id" takes:"list(text)|text" deprecatedkeys:"ssh-import-id=24.2" doc:"Accounts of GitHub (gh:NAME) and Launchpad (lp:NAME) whose public keys may log in as this user; see ssh_import_id."`
	SnapUser          string        `key:"snapuser" doc:"Not supported on this system."`
}

var usersGroups = Of[usersGroupsKeys]{
	Name:       "users_groups",
	Stage:      InitStage,
	Frequency:  state.PerInstance,
	Repeatable: true,
	Doc: "Creates groups and users, sets their passwords, sudo rules and SSH keys. A user that exists keeps " +
		"its account as it is; its password, lock, rules and keys are set all the same. The default user is made last. " +
		"A user that cannot be created does not keep the others from being created.",
	Example: "groups: [admins]\nusers:\n  - default\n  - name: alice\n    groups: [admins]\n    sudo: [\"ALL=(ALL) NOPASSWD:ALL\"]\n    ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqzG8mCzqrHtgJbFvQ0Q0v3mvIRZQfOA8q0yJ3J2a7e alice@example.com]\n",
	Check:   checkUsersGroups,
	Run:     runUsersGroups,
}.Module()

// checkUsersGroups tells what can be told of users and groups without a machine.
func checkUsersGroups(e *Env, keys *usersGroupsKeys) {
	users := accounts(e.At(""), e.Instance.DefaultUser)
	for _, g := range groups(e.At("groups")) {
		if err := checkName(g.name); err != nil {
			g.at.Fail(err)
			continue
		}
		keys.wantedGroups = append(keys.wantedGroups, g)
	}
	for i := range users {
		u := newUser(e, &users[i])
		err := u.validate()
		u.fail(err)
		if err == nil {
			keys.wantedUsers = append(keys.wantedUsers, u)
		}
		u.keys = keyList(u.account.find("ssh_authorized_keys"))
		u.sudoRules, err = sudoRules(u.Sudo)
		u.report("sudo", err)
		u.doasRules, err = doasRules(u.Doas, u.name)
		u.report("doas", err)
	}
}

func runUsersGroups(ctx context.Context, e *Env, keys *usersGroupsKeys) error {
	wanted, users := keys.wantedGroups, keys.wantedUsers
	for _, g := range wanted {
		g.at.Fail(makeGroup(ctx, e, g.name))
	}
	if err := removeHalfMadeUser(ctx, e, users); err != nil {
		e.Problem(config.Problem{Severity: config.Error, Message: err.Error()})
	}
	redirect := defaultAccount(e)
	for _, u := range users {
		runUser(ctx, u, redirect)
	}
	// Difference from cloud-init: members are added when all users are made. It adds
	// them before, and leaves out the users that the same configuration makes.
	for _, g := range wanted {
		addMembers(ctx, e, g)
	}
	return nil
}

// makeGroup makes a group if there is none of that name.
func makeGroup(ctx context.Context, e *Env, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if hasGroup(ctx, e.Host, name) {
		e.Log.Info("the group exists already", "group", name)
		return nil
	}
	if _, err := e.Host.Run(ctx, host.Command{Argv: []string{"groupadd", name}}); err != nil {
		return fmt.Errorf("cannot create the group %s: %w", name, err)
	}
	return nil
}

// addMembers puts users into a group. One that is not there is a warning: the group
// may be made before its members.
func addMembers(ctx context.Context, e *Env, g group) {
	for _, member := range g.members {
		if !hasUser(ctx, e.Host, member) {
			g.at.Warnf("cannot add %q to the group %s: there is no such user", member, g.name)
			continue
		}
		if _, err := e.Host.Run(ctx, host.Command{Argv: []string{"usermod", "-a", "-G", g.name, member}}); err != nil {
			g.at.Fail(fmt.Errorf("cannot add %s to the group %s: %w", member, g.name, err))
		}
	}
}

// checkName refuses names that would be read as something else by the programs and
// files that they go into.
func checkName(name string) error {
	if name == "" || strings.HasPrefix(name, "-") || strings.ContainsAny(name, ":,/ ") || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("%q cannot be the name of a user or group", name)
	}
	return nil
}

// runUser makes one user and sets all that belongs to it. What cannot be done is
// reported, and the rest is done.
func runUser(ctx context.Context, u *user, defaultUser string) {
	exists := hasUser(ctx, u.e.Host, u.name)
	if exists {
		u.e.Log.Info("the user exists already", "user", u.name)
	} else if err := u.create(ctx); err != nil {
		u.fail(err)
		return
	}
	u.setPassword(ctx, exists)
	u.report("sudo", u.writeSudoRules(ctx))
	u.report("doas", u.writeDoasRules())
	u.setKeys(ctx)
	u.redirect(ctx, defaultUser)
	if !exists {
		u.fail(u.e.Host.Quietly().RemoveAll(creatingPath(u.e)))
	}
}

// user is an account with its keys read.
type user struct {
	e    *Env
	name string
	userKeys
	groups  []string
	account *account

	keys                 []sshd.AuthorizedKey
	sudoRules, doasRules []string
}

// newUser reads an account's keys from all places that have some, lowest first, so
// that what is said higher up wins.
func newUser(e *Env, a *account) *user {
	u := &user{e: e, name: a.name, account: a}
	for _, layer := range slices.Backward(a.layers) {
		layer.Decode(&u.userKeys, e.TopLevel...)
	}
	// An explicit null is a value here: `sudo: null` takes the default user's rule away.
	u.Sudo, u.Doas = a.get("sudo"), a.get("doas")
	u.SSHAuthorizedKeys, u.SSHRedirectUser = a.get("ssh_authorized_keys"), a.get("ssh_redirect_user")
	u.groups = groupNames(a.get("groups"))
	if a.groups != nil {
		u.groups = a.groups
	}
	u.ignoreBooleans()
	u.readNumbers()
	u.leaveOwnGroup()
	if u.SnapUser != "" {
		u.warn("snapuser", "there are no snap users on this system, so it is ignored")
	}
	return u
}

// report reports what went wrong with a key of the user, where the key stands.
func (u *user) report(key string, err error) { u.account.find(key).Fail(err) }

func (u *user) fail(err error) { u.account.at.Fail(err) }

func (u *user) warn(key, format string, args ...any) { u.account.find(key).Warnf(format, args...) }

// validate refuses users that contradict themselves.
//
// Difference from cloud-init: only such a user is skipped. It makes none of the
// users that follow either.
func (u *user) validate() error {
	if err := checkName(u.name); err != nil {
		return err
	}
	hasKeys := isGiven(u.SSHAuthorizedKeys)
	if (u.NoCreateHome || u.System) && (hasKeys || isGiven(u.SSHRedirectUser)) {
		return fmt.Errorf("cannot create the user %s: SSH keys need a home directory, which system and no_create_home leave out", u.name)
	}
	if !isGiven(u.SSHRedirectUser) {
		return nil
	}
	if u.account.get("ssh_authorized_keys") != nil || u.account.get("ssh_import_id") != nil {
		return fmt.Errorf("cannot create the user %s: ssh_redirect_user goes with neither ssh_authorized_keys nor ssh_import_id", u.name)
	}
	if !isTrue(u.SSHRedirectUser) && u.SSHRedirectUser.Text() != defaultName {
		return fmt.Errorf("cannot create the user %s: ssh_redirect_user: expected true, false or default", u.name)
	}
	return nil
}

// isGiven tells whether a value is there and says something: neither null, false
// nor empty.
func isGiven(v *config.Value) bool {
	switch v.Kind() {
	case config.Null:
		return false
	case config.List:
		return len(v.Items()) > 0
	case config.Map:
		return len(v.Keys()) > 0
	default:
		return v.Text() != "" && !isFalse(v)
	}
}

// creatingPath is a note of the user that is being created, with the home directory if
// there was none: useradd is not done in one step, and a user without a whole home or a
// password must not be taken for a finished one after a power cut.
func creatingPath(e *Env) string { return path.Join(e.Instance.Dir, "creating-user") }

// removeHalfMadeUser removes the account that an interrupted run was creating, so that
// this one creates it whole: with its home directory, which useradd fills only when it is
// not there. A home that was there before stays.
func removeHalfMadeUser(ctx context.Context, e *Env, users []*user) error {
	data, err := e.Host.ReadFile(creatingPath(e))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot tell which user an interrupted run was making: %w", err)
	}
	name, home, _ := strings.Cut(strings.TrimSpace(string(data)), "\n")
	if slices.ContainsFunc(users, func(u *user) bool { return u.name == name }) {
		if hasUser(ctx, e.Host, name) {
			if _, err := e.Host.Run(ctx, host.Command{Argv: []string{"userdel", name}}); err != nil {
				return fmt.Errorf("cannot create the user %s anew after an interruption: %w", name, err)
			}
		}
		if home != "" {
			if err := e.Host.RemoveAll(home); err != nil {
				return fmt.Errorf("cannot create the user %s anew after an interruption: %w", name, err)
			}
		}
	}
	return e.Host.Quietly().RemoveAll(creatingPath(e))
}

// create makes the account, with its groups and its home.
func (u *user) create(ctx context.Context) error {
	u.checkShell()
	note := u.name + "\n"
	if home := u.home(); !u.e.Host.Exists(home) {
		note += home + "\n"
	}
	if _, err := u.e.Host.Quietly().WriteFile(creatingPath(u.e), []byte(note), host.File{Mode: 0o600}); err != nil {
		return u.e.undone(err)
	}
	if u.CreateGroups == nil || *u.CreateGroups {
		u.makeGroups(ctx)
	}
	if _, err := u.e.Host.Run(ctx, host.Command{Argv: u.useradd()}); err != nil {
		return errors.Join(fmt.Errorf("cannot create the user %s: %w", u.name, err), u.e.Host.Quietly().RemoveAll(creatingPath(u.e)))
	}
	return nil
}

// checkShell warns of a shell without which the user cannot log in. Packages that are
// still to be installed may bring it.
func (u *user) checkShell() {
	if u.Shell == "" || u.e.Host.Exists(u.Shell) {
		return
	}
	report := u.account.find("shell").Warnf
	if !u.e.At("packages").IsNull() {
		report = u.account.find("shell").Notef
	}
	report("there is no %s in this guest, without which the user %s cannot log in", u.Shell, u.name)
}

// home is the home directory that useradd gives the user, unless the machine has another
// default (useradd -D).
func (u *user) home() string {
	if u.Homedir != "" {
		return path.Clean("/" + u.Homedir)
	}
	return "/home/" + u.name
}

func (u *user) makeGroups(ctx context.Context) {
	wanted := slices.Clone(u.groups)
	if _, err := strconv.Atoi(u.PrimaryGroup); err != nil && u.PrimaryGroup != "" { // a number is no name to make
		wanted = append(wanted, u.PrimaryGroup)
	}
	for _, name := range wanted {
		u.report("groups", makeGroup(ctx, u.e, name))
	}
}

// ignoreBooleans drops true and false where useradd takes a word, as cloud-init does: its
// older documentation had "inactive: true".
func (u *user) ignoreBooleans() {
	for key, field := range map[string]*string{
		"expiredate": &u.ExpireDate, "gecos": &u.Gecos, "homedir": &u.Homedir, "inactive": &u.Inactive,
		"primary_group": &u.PrimaryGroup, "selinux_user": &u.SELinuxUser, "shell": &u.Shell, "uid": &u.UID,
	} {
		if u.account.get(key).Kind() == config.Bool {
			*field = ""
		}
	}
}

// readNumbers takes numbers for what YAML says that they are: useradd knows no 0x7d0.
func (u *user) readNumbers() {
	for key, field := range map[string]*string{"uid": &u.UID, "inactive": &u.Inactive} {
		if n, ok := u.account.get(key).Int(); ok && u.account.get(key).Kind() == config.Int {
			*field = strconv.FormatInt(n, 10)
		}
	}
}

// leaveOwnGroup drops the user's own name from the groups: useradd makes that group, and
// refuses one that is there already.
func (u *user) leaveOwnGroup() {
	if !u.NoUserGroup && u.PrimaryGroup == "" {
		u.groups = slices.DeleteFunc(u.groups, func(name string) bool { return name == u.name })
	}
}

// useradd is the command that makes the account.
//
// Difference from cloud-init: values that YAML reads as a number or a date are used;
// it drops all but uid. The password's hash is set by chpasswd afterwards: an
// argument list is in the process list and the audit log.
func (u *user) useradd() []string {
	argv := []string{"useradd", u.name}
	// In cloud-init's order, which is that of its keys.
	for _, option := range []struct {
		name, value string
		flag        bool
	}{
		{name: "--expiredate", value: u.ExpireDate},
		{name: "--comment", value: u.Gecos},
		{name: "--groups", value: strings.Join(u.groups, ",")},
		{name: "--home", value: u.Homedir},
		{name: "--inactive", value: u.Inactive},
		{name: "--no-log-init", flag: u.NoLogInit},
		{name: "--no-user-group", flag: u.NoUserGroup},
		{name: "--gid", value: u.PrimaryGroup},
		{name: "--selinux-user", value: u.SELinuxUser},
		{name: "--shell", value: u.Shell},
		{name: "--system", flag: u.System},
		{name: "--uid", value: u.UID},
	} {
		switch {
		case option.flag:
			argv = append(argv, option.name)
		case option.value != "":
			argv = append(argv, option.name, option.value)
		}
	}
	if u.NoCreateHome || u.System {
		return append(argv, "-M")
	}
	return append(argv, "-m")
}
