// Package subscription registers a guest with Red Hat's subscription management, or another
// server of its kind, by the program subscription-manager.
//
// In come an account, pools, repositories and a release; out go the program's runs. Passwords
// are typed on a terminal of the program's own. It must never know cloud-config, modules or
// the stages of a boot.
package subscription

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cloudseed/host"
	"cloudseed/secret"
)

// Manager is the subscription-manager of a guest.
type Manager struct{ host *host.Host }

// Of returns the manager of a guest.
func Of(h *host.Host) Manager { return Manager{h} }

// Account is who a guest is registered for: an activation key with its organization, or else
// a user with a password, and an organization if the user has several.
type Account struct {
	ActivationKey secret.String
	Username      string
	Password      secret.String
	Org           string
	BaseURL       string // of the content; "": the program's own
	Server        string // host[:port][/path]; "": the program's own
}

// ErrContentAccess says that there is nothing to attach: with simple content access an
// organization's systems have all of its content, and newer programs attach nothing at all.
var ErrContentAccess = errors.New("this organization's systems have access to all of its content (simple content access), so that there is nothing to attach")

// slow is how long one step may take: the server works in the meantime.
const slow = 10 * time.Minute

// run runs the program, which tells its errors on either output. What it says on the one for
// results is not shown where it was given a secret.
func (m Manager) run(ctx context.Context, c host.Command) (host.Result, error) {
	c.Argv = append([]string{"subscription-manager"}, c.Argv...)
	for i := range c.SecretArgs {
		c.SecretArgs[i]++
	}
	c.Timeout = slow
	r, err := m.host.Run(ctx, c)
	var failed *host.ExitError
	said := lastLine(r.Stdout)
	if errors.As(err, &failed) && failed.Reason == "" && said != "" && len(c.SecretArgs) == 0 && c.Stdin.Len() == 0 {
		err = fmt.Errorf("%w: %s", err, secret.WithoutLogins(said))
	}
	return r, err
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// Registered reports whether the guest is registered.
func (m Manager) Registered(ctx context.Context) (bool, error) {
	_, err := m.run(ctx, host.Command{Argv: []string{"identity"}, Quiet: true})
	var failed *host.ExitError
	if errors.As(err, &failed) {
		return false, nil
	}
	return err == nil, err
}

// Register registers the guest, and returns its id, "" if the program does not tell it.
func (m Manager) Register(ctx context.Context, a Account) (id string, err error) {
	c := host.Command{Argv: []string{"register"}}
	if !a.ActivationKey.IsEmpty() {
		c.SecretArgs = []int{len(c.Argv)}
		c.Argv = append(c.Argv, "--activationkey="+a.ActivationKey.Reveal())
	} else {
		// The program asks for a password that it was not given, on a terminal alone.
		c.Argv = append(c.Argv, "--username="+a.Username)
		c.Prompt, c.Stdin = "assword:", secret.NewBytes([]byte(a.Password.Reveal()))
	}
	for _, option := range []struct{ name, value string }{{"--org=", a.Org}, {"--baseurl=", a.BaseURL}, {"--serverurl=", a.Server}} {
		if option.value != "" {
			c.Argv = append(c.Argv, option.name+option.value)
		}
	}
	r, err := m.run(ctx, c)
	if err != nil {
		return "", err
	}
	_, id, _ = strings.Cut(r.Stdout, "ID: ")
	id, _, _ = strings.Cut(id, "\n")
	return strings.TrimSpace(id), nil
}

// attach runs a step of attaching. With simple content access the program ignores it, ends
// well or not, or does not know it any more.
func (m Manager) attach(ctx context.Context, c host.Command) (host.Result, error) {
	r, err := m.run(ctx, c)
	said := r.Stdout + r.Stderr
	for _, mark := range []string{"content access mode", "Simple Content Access", " MODULE-NAME ", "unrecognized arguments"} {
		if strings.Contains(said, mark) {
			return r, ErrContentAccess
		}
	}
	return r, err
}

// AttachAuto attaches what fits the guest best, of a service level unless that is "".
func (m Manager) AttachAuto(ctx context.Context, serviceLevel string) error {
	argv := []string{"attach", "--auto"}
	if serviceLevel != "" {
		argv = append(argv, "--servicelevel="+serviceLevel)
	}
	_, err := m.attach(ctx, host.Command{Argv: argv})
	return err
}

// Pools returns the pools that can be attached, and those that are.
func (m Manager) Pools(ctx context.Context) (available, attached []string, err error) {
	list := func(which string) []string {
		if err != nil {
			return nil
		}
		var r host.Result
		r, err = m.attach(ctx, host.Command{Argv: []string{"list", which, "--pool-only"}, Quiet: true})
		return strings.Fields(r.Stdout)
	}
	available, attached = list("--available"), list("--consumed")
	return available, attached, err
}

// Attach attaches pools.
func (m Manager) Attach(ctx context.Context, pools []string) error {
	argv := []string{"attach"}
	for _, pool := range pools {
		argv = append(argv, "--pool="+pool)
	}
	_, err := m.attach(ctx, host.Command{Argv: argv})
	return err
}

// UsesContentAccess reports whether there is nothing to attach.
func (m Manager) UsesContentAccess(ctx context.Context) bool {
	// It ends with an error where a subscription is missing, and says what it has all the same.
	_, err := m.attach(ctx, host.Command{Argv: []string{"status"}, Quiet: true})
	return errors.Is(err, ErrContentAccess)
}

// Repositories returns the ids of the repositories that the guest may use.
func (m Manager) Repositories(ctx context.Context) (enabled, disabled []string, err error) {
	list := func(which string) (ids []string) {
		if err != nil {
			return nil
		}
		var r host.Result
		r, err = m.run(ctx, host.Command{Argv: []string{"repos", which}, Quiet: true})
		for line := range strings.Lines(r.Stdout) {
			if _, id, ok := strings.Cut(line, "Repo ID:"); ok {
				ids = append(ids, strings.TrimSpace(id))
			}
		}
		return ids
	}
	enabled, disabled = list("--list-enabled"), list("--list-disabled")
	return enabled, disabled, err
}

// SetRepositories disables and then enables repositories.
func (m Manager) SetRepositories(ctx context.Context, disable, enable []string) error {
	argv := []string{"repos"}
	for _, id := range disable {
		argv = append(argv, "--disable="+id)
	}
	for _, id := range enable {
		argv = append(argv, "--enable="+id)
	}
	_, err := m.run(ctx, host.Command{Argv: argv})
	return err
}

// SetRelease keeps the guest on a minor release, and removes the package managers' caches,
// which are of another.
func (m Manager) SetRelease(ctx context.Context, release string) error {
	if _, err := m.run(ctx, host.Command{Argv: []string{"release", "--set=" + release}}); err != nil {
		return err
	}
	return errors.Join(m.host.RemoveAll("/var/cache/dnf"), m.host.RemoveAll("/var/cache/yum"))
}
