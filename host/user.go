package host

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// User is an account of the machine.
type User struct {
	Name     string
	UID, GID int
	Home     string
}

// Group is a group of the machine.
type Group struct {
	Name    string
	GID     int
	Members []string
}

// UnknownError says that there is no such user or group.
type UnknownError struct{ What, Name string }

func (e UnknownError) Error() string { return fmt.Sprintf("there is no %s %q", e.What, e.Name) }

// User looks an account up by name, or by number if there is no such name.
func (h *Host) User(name string) (User, error) {
	fields, err := h.entry("passwd", "user", name, 7)
	if err != nil {
		return User{}, err
	}
	uid, err := strconv.Atoi(fields[2])
	if err != nil {
		return User{}, fmt.Errorf("cannot read user %q: its number is %q", name, fields[2])
	}
	gid, err := strconv.Atoi(fields[3])
	if err != nil {
		return User{}, fmt.Errorf("cannot read user %q: its group is %q", name, fields[3])
	}
	return User{Name: fields[0], UID: uid, GID: gid, Home: fields[5]}, nil
}

// Group looks a group up by name, or by number if there is no such name.
func (h *Host) Group(name string) (Group, error) {
	fields, err := h.entry("group", "group", name, 4)
	if err != nil {
		return Group{}, err
	}
	gid, err := strconv.Atoi(fields[2])
	if err != nil {
		return Group{}, fmt.Errorf("cannot read group %q: its number is %q", name, fields[2])
	}
	group := Group{Name: fields[0], GID: gid}
	for member := range strings.SplitSeq(fields[3], ",") {
		if member != "" {
			group.Members = append(group.Members, member)
		}
	}
	return group, nil
}

// entry finds a line of /etc/passwd or /etc/group. Accounts kept elsewhere (SSSD,
// systemd) are asked for through getent, on the running machine only.
func (h *Host) entry(database, what, name string, count int) ([]string, error) {
	data, err := h.ReadFile("/etc/" + database)
	if err != nil {
		return nil, fmt.Errorf("cannot look up %s %q: %w", what, name, err)
	}
	if fields := find(data, name, count); fields != nil {
		return fields, nil
	}
	if h.IsLive() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		r, err := h.Run(ctx, Command{Argv: []string{"getent", database, name}, OK: []int{2}, Quiet: true})
		if err == nil && r.Exit == 0 {
			if fields := find([]byte(r.Stdout), name, count); fields != nil {
				return fields, nil
			}
		}
	}
	return nil, UnknownError{what, name}
}

func find(data []byte, name string, count int) []string {
	var byNumber []string
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if len(fields) < count {
			continue
		}
		if fields[0] == name {
			return fields
		}
		if fields[2] == name && byNumber == nil {
			byNumber = fields
		}
	}
	return byNumber
}

// ids turns an owner and group into numbers. A number that no account has is
// taken as it is, as chown(1) does.
func (h *Host) ids(owner, group string) (uid, gid int, err error) {
	if owner != "" && owner != "root" {
		user, err := h.User(owner)
		if number, bad := strconv.Atoi(owner); err != nil && bad == nil && number >= 0 {
			user, err = User{UID: number}, nil
		}
		if err != nil {
			return 0, 0, err
		}
		uid, gid = user.UID, user.GID
	}
	if group != "" {
		found, err := h.Group(group)
		if number, bad := strconv.Atoi(group); err != nil && bad == nil && number >= 0 {
			found, err = Group{GID: number}, nil
		}
		if err != nil && group != "root" {
			return 0, 0, err
		}
		gid = found.GID
	}
	return uid, gid, nil
}
