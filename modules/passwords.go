package modules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloudseed/host"
	"cloudseed/secret"
)

// passwordChange is a password to set. Its report is called with what went wrong, if
// anything did.
type passwordChange struct {
	user     string
	password secret.String
	report   func(error)
}

// setPasswordsOf sets passwords, given as hashes or as text, in one call of chpasswd.
// The users that got theirs are returned.
//
// chpasswd may change nothing at all for one bad line, so that after a failure each
// user gets a call alone, and a bad one costs the others nothing.
func setPasswordsOf(ctx context.Context, h *host.Host, changes []passwordChange, hashed bool) []string {
	var good []passwordChange
	for _, c := range changes {
		if err := checkPasswordChange(ctx, h, c); err != nil {
			c.report(err)
			continue
		}
		good = append(good, c)
	}
	if len(good) == 0 {
		return nil
	}
	err := chpasswd(ctx, h, good, hashed)
	if err != nil && len(good) == 1 {
		good[0].report(fmt.Errorf("cannot set the password of %s: %w", good[0].user, err))
		return nil
	}
	var done []string
	for _, c := range good {
		if err != nil {
			if err := chpasswd(ctx, h, []passwordChange{c}, hashed); err != nil {
				c.report(fmt.Errorf("cannot set the password of %s: %w", c.user, err))
				continue
			}
		}
		done = append(done, c.user)
	}
	return done
}

// checkPasswordChange refuses what chpasswd would read as something else. Its errors
// never show the password, nor a name that no user has: in "name:password" that may
// be the first part of a password.
func checkPasswordChange(ctx context.Context, h *host.Host, c passwordChange) error {
	if checkName(c.user) != nil || !hasUser(ctx, h, c.user) {
		return errors.New("cannot set the password: there is no user of that name")
	}
	if strings.ContainsAny(c.password.Reveal(), "\n\r\x00") {
		return fmt.Errorf("cannot set the password of %s: it has a line break or a NUL in it", c.user)
	}
	if c.password.IsEmpty() {
		return fmt.Errorf("cannot set the password of %s: it is empty", c.user)
	}
	return nil
}

// chpasswd runs chpasswd(8). Its complaints may be shown: they name lines and users,
// never passwords.
func chpasswd(ctx context.Context, h *host.Host, changes []passwordChange, hashed bool) error {
	var input strings.Builder
	for _, c := range changes {
		input.WriteString(c.user + ":" + c.password.Reveal() + "\n")
	}
	argv := []string{"chpasswd"}
	if hashed {
		argv = append(argv, "-e")
	}
	_, err := h.Run(ctx, host.Command{Argv: argv, Stdin: secret.NewBytes([]byte(input.String()))})
	return err
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
		setPasswordsOf(ctx, u.e.Host, []passwordChange{{u.name, given.password, report}}, given.hashed)
	}
	if u.LockPasswd == nil || *u.LockPasswd {
		u.report("lock_passwd", u.passwd(ctx, "-l", "--lock"))
		return
	}
	if !failed {
		u.report("lock_passwd", u.unlock(ctx, exists))
	}
}

// ignorePasswd leaves out the hash that is for new users only. That is worth a word,
// unless the user has it already, from an earlier run or instance.
func (u *user) ignorePasswd() {
	field, err := shadowField(u.e.Host, u.name)
	if err != nil || strings.TrimLeft(field, "!") != u.Passwd.Reveal() {
		u.warn("passwd", "it is for new users only, and %s exists already, so it is ignored: use hashed_passwd", u.name)
	}
	u.Passwd = secret.String{}
}

// passwd runs passwd(1) with a flag, or usermod where passwd is not installed.
func (u *user) passwd(ctx context.Context, flag, usermodFlag string) error {
	argv := []string{"passwd", flag, u.name}
	if _, err := u.e.Host.LookPath("passwd"); err != nil {
		argv = []string{"usermod", usermodFlag, u.name}
	}
	if _, err := u.e.Host.Run(ctx, host.Command{Argv: argv}); err != nil {
		return fmt.Errorf("cannot change the password's lock of %s: %w", u.name, err)
	}
	return nil
}

// unlock allows login by password, if there is one, or if the configuration says in
// so many words that there shall be none.
func (u *user) unlock(ctx context.Context, exists bool) error {
	field, err := shadowField(u.e.Host, u.name)
	if err != nil {
		return err
	}
	hash := strings.TrimLeft(field, "!")
	hasPassword := hash != "" && hash != "*"
	given := u.account.get("plain_text_passwd") != nil || u.account.get("hashed_passwd") != nil ||
		!exists && u.account.get("passwd") != nil
	switch {
	case hasPassword && (given || exists):
		if hash == field {
			return nil // it is not locked
		}
		return u.passwd(ctx, "-u", "--unlock")
	case given && hash == "":
		// passwd -u refuses to let an empty password in; only -d does.
		_, err := u.e.Host.Run(ctx, host.Command{Argv: []string{"passwd", "-d", u.name}})
		return err
	}
	if slices.Contains(setPasswordsFor(u.e), u.name) {
		return nil // chpasswd replaces the lock together with the password
	}
	u.warn("lock_passwd", "the password of %s stays locked, since it has none", u.name)
	return nil
}

// shadowField is the password field of a user in /etc/shadow, "" if it has none.
func shadowField(h *host.Host, name string) (string, error) {
	data, err := h.ReadFile("/etc/shadow")
	if err != nil {
		return "", fmt.Errorf("cannot tell whether %s has a password: %w", name, err)
	}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Split(line, ":"); fields[0] == name && len(fields) > 1 {
			return strings.TrimSpace(fields[1]), nil
		}
	}
	return "", errors.New("there is no entry for " + name + " in /etc/shadow")
}

// isHash tells a password's hash from a password: $ID$...$..., with the methods that
// crypt(5) has.
//
// Difference from cloud-init: yescrypt ($y$), the default of newer systems, and the
// rarer $2b$, $gy$ and $7$ are hashes too. It sets such a hash as if it were the
// password.
func isHash(text string) bool {
	if !strings.HasPrefix(text, "$") || strings.Contains(text, ":") {
		return false
	}
	method, rest, _ := strings.Cut(text[1:], "$")
	switch method {
	case "1", "2a", "2b", "2y", "5", "6", "7", "y", "gy":
	default:
		return false
	}
	// Two more parts, neither of them empty.
	i := strings.LastIndex(rest, "$")
	return i > 0 && i < len(rest)-1
}
