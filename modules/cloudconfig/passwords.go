package cloudconfig

import (
	"errors"
	"fmt"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/accounts"
	"cloudseed/secret"
)

// Password is a password that the configuration wants a user to have.
type Password struct {
	User  string
	Value secret.String
	Kind  PasswordKind
	at    config.Cursor
	line  int // of a list that is a string, from 1; 0: it is not
}

// PasswordKind is what the value of a password is.
type PasswordKind int

// The kinds of passwords.
const (
	Plain PasswordKind = iota
	Hash
	Random // there is no value: a password is to be made
)

// Fail reports an error with the password, which it does not show.
func (p Password) Fail(err error) {
	if err != nil && p.line > 0 {
		err = fmt.Errorf("line %d: %w", p.line, err)
	}
	p.at.Fail(err)
}

// Passwords returns the passwords of the keys password and chpasswd. An argument of
// set_passwords is the default user's password, in place of password and chpasswd.list.
func Passwords(root config.Cursor, systemUser *config.Value, args []string) []Password {
	var r passwordReader
	users := root.Path("chpasswd.users").Items()
	for _, at := range users {
		r.user(at)
	}
	password := root.Get("password")
	value := password.Text()
	if len(args) > 0 {
		value = args[0]
	} else {
		r.list(root.Path("chpasswd.list"))
	}
	if len(users) > 0 || r.listed || value == "" {
		return r.found
	}
	name := DefaultUser(root.Value(), systemUser)
	if name == "" {
		password.Warnf("there is no default user whose password it could be, so it is ignored")
		return r.found
	}
	r.guess(Password{User: name, Value: secret.New(value), at: password})
	return r.found
}

// passwordReader collects passwords.
type passwordReader struct {
	found  []Password
	listed bool // chpasswd.list has an entry, be it one that is wrong
}

// user reads an entry of chpasswd.users, which says what its password is.
func (r *passwordReader) user(at config.Cursor) {
	p := Password{User: at.Get("name").Text(), Value: secret.New(at.Get("password").Text()), at: at}
	if p.User == "" {
		at.Get("name").Errorf("expected a name, got nothing, so this password is skipped")
		return
	}
	switch at.Get("type").Text() {
	case "", "hash":
		// Difference from cloud-init: without a password this is an error. It makes the
		// word RANDOM the hash, which locks the user out.
		p.Kind = Hash
	case "text":
	case "RANDOM":
		p.Kind = Random
	default:
		return // there is no such type, as Decode has said
	}
	r.found = append(r.found, p)
}

// list reads chpasswd.list.
func (r *passwordReader) list(at config.Cursor) {
	switch at.Kind() {
	case config.Null:
	case config.Map:
		r.pairs(at)
	case config.List:
		for _, item := range at.Items() {
			if item.Kind() == config.Map {
				r.pairs(item)
			} else {
				r.entry(item.Text(), Password{at: item})
			}
		}
	default:
		for i, line := range strings.Split(at.Text(), "\n") {
			if line = strings.TrimSuffix(line, "\r"); line != "" {
				r.entry(line, Password{at: at, line: i + 1})
			}
		}
	}
}

// pairs reads the entries of a mapping, which `- root: secret` is to YAML.
func (r *passwordReader) pairs(at config.Cursor) {
	for _, entry := range at.Entries() {
		r.listed = true
		r.guess(Password{User: entry.Key, Value: secret.New(entry.Value.Text()), at: at})
	}
}

// entry reads name:password. The password is all that follows the first colon.
//
// Difference from cloud-init: an entry without a colon is an error of its own. It
// stops the module before any password is set.
func (r *passwordReader) entry(entry string, p Password) {
	r.listed = true
	name, password, found := strings.Cut(entry, ":")
	if !found {
		p.Fail(errors.New("expected name:password, found no colon"))
		return
	}
	if strings.HasPrefix(password, " ") { // which is hardly meant
		where := ""
		if p.line > 0 {
			where = fmt.Sprintf("line %d: ", p.line)
		}
		p.at.Warnf("%sthe password begins with a space, which is part of it", where)
	}
	p.User, p.Value = name, secret.New(password)
	r.guess(p)
}

// guess adds a password of which nothing says what it is.
func (r *passwordReader) guess(p Password) {
	switch value := p.Value.Reveal(); {
	case value == "R" || value == "RANDOM":
		p.Kind = Random
	case accounts.IsHash(value):
		p.Kind = Hash
	}
	r.found = append(r.found, p)
}
