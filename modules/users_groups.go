package modules

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/accounts"
	"cloudseed/guest/sshd"
	"cloudseed/modules/cloudconfig"
	"cloudseed/secret"
	"cloudseed/state"
)

type usersGroupsKeys struct {
	Users  []userKeys    `key:"users" takes:"list(text|list(text)|keys)|text|map(bool|keys)" doc:"Users to create: mappings as below, names, or default for the system's default user. Absent: none."`
	User   userKeys      `key:"user" takes:"text|keys" doc:"A name or mapping that is put over the system's default user, which is then created even if users does not name it."`
	Groups *config.Value `key:"groups" takes:"list(text|map(text|list(text)|nothing))|text|map(text|list(text)|nothing)" doc:"Groups to create: names, or mappings from a name to its members."`

	// What Check read of them.
	wantedGroups []cloudconfig.Group
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
		"its account as it is; its password, lock, rules and keys are set all the same. The default user is created last. " +
		"A user that cannot be created does not keep the others from being created.",
	Example: "groups: [admins]\nusers:\n  - default\n  - name: alice\n    groups: [admins]\n    sudo: [\"ALL=(ALL) NOPASSWD:ALL\"]\n    ssh_authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqzG8mCzqrHtgJbFvQ0Q0v3mvIRZQfOA8q0yJ3J2a7e alice@example.com]\n",
	Check:   checkUsersGroups,
	Run:     runUsersGroups,
}.Module()

// checkUsersGroups tells what can be told of users and groups without a machine.
func checkUsersGroups(e *Env, keys *usersGroupsKeys) {
	users := cloudconfig.Users(e.At(""), e.Instance.DefaultUser)
	for _, g := range cloudconfig.Groups(e.At("groups")) {
		if err := accounts.CheckName(g.Name); err != nil {
			g.At.Fail(err)
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
		u.keys = cloudconfig.PublicKeys(u.account.Find("ssh_authorized_keys"))
		// An explicit null is a value here: `sudo: null` takes the default user's rule away.
		u.sudoRules, err = sudoRules(u.account.Get("sudo"))
		u.report("sudo", err)
		u.doasRules, err = doasRules(u.account.Get("doas"), u.name)
		u.report("doas", err)
	}
}

func runUsersGroups(ctx context.Context, e *Env, keys *usersGroupsKeys) error {
	wanted, users := keys.wantedGroups, keys.wantedUsers
	for _, g := range wanted {
		g.At.Fail(makeGroup(ctx, e, g.Name))
	}
	if err := creation(e).Resume(ctx, func(name string) bool {
		return slices.ContainsFunc(users, func(u *user) bool { return u.name == name })
	}); err != nil {
		e.nowhere().Fail(err)
	}
	redirect := cloudconfig.DefaultUser(e.Config.Root(), e.Instance.DefaultUser)
	absent := slices.DeleteFunc(slices.Clone(users), func(u *user) bool { return accounts.HasUser(ctx, e.Host, u.name) })
	if err := begin(e, absent); err != nil {
		return e.undone(err)
	}
	for _, u := range users {
		runUser(ctx, u, redirect)
	}
	if len(absent) > 0 {
		creation(e).End()
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
	if accounts.HasGroup(ctx, e.Host, name) {
		e.Log.Info("the group exists already", "group", name)
		return nil
	}
	return accounts.CreateGroup(ctx, e.Host, name)
}

// addMembers puts users into a group. One that is not there is a warning: the group
// may be made before its members.
func addMembers(ctx context.Context, e *Env, g cloudconfig.Group) {
	for _, member := range g.Members {
		if !accounts.HasUser(ctx, e.Host, member) {
			g.At.Warnf("cannot add %q to the group %s: there is no such user", member, g.Name)
			continue
		}
		g.At.Fail(accounts.AddMember(ctx, e.Host, g.Name, member))
	}
}

// runUser makes one user and sets all that belongs to it. What cannot be done is
// reported, and the rest is done.
func runUser(ctx context.Context, u *user, defaultUser string) {
	exists := accounts.HasUser(ctx, u.e.Host, u.name)
	if exists {
		u.e.Log.Info("the user exists already", "user", u.name)
	} else if err := u.create(ctx); err != nil {
		u.fail(err)
		return
	}
	u.setPassword(ctx, exists)
	u.report("sudo", accounts.AddSudoRules(ctx, u.e.Host, u.e.Instance.RunDir, u.name, u.sudoRules))
	u.report("doas", accounts.AddDoasRules(u.e.Host, u.name, u.doasRules))
	u.setKeys(ctx)
	u.redirect(ctx, defaultUser)
}

// user is an account with its keys read.
type user struct {
	e    *Env
	name string
	userKeys
	groups  []string
	account *cloudconfig.User

	keys                 []sshd.AuthorizedKey
	sudoRules, doasRules []string
}

// newUser reads an account's keys from all places that have some, lowest first, so
// that what is said higher up wins.
func newUser(e *Env, a *cloudconfig.User) *user {
	u := &user{e: e, name: a.Name, account: a}
	a.Decode(&u.userKeys, e.TopLevel...)
	u.groups = a.Groups()
	u.ignoreBooleans()
	u.lockByWord()
	u.readNumbers()
	u.leaveOwnGroup()
	if u.SnapUser != "" {
		u.warn("snapuser", "there are no snap users on this system, so it is ignored")
	}
	return u
}

// report reports what went wrong with a key of the user, where the key stands.
func (u *user) report(key string, err error) { u.account.Find(key).Fail(err) }

func (u *user) fail(err error) { u.account.At.Fail(err) }

func (u *user) warn(key, format string, args ...any) { u.account.Find(key).Warnf(format, args...) }

// validate refuses users that contradict themselves.
//
// Difference from cloud-init: only such a user is skipped. It makes none of the
// users that follow either.
func (u *user) validate() error {
	if err := accounts.CheckName(u.name); err != nil {
		return err
	}
	if strings.ContainsAny(u.Homedir, ":\n\r\x00") { // the note of users that are being created has lines, as /etc/passwd has
		return fmt.Errorf("cannot create the user %s: expected a path in one line without a colon as homedir, got %s", u.name, config.Quoted(u.Homedir))
	}
	redirects := u.account.Get("ssh_redirect_user")
	if (u.NoCreateHome || u.System) && (isGiven(u.account.Get("ssh_authorized_keys")) || isGiven(redirects)) {
		return fmt.Errorf("cannot create the user %s: SSH keys need a home directory, which system and no_create_home leave out", u.name)
	}
	if !isGiven(redirects) {
		return nil
	}
	if u.account.Get("ssh_authorized_keys") != nil || u.account.Get("ssh_import_id") != nil {
		return fmt.Errorf("cannot create the user %s: ssh_redirect_user goes with neither ssh_authorized_keys nor ssh_import_id", u.name)
	}
	if !config.IsTrue(redirects) && redirects.Text() != cloudconfig.DefaultName {
		return fmt.Errorf("cannot create the user %s: ssh_redirect_user: expected true, false or default", u.name)
	}
	return nil
}

// isGiven reports whether a value is there and says something: neither null, false
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
		return v.Text() != "" && !config.IsFalse(v)
	}
}

// creation is the creation of users of this instance.
func creation(e *Env) accounts.Creation {
	return accounts.Creation{Host: e.Host, Note: path.Join(e.Instance.Dir, "creating-user")}
}

// begin notes which users are about to be created.
func begin(e *Env, users []*user) error {
	if len(users) == 0 {
		return nil
	}
	var list []accounts.User
	for _, u := range users {
		list = append(list, u.wanted())
	}
	return creation(e).Begin(list...)
}

// wanted is the account as it is to be created.
func (u *user) wanted() accounts.User {
	return accounts.User{
		Name: u.name, ExpireDate: u.ExpireDate, Comment: u.Gecos, Groups: u.groups, Home: u.Homedir, Inactive: u.Inactive,
		NoLogInit: u.NoLogInit, NoUserGroup: u.NoUserGroup, PrimaryGroup: u.PrimaryGroup, SELinuxUser: u.SELinuxUser,
		Shell: u.Shell, System: u.System, UID: u.UID, NoCreateHome: u.NoCreateHome || u.System,
	}
}

// create makes the account, with its groups and its home.
func (u *user) create(ctx context.Context) error {
	u.checkShell()
	if u.CreateGroups == nil || *u.CreateGroups {
		u.makeGroups(ctx)
	}
	return creation(u.e).Create(ctx, u.wanted())
}

// checkShell warns of a shell without which the user cannot log in. Packages that are
// still to be installed may bring it.
func (u *user) checkShell() {
	if u.Shell == "" || u.e.Host.Exists(u.Shell) {
		return
	}
	report := u.account.Find("shell").Warnf
	if !u.e.At("packages").IsNull() {
		report = u.account.Find("shell").Notef
	}
	report("there is no %s in this guest, without which the user %s cannot log in", u.Shell, u.name)
}

func (u *user) makeGroups(ctx context.Context) {
	wanted := slices.Clone(u.groups)
	if _, err := strconv.Atoi(u.PrimaryGroup); err != nil && u.PrimaryGroup != "" { // a number is not a name to create
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
		if u.account.Get(key).Kind() == config.Bool {
			*field = ""
		}
	}
}

// lockByWord locks the password for a word in quotes, even for "no", as cloud-init does: any
// text is true to it, and a login that it would keep closed must not be open here.
func (u *user) lockByWord() {
	word := u.account.Get("lock_passwd")
	if word.Kind() == config.String && u.LockPasswd != nil && !*u.LockPasswd {
		u.warn("lock_passwd", "%q in quotes locks the password, as in cloud-init; write false without quotes to leave it unlocked", word.Text())
		u.LockPasswd = nil
	}
}

// readNumbers takes numbers for what YAML says that they are: useradd knows no 0x7d0.
func (u *user) readNumbers() {
	for key, field := range map[string]*string{"uid": &u.UID, "inactive": &u.Inactive} {
		if n, ok := u.account.Get(key).Int(); ok && u.account.Get(key).Kind() == config.Int {
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

// setPassword sets the user's password, if one is given, and locks or unlocks it.
func (u *user) setPassword(ctx context.Context, exists bool) {
	if exists && !u.Passwd.IsEmpty() {
		u.ignorePasswd()
	}
	failed := false
	for _, given := range []struct {
		key      string
		password secret.String
		hashed   bool
	}{
		{"passwd", u.Passwd, true},
		{"plain_text_passwd", u.PlainTextPasswd, false},
		{"hashed_passwd", u.HashedPasswd, true},
	} {
		if given.password.IsEmpty() {
			continue
		}
		report := func(err error) {
			failed = true
			u.report(given.key, err)
		}
		accounts.SetPasswords(ctx, u.e.Host, []accounts.PasswordChange{{User: u.name, Password: given.password, Report: report}}, given.hashed)
	}
	if u.LockPasswd == nil || *u.LockPasswd {
		u.report("lock_passwd", accounts.Lock(ctx, u.e.Host, u.name))
		return
	}
	if !failed {
		u.report("lock_passwd", u.unlock(ctx, exists))
	}
}

// ignorePasswd leaves out the hash that is for new users only. That is worth a word,
// unless the user has it already, from an earlier run or instance.
func (u *user) ignorePasswd() {
	field, err := accounts.PasswordField(u.e.Host, u.name)
	if err != nil || strings.TrimLeft(field, "!") != u.Passwd.Reveal() {
		u.warn("passwd", "it is for new users only, and %s exists already, so it is ignored: use hashed_passwd", u.name)
	}
	u.Passwd = secret.String{}
}

// unlock allows login by password, if there is one, or if the configuration says in
// so many words that there shall be none.
func (u *user) unlock(ctx context.Context, exists bool) error {
	field, err := accounts.PasswordField(u.e.Host, u.name)
	if err != nil {
		return err
	}
	hash := strings.TrimLeft(field, "!")
	hasPassword := hash != "" && hash != "*"
	given := u.account.Get("plain_text_passwd") != nil || u.account.Get("hashed_passwd") != nil ||
		!exists && u.account.Get("passwd") != nil
	switch {
	case hasPassword && (given || exists):
		if hash == field {
			return nil // it is not locked
		}
		return accounts.Unlock(ctx, u.e.Host, u.name)
	case given && hash == "":
		// passwd -u refuses to let an empty password in; only -d does.
		return accounts.DeletePassword(ctx, u.e.Host, u.name)
	}
	var unreported config.Findings // set_passwords reports them
	passwords := cloudconfig.Passwords(u.e.Config.Root().At(&unreported), u.e.Instance.DefaultUser, nil)
	if slices.ContainsFunc(passwords, func(p cloudconfig.Password) bool { return p.User == u.name }) {
		return nil // chpasswd replaces the lock together with the password
	}
	u.warn("lock_passwd", "the password of %s stays locked, since it has none", u.name)
	return nil
}

// sudoRules reads rules of sudo.
func sudoRules(v *config.Value) ([]string, error) { return checkedRules(v, accounts.CheckSudoRule) }

// doasRules reads rules of doas.
func doasRules(v *config.Value, name string) ([]string, error) {
	return checkedRules(v, func(rule string) error { return accounts.CheckDoasRule(rule, name) })
}

// checkedRules reads rules, of which one that is wrong spoils all.
func checkedRules(v *config.Value, check func(rule string) error) ([]string, error) {
	rules, err := ruleList(v)
	for _, rule := range rules {
		if err := check(rule); err != nil {
			return nil, err
		}
	}
	return rules, err
}

// ruleList reads a rule, or a list of them.
func ruleList(v *config.Value) ([]string, error) {
	if !isGiven(v) {
		return nil, nil
	}
	items := []*config.Value{v}
	switch v.Kind() {
	case config.List:
		items = v.Items()
	case config.Map:
		return nil, errors.New("expected a rule or a list of rules, got a mapping; no rule is written")
	case config.Bool:
		return nil, fmt.Errorf("expected a rule or a list of rules, got %s; no rule is written", v.Text())
	}
	var rules []string
	for _, item := range items {
		rule := item.Text()
		if rule == "" || strings.ContainsAny(rule, "\n\r\x00") {
			return nil, errors.New("a rule must be one line; no rule is written")
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// setKeys lets the keys of the configuration log in as the user.
func (u *user) setKeys(ctx context.Context) {
	if u.account.Get("ssh_authorized_keys") == nil || len(u.keys) == 0 && (u.NoCreateHome || u.System) {
		return // no home is made for the sake of an empty file
	}
	u.report("ssh_authorized_keys", sshd.Authorize(ctx, u.e.Host, u.name, u.keys, u.e.Warn))
}

// redirect makes the instance's own keys tell whoever logs in as this user to use the
// default user.
func (u *user) redirect(ctx context.Context, defaultUser string) {
	if !isGiven(u.account.Get("ssh_redirect_user")) {
		return
	}
	if defaultUser == "" {
		u.warn("ssh_redirect_user", "there is no default user, so it is ignored")
		return
	}
	keys := cloudconfig.MetadataKeys(u.e.Instance.PublicKeys, u.e.Warn)
	if len(keys) == 0 {
		u.warn("ssh_redirect_user", "the instance has no public keys, so it is ignored")
		return
	}
	keys = sshd.Redirect(keys, sshd.RedirectOptions, defaultUser, u.name)
	u.report("ssh_redirect_user", sshd.Authorize(ctx, u.e.Host, u.name, keys, u.e.Warn))
}
