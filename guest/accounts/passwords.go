package accounts

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cloudseed/host"
	"cloudseed/secret"
)

// PasswordChange is a password to set. Its Report is called with what went wrong, if
// anything did.
type PasswordChange struct {
	User     string
	Password secret.String
	Report   func(error)
}

// SetPasswords sets passwords, given as hashes or plain, in one call of chpasswd.
// The users that got theirs are returned.
//
// chpasswd may change nothing at all for one bad line, so that after a failure each
// user gets a call alone, and a bad one costs the others nothing.
func SetPasswords(ctx context.Context, h *host.Host, changes []PasswordChange, hashed bool) []string {
	var good []PasswordChange
	for _, c := range changes {
		if err := checkChange(ctx, h, c); err != nil {
			c.Report(err)
			continue
		}
		good = append(good, c)
	}
	if len(good) == 0 {
		return nil
	}
	err := chpasswd(ctx, h, good, hashed)
	if err != nil && len(good) == 1 {
		good[0].Report(fmt.Errorf("cannot set the password of %s: %w", good[0].User, err))
		return nil
	}
	var done []string
	for _, c := range good {
		if err != nil {
			if err := chpasswd(ctx, h, []PasswordChange{c}, hashed); err != nil {
				c.Report(fmt.Errorf("cannot set the password of %s: %w", c.User, err))
				continue
			}
		}
		done = append(done, c.User)
	}
	return done
}

// checkChange refuses what chpasswd would read as something else. Its errors
// never show the password, nor a name that no user has: in "name:password" that may
// be the first part of a password.
func checkChange(ctx context.Context, h *host.Host, c PasswordChange) error {
	if CheckName(c.User) != nil || !HasUser(ctx, h, c.User) {
		return errors.New("cannot set the password: there is no user of that name")
	}
	if strings.ContainsAny(c.Password.Reveal(), "\n\r\x00") {
		return fmt.Errorf("cannot set the password of %s: it has a line break or a NUL in it", c.User)
	}
	if c.Password.IsEmpty() {
		return fmt.Errorf("cannot set the password of %s: it is empty", c.User)
	}
	return nil
}

// chpasswd runs chpasswd(8). Its complaints may be shown: they name lines and users,
// never passwords.
func chpasswd(ctx context.Context, h *host.Host, changes []PasswordChange, hashed bool) error {
	var input strings.Builder
	for _, c := range changes {
		input.WriteString(c.User + ":" + c.Password.Reveal() + "\n")
	}
	argv := []string{"chpasswd"}
	if hashed {
		argv = append(argv, "-e")
	}
	_, err := h.Run(ctx, host.Command{Argv: argv, Stdin: secret.NewBytes([]byte(input.String()))})
	return err
}

// IsHash tells a password's hash from a password: $ID$...$..., with the methods that
// crypt(5) has.
//
// Difference from cloud-init: yescrypt ($y$), the default of newer systems, and the
// rarer $2b$, $gy$ and $7$ are hashes too. It sets such a hash as if it were the
// password.
func IsHash(text string) bool {
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

// Lock has a user's password let nobody in.
func Lock(ctx context.Context, h *host.Host, name string) error {
	return changeLock(ctx, h, name, "-l", "--lock")
}

// Unlock has a user's password let in again. It refuses an empty one.
func Unlock(ctx context.Context, h *host.Host, name string) error {
	return changeLock(ctx, h, name, "-u", "--unlock")
}

// changeLock runs passwd(1) with a flag, or usermod where passwd is not installed.
func changeLock(ctx context.Context, h *host.Host, name, flag, usermodFlag string) error {
	argv := []string{"passwd", flag, name}
	if _, err := h.LookPath("passwd"); err != nil {
		argv = []string{"usermod", usermodFlag, name}
	}
	if _, err := h.Run(ctx, host.Command{Argv: argv}); err != nil {
		return fmt.Errorf("cannot change the password's lock of %s: %w", name, err)
	}
	return nil
}

// DeletePassword has a user log in without a password.
func DeletePassword(ctx context.Context, h *host.Host, name string) error {
	_, err := h.Run(ctx, host.Command{Argv: []string{"passwd", "-d", name}})
	return err
}

// ExpirePassword makes a user choose a new password at the next login.
func ExpirePassword(ctx context.Context, h *host.Host, name string) error {
	if _, err := h.Run(ctx, host.Command{Argv: []string{"passwd", "--expire", name}}); err != nil {
		return fmt.Errorf("cannot expire the password of %s: %w", name, err)
	}
	return nil
}

// PasswordField returns the password field of a user in /etc/shadow, "" if it has none.
func PasswordField(h *host.Host, name string) (string, error) {
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
