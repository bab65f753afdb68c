package modules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/accounts"
	"cloudseed/guest/sshd"
	"cloudseed/host"
	"cloudseed/modules/cloudconfig"
	"cloudseed/secret"
	"cloudseed/state"
)

type setPasswordsKeys struct {
	Password  secret.String `key:"password" doc:"The default user's password, as text or as a hash, or RANDOM. Not used when chpasswd has users or a list."`
	Chpasswd  chpasswdKeys  `key:"chpasswd" doc:"Passwords of any users."`
	SSHPwauth *config.Value `key:"ssh_pwauth" takes:"bool|text" doc:"Whether sshd takes passwords: true, false, or unchanged."`

	changes passwordSetter // what Check read of them
}

type chpasswdKeys struct {
	Expire *bool          `key:"expire" default:"true" doc:"Each user whose password is set here must change it at the next login."`
	Users  []passwordKeys `key:"users" doc:"Users with their passwords."`
	List   *config.Value  `key:"list" takes:"text|list(text|map(text))|map(text)" deprecated:"22.2: use chpasswd.users" doc:"name:password, as a list or a line each. The password may be a hash, or RANDOM."`
}

type passwordKeys struct {
	Name     string        `key:"name" doc:"The login name."`
	Password secret.String `key:"password" doc:"The password, or its hash."`
	Type     string        `key:"type" enum:"hash|text|RANDOM" default:"hash" doc:"What the password is; RANDOM makes one and shows it on the console."`
}

var setPasswords = Of[setPasswordsKeys]{
	Name:       "set_passwords",
	Stage:      InitStage,
	Frequency:  state.PerInstance,
	Repeatable: true,
	Doc: "Sets passwords, by chpasswd, and whether sshd takes passwords. Passwords that it makes are shown on the " +
		"console and nowhere else. A user whose password cannot be set does not keep the others from being set.",
	Example: "ssh_pwauth: false\nchpasswd:\n  expire: false\n  users:\n    - {name: root, type: RANDOM}\n",
	Check:   checkSetPasswords,
	Run:     runSetPasswords,
}.Module()

func runSetPasswords(ctx context.Context, e *Env, keys *setPasswordsKeys) error {
	p := keys.changes
	done := accounts.SetPasswords(ctx, e.Host, p.text, false)
	done = append(done, accounts.SetPasswords(ctx, e.Host, p.hashes, true)...)
	p.showRandom(done)
	// Difference from cloud-init: a user whose password could not be set need not
	// change it.
	if keys.Chpasswd.Expire == nil || *keys.Chpasswd.Expire {
		for _, name := range done {
			e.At("chpasswd.expire").Fail(accounts.ExpirePassword(ctx, e.Host, name))
		}
	}
	setPasswordLogin(ctx, e, keys.SSHPwauth)
	return nil
}

// checkSetPasswords tells what can be told of the passwords without a machine.
func checkSetPasswords(e *Env, keys *setPasswordsKeys) {
	keys.changes.e = e
	keys.changes.collect(keys)
	if _, ok := passwordLogin(keys.SSHPwauth); !ok {
		e.At("ssh_pwauth").Errorf("expected true, false or unchanged, got %s; sshd is unchanged", config.Shown(keys.SSHPwauth))
	}
}

// passwordSetter sorts the passwords of the configuration by how they are set.
type passwordSetter struct {
	e      *Env
	text   []accounts.PasswordChange
	hashes []accounts.PasswordChange
	random []accounts.PasswordChange // those of text that a person must be told
}

// collect reads the passwords. An argument of the module is the default user's
// password, in place of `password` and the list.
func (p *passwordSetter) collect(keys *setPasswordsKeys) {
	root := p.e.Config
	users := root.Get("chpasswd.users").Items()
	for i, u := range keys.Chpasswd.Users {
		if i < len(users) {
			p.user(u, users[i], "chpasswd.users."+strconv.Itoa(i))
		}
	}
	password, at := keys.Password, root.Get("password")
	var listed bool
	if len(p.e.Args) > 0 {
		password = secret.New(p.e.Args[0])
	} else {
		listed = p.list(root.Get("chpasswd.list"))
	}
	if len(users) > 0 || listed || password.IsEmpty() {
		return
	}
	report := p.reporter(at, "password")
	name := cloudconfig.DefaultUser(p.e.Config, p.e.Instance.DefaultUser)
	if name == "" {
		p.e.Problem(config.Problem{
			Severity: config.Warning, Pos: at.Pos(), Key: "password",
			Message: "there is no default user whose password it could be, so it is ignored",
		})
		return
	}
	p.guess(name, password, report)
}

// reporter reports errors with a value of the configuration, which it does not show.
func (p *passwordSetter) reporter(at *config.Value, path string) func(error) {
	return func(err error) {
		p.e.Problem(config.Problem{Severity: config.Error, Pos: at.Pos(), Key: path, Message: err.Error()})
	}
}

// user adds an entry of chpasswd.users, which says what its password is.
func (p *passwordSetter) user(u passwordKeys, at *config.Value, path string) {
	report := p.reporter(at, path)
	if u.Name == "" {
		p.reporter(at, path+".name")(errors.New("expected a name, got nothing, so this password is skipped"))
		return
	}
	if u.Type == "" && !at.Get("type").IsNull() {
		return // it is none that there is, as Decode has said
	}
	change := accounts.PasswordChange{User: u.Name, Password: u.Password, Report: report}
	switch u.Type {
	case "", "hash":
		// Difference from cloud-init: without a password this is an error. It makes the
		// word RANDOM the hash, which locks the user out.
		p.hashes = append(p.hashes, change)
	case "text":
		p.text = append(p.text, change)
	case "RANDOM":
		p.makeRandom(u.Name, report)
	}
}

// list adds the entries of chpasswd.list, and tells whether it has any.
func (p *passwordSetter) list(v *config.Value) bool {
	const path = "chpasswd.list"
	before := len(p.text) + len(p.hashes)
	failed := false
	reporter := func(at *config.Value, path string) func(error) {
		report := p.reporter(at, path)
		return func(err error) {
			failed = true
			report(err)
		}
	}
	switch v.Kind() {
	case config.Null:
	case config.Map:
		p.pairs(v, reporter(v, path))
	case config.List:
		for i, item := range v.Items() {
			report := reporter(item, path+"."+strconv.Itoa(i))
			if item.Kind() == config.Map {
				p.pairs(item, report)
				continue
			}
			p.entry(item.Text(), report)
			if beginsWithSpace(item.Text()) {
				p.e.At(path).Items()[i].Warnf(spaceInPassword)
			}
		}
	default:
		report := reporter(v, path)
		for i, line := range strings.Split(v.Text(), "\n") {
			if line = strings.TrimSuffix(line, "\r"); line != "" {
				p.entry(line, func(err error) { report(fmt.Errorf("line %d: %w", i+1, err)) })
			}
			if beginsWithSpace(line) {
				p.e.At(path).Warnf("line %d: "+spaceInPassword, i+1)
			}
		}
	}
	return failed || len(p.text)+len(p.hashes) > before
}

const spaceInPassword = "the password begins with a space, which is part of it"

// beginsWithSpace reports whether the password of name:password does, which is hardly meant.
func beginsWithSpace(entry string) bool {
	_, password, _ := strings.Cut(entry, ":")
	return strings.HasPrefix(password, " ")
}

// pairs adds the entries of a map, which `- root: secret` is to YAML.
func (p *passwordSetter) pairs(v *config.Value, report func(error)) {
	for _, name := range v.Keys() {
		p.guess(name, secret.New(v.Get(name).Text()), report)
	}
}

// entry adds name:password. The password is all that follows the first colon.
//
// Difference from cloud-init: an entry without a colon is an error of its own. It
// stops the module before any password is set.
func (p *passwordSetter) entry(text string, report func(error)) {
	name, password, found := strings.Cut(text, ":")
	if !found {
		report(errors.New("expected name:password, found no colon"))
		return
	}
	p.guess(name, secret.New(password), report)
}

// guess adds a password of which nothing says whether it is a hash.
func (p *passwordSetter) guess(name string, password secret.String, report func(error)) {
	change := accounts.PasswordChange{User: name, Password: password, Report: report}
	switch text := password.Reveal(); {
	case text == "R" || text == "RANDOM":
		p.makeRandom(name, report)
	case accounts.IsHash(text):
		p.hashes = append(p.hashes, change)
	default:
		p.text = append(p.text, change)
	}
}

func (p *passwordSetter) makeRandom(name string, report func(error)) {
	password, err := accounts.RandomPassword()
	if err != nil {
		report(fmt.Errorf("cannot create a password for %s: %w", name, err))
		return
	}
	change := accounts.PasswordChange{User: name, Password: secret.New(password), Report: report}
	p.text = append(p.text, change)
	p.random = append(p.random, change)
}

// showRandom shows the passwords that were made, and set, on the console: whoever can
// see that has the machine in hand anyway, and no log keeps them.
func (p *passwordSetter) showRandom(done []string) {
	var text strings.Builder
	for _, c := range p.random {
		if slices.Contains(done, c.User) {
			text.WriteString(c.User + ":" + c.Password.Reveal() + "\n")
		}
	}
	if text.Len() == 0 {
		return
	}
	if err := p.e.Console("Set the following 'random' passwords\n" + text.String()); err != nil {
		p.e.Warn("random passwords were set, and nobody was told them: %v", err)
	}
}

// setPasswordsFor names the users whose passwords set_passwords will set.
func setPasswordsFor(e *Env) []string {
	var keys setPasswordsKeys
	unreported := &Env{Config: e.Config, Instance: e.Instance}
	unreported.decode(&keys, true)
	p := passwordSetter{e: unreported}
	p.collect(&keys)
	var names []string
	for _, c := range slices.Concat(p.text, p.hashes) {
		names = append(names, c.User)
	}
	return names
}

// setPasswordLogin says in sshd's configuration whether it takes passwords. A value in
// the system's own cloud.cfg counts as one of the user data does: on images that have
// `ssh_pwauth: false` there, as RHEL's have, leaving it out would open sshd to
// passwords.
func setPasswordLogin(ctx context.Context, e *Env, v *config.Value) {
	problem := func(severity config.Severity, format string, args ...any) {
		e.Problem(config.Problem{Severity: severity, Pos: v.Pos(), Key: "ssh_pwauth", Message: fmt.Sprintf(format, args...)})
	}
	value, ok := passwordLogin(v)
	if !ok || value == "" {
		return
	}
	if !sshd.IsInstalled(e.Host) {
		// Without sshd nobody logs in by password over SSH, as "no" asks for.
		severity := config.Note
		if value == "yes" {
			severity = config.Warning
		}
		e.Problem(config.Problem{
			Severity: severity, Pos: v.Pos(), Key: "ssh_pwauth", Message: "sshd is not installed, so it is ignored",
			Cause: &host.MissingError{Program: "sshd"},
		})
		return
	}
	changed, err := sshd.Set(e.Host, "PasswordAuthentication", value)
	if err == nil && changed {
		err = sshd.Restart(ctx, e.Host)
	}
	if err != nil {
		problem(config.Error, "%v", err)
	}
}

// passwordLogin returns yes, no, or "" where sshd is to stay as it is; ok reports whether
// the value is one of those that there are.
func passwordLogin(v *config.Value) (value string, ok bool) {
	switch {
	case v.IsNull() || strings.EqualFold(v.Text(), "unchanged"):
		return "", true
	case config.IsTrue(v):
		return "yes", true
	case config.IsFalse(v):
		return "no", true
	}
	return "", false
}
