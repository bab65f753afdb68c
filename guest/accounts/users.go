// Package accounts creates users and groups of a guest, and sets their passwords and what they
// may do by sudo and doas.
//
// In come names and values, out go calls of the shadow tools and lines in files. It must never
// know cloud-config, or which users are wanted.
package accounts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode"

	"cloudseed/host"
)

// CheckName refuses names that would be read as something else by the programs and
// files that they go into.
func CheckName(name string) error {
	if name == "" || strings.HasPrefix(name, "-") || strings.ContainsAny(name, ":,/ ") || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("%q cannot be the name of a user or group", name)
	}
	return nil
}

// HasUser reports whether there is a user of that name, and not only of that number: Host
// takes numbers too.
func HasUser(ctx context.Context, h *host.Host, name string) bool {
	found, err := h.User(ctx, name)
	return err == nil && found.Name == name
}

// HasGroup reports whether there is a group of that name, and not only of that number.
func HasGroup(ctx context.Context, h *host.Host, name string) bool {
	found, err := h.Group(ctx, name)
	return err == nil && found.Name == name
}

// CreateGroup creates a group.
func CreateGroup(ctx context.Context, h *host.Host, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if _, err := h.Run(ctx, host.Command{Argv: []string{"groupadd", name}}); err != nil {
		return fmt.Errorf("cannot create the group %s: %w", name, err)
	}
	return nil
}

// AddMember adds a user to a group.
func AddMember(ctx context.Context, h *host.Host, group, member string) error {
	if _, err := h.Run(ctx, host.Command{Argv: []string{"usermod", "-a", "-G", group, member}}); err != nil {
		return fmt.Errorf("cannot add %s to the group %s: %w", member, group, err)
	}
	return nil
}

// User is a user to create. All but the name may be left to useradd(8).
type User struct {
	Name, Comment          string
	Home, Shell            string
	UID, PrimaryGroup      string
	Groups                 []string
	ExpireDate, Inactive   string
	SELinuxUser            string
	System, NoCreateHome   bool
	NoUserGroup, NoLogInit bool
}

// HomeOf returns the home directory that useradd gives a user, unless the machine has another
// default (useradd -D). home is the one that is asked for, "" the usual one.
func HomeOf(name, home string) string {
	if home != "" {
		return path.Clean("/" + home)
	}
	return "/home/" + name
}

// useradd is the command that creates the user.
//
// Difference from cloud-init: values that YAML reads as a number or a date are used;
// it drops all but uid. The password's hash is set by chpasswd afterwards: an
// argument list is in the process list and the audit log.
func (u User) useradd() []string {
	argv := []string{"useradd", u.Name}
	// In cloud-init's order, which is that of its keys.
	for _, option := range []struct {
		name, value string
		flag        bool
	}{
		{name: "--expiredate", value: u.ExpireDate},
		{name: "--comment", value: u.Comment},
		{name: "--groups", value: strings.Join(u.Groups, ",")},
		{name: "--home", value: u.Home},
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
	if u.NoCreateHome {
		return append(argv, "-M")
	}
	return append(argv, "-m")
}

// Creation creates users so that a power cut leaves none half-made for good: useradd is not
// done in one step, and syncs its entry of /etc/passwd but not the home. A user without a
// whole home or a password must not be taken for a finished one. Note is a file that names
// the users that are being created, a line each, with the home directory if there was none.
type Creation struct {
	Host *host.Host
	Note string
}

// Begin notes that users are about to be created; the note is on disk when it returns.
func (c Creation) Begin(users ...User) error {
	var note strings.Builder
	for _, u := range users {
		home := HomeOf(u.Name, u.Home)
		if c.Host.Exists(home) {
			home = ""
		}
		fmt.Fprintf(&note, "%s:%s\n", u.Name, home)
	}
	if _, err := c.Host.Quietly().WriteFile(c.Note, []byte(note.String()), host.File{Mode: 0o600}); err != nil {
		return err
	}
	return c.Host.Sync()
}

// Create creates a user that Begin noted.
func (c Creation) Create(ctx context.Context, u User) error {
	if _, err := c.Host.Run(ctx, host.Command{Argv: u.useradd()}); err != nil {
		return fmt.Errorf("cannot create the user %s: %w", u.Name, err)
	}
	return nil
}

// End notes that the users have all that belongs to them, as soon as that is on disk.
func (c Creation) End() {
	c.Host.AfterSync(func() error { return c.Host.Quietly().RemoveAll(c.Note) })
}

// Resume removes the accounts that an interrupted run was creating, if they are wanted, so that
// this one creates them whole: with the home directory, which useradd fills only when it is not
// there. A home that was there before stays.
func (c Creation) Resume(ctx context.Context, wanted func(name string) bool) error {
	data, err := c.Host.ReadFile(c.Note)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot tell which users an interrupted run was creating: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		name, home, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		if !wanted(name) {
			continue
		}
		if err := c.remove(ctx, name, home); err != nil {
			return fmt.Errorf("cannot create the user %s anew after an interruption: %w", name, err)
		}
	}
	return c.Host.Quietly().RemoveAll(c.Note)
}

func (c Creation) remove(ctx context.Context, name, home string) error {
	if HasUser(ctx, c.Host, name) {
		if _, err := c.Host.Run(ctx, host.Command{Argv: []string{"userdel", name}}); err != nil {
			return err
		}
	}
	if home == "" {
		return nil
	}
	return c.Host.RemoveAll(home)
}
