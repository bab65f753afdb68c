package modules

import (
	"context"
	"fmt"
	"slices"
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
	Password  secret.String `key:"password" doc:"The default user's password, plain or as a hash, or RANDOM. Not used when chpasswd has users or a list."`
	Chpasswd  chpasswdKeys  `key:"chpasswd" doc:"Passwords of any users."`
	SSHPwauth *config.Value `key:"ssh_pwauth" takes:"bool|text" doc:"Whether sshd takes passwords: true, false, or unchanged."`

	passwords []cloudconfig.Password // what Check read of them
}

type chpasswdKeys struct {
	Expire *bool          `key:"expire" default:"true" doc:"Each user whose password is set here must change it at the next login."`
	Users  []passwordKeys `key:"users" doc:"Users with their passwords."`
	List   *config.Value  `key:"list" takes:"text|list(text|map(text))|map(text)" deprecated:"22.2: use chpasswd.users" doc:"name:password, as a list or a line each. The password may be a hash, or RANDOM."`
}

type passwordKeys struct {
	Name     string        `key:"name" doc:"The login name."`
	Password secret.String `key:"password" doc:"The password, or its hash."`
	Type     string        `key:"type" enum:"hash|text|RANDOM" default:"hash" doc:"What the password is; RANDOM generates one and shows it on the console."`
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
	var plain, hashes, random []accounts.PasswordChange
	for _, p := range keys.passwords {
		change := accounts.PasswordChange{User: p.User, Password: p.Value, Report: p.Fail}
		switch p.Kind {
		case cloudconfig.Hash:
			hashes = append(hashes, change)
			continue
		case cloudconfig.Random:
			password, err := accounts.RandomPassword()
			if err != nil {
				p.Fail(fmt.Errorf("cannot create a password for %s: %w", p.User, err))
				continue
			}
			change.Password = secret.New(password)
			random = append(random, change)
		}
		plain = append(plain, change)
	}
	done := accounts.SetPasswords(ctx, e.Host, plain, false)
	done = append(done, accounts.SetPasswords(ctx, e.Host, hashes, true)...)
	showRandom(e, random, done)
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
	keys.passwords = cloudconfig.Passwords(e.At(""), e.Instance.DefaultUser, e.Args)
	if _, ok := passwordLogin(keys.SSHPwauth); !ok {
		e.At("ssh_pwauth").Errorf("expected true, false or unchanged, got %s; sshd is unchanged", config.Shown(keys.SSHPwauth))
	}
}

// showRandom shows the passwords that were made, and set, on the console: whoever can
// see that has the machine in hand anyway, and no log keeps them.
func showRandom(e *Env, random []accounts.PasswordChange, done []string) {
	var shown strings.Builder
	for _, c := range random {
		if slices.Contains(done, c.User) {
			shown.WriteString(c.User + ":" + c.Password.Reveal() + "\n")
		}
	}
	if shown.Len() == 0 {
		return
	}
	if err := e.Console("Set the following 'random' passwords\n" + shown.String()); err != nil {
		e.Warn("random passwords were set, and nobody was told them: %v", err)
	}
}

// setPasswordLogin says in sshd's configuration whether it takes passwords. A value in
// the system's own cloud.cfg counts as one of the user data does: on images that have
// `ssh_pwauth: false` there, as RHEL's have, leaving it out would open sshd to
// passwords.
func setPasswordLogin(ctx context.Context, e *Env, v *config.Value) {
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
	e.findings.At(v.Pos(), "ssh_pwauth").Fail(err)
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
