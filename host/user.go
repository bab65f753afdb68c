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

// Owner is the user with its own group.
func (u User) Owner() Owner { return Owner{u.UID, u.GID} }

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
func (h *Host) User(ctx context.Context, name string) (User, error) {
	fields, err := h.entry(ctx, "passwd", "user", name, 7)
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
func (h *Host) Group(ctx context.Context, name string) (Group, error) {
	fields, err := h.entry(ctx, "group", "group", name, 4)
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

// lookUpTime is how long the services that keep accounts may take.
const lookUpTime = 10 * time.Second

// entry finds a line of /etc/passwd or /etc/group. Accounts kept elsewhere (SSSD,
// systemd) are asked for through getent, on the running machine only.
func (h *Host) entry(ctx context.Context, database, what, name string, count int) ([]string, error) {
	data, err := h.ReadFile("/etc/" + database)
	if err != nil {
		return nil, fmt.Errorf("cannot look up %s %q: %w", what, name, err)
	}
	if fields := find(data, name, count); fields != nil {
		return fields, nil
	}
	if h.IsLive() {
		r, err := h.Run(ctx, Command{Argv: []string{"getent", database, name}, OK: []int{2}, Timeout: lookUpTime, Quiet: true})
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

// FindOwner looks up a user and a group by name or number. A number that no account has is
// taken as it is, as chown(1) does. User "" is root; group "" is the user's own, or root.
func (h *Host) FindOwner(ctx context.Context, user, group string) (Owner, error) {
	var owner Owner
	if user != "" && user != "root" {
		found, err := h.User(ctx, user)
		if number, bad := strconv.ParseUint(user, 10, 32); err != nil && bad == nil {
			found, err = User{UID: int(number)}, nil
		}
		if err != nil {
			return Owner{}, err
		}
		owner = Owner{found.UID, found.GID}
	}
	if group == "root" {
		owner.GID = 0
	} else if group != "" {
		found, err := h.Group(ctx, group)
		if number, bad := strconv.ParseUint(group, 10, 32); err != nil && bad == nil {
			found, err = Group{GID: int(number)}, nil
		}
		if err != nil {
			return Owner{}, err
		}
		owner.GID = found.GID
	}
	return owner, nil
}
