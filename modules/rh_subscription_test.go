package modules

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"cloudseed/host"
	"cloudseed/state"

	"github.com/google/go-cmp/cmp"
)

const (
	notRegistered = "subscription-manager identity"
	listRepos     = "subscription-manager repos --list-enabled\nsubscription-manager repos --list-disabled"
	listPools     = "subscription-manager list --available --pool-only\nsubscription-manager list --consumed --pool-only"
	ignored       = "Ignoring request to auto-attach. It is disabled for org \"1\" because of the content access mode setting.\n"
)

func TestRHSubscription(t *testing.T) {
	t.Parallel()
	const byKey = "activation_key: key-s3cret, org: '1', "
	const registerByKey = notRegistered + "\nsubscription-manager register --activationkey=key-s3cret --org=1"
	for name, row := range map[string]struct{ userData, answers, want, report string }{
		"by an activation key":                    {byKey, "", registerByKey, ""},
		"by a name and a password that is typed":  {"username: alice, password: pass-s3cret", "", notRegistered + "\nsubscription-manager register --username=alice < pass-s3cret", ""},
		"a user of several organizations":         {"username: alice, password: 00123, org: acme", "", notRegistered + "\nsubscription-manager register --username=alice --org=acme < 00123", ""},
		"all that belongs to a server":            {byKey + "server_hostname: 'sat.example.com:443/rhsm', rhsm_baseurl: 'https://sat.example.com/pulp'", "", registerByKey + " --baseurl=https://sat.example.com/pulp --serverurl=sat.example.com:443/rhsm", ""},
		"an activation key before a name":         {byKey + "username: alice, password: pass-s3cret", "", registerByKey, "note: user-data:1:67: rh_subscription.username: the activation key is used; username and password are not"},
		"an activation key without org":           {"activation_key: key-s3cret, username: alice, password: pass-s3cret", "", notRegistered + "\nsubscription-manager register --username=alice < pass-s3cret", "warning: user-data:1:35: rh_subscription.activation_key: an activation key needs org; username and password are used"},
		"an activation key without org or a name": {"activation_key: key-s3cret", "", "", "error: user-data:1:18: rh_subscription: expected activation_key and org, or username and password; the system is not registered"},
		"a name without a password":               {"username: alice", "", "", "error: user-data:1:18: rh_subscription: expected activation_key and org, or username and password; the system is not registered"},
		"nothing":                                 {"", "", "", ""},
		"the system is registered":                {byKey + "auto_attach: true", "identity => 0:", notRegistered, ""},
		"an organization that is a number":        {"activation_key: key-s3cret, org: 1", "", registerByKey, "deprecated: user-data:1:52: rh_subscription.org: a number is deprecated since cloud-init 24.2: write a string"},
		"an older spelling":                       {"activation-key: key-s3cret, org: '1'", "", registerByKey, "deprecated: user-data:1:19: rh_subscription.activation-key: deprecated since cloud-init 25.3: write activation_key"},
		"a registration that fails":               {byKey + "auto_attach: true, enable_repo: [a]", "register => 70:Invalid key-s3cret", registerByKey, "error: user-data:1:18: rh_subscription: cannot register the system: subscription-manager failed with exit code 70: [redacted]"},
		"the program is not there":                {byKey, "missing", notRegistered, "error: user-data:1:18: rh_subscription: cannot register the system: the program subscription-manager is not installed"},
		"attaching":                               {byKey + "auto_attach: true", "", registerByKey + "\nsubscription-manager attach --auto", ""},
		"attaching a service level":               {byKey + "auto-attach: 'yes', service_level: Premium", "", registerByKey + "\nsubscription-manager attach --auto --servicelevel=Premium", "deprecated: user-data:1:57: rh_subscription.auto-attach: deprecated since cloud-init 25.3: write auto_attach"},
		"a service level without attaching":       {byKey + "service_level: Premium", "", registerByKey, "error: user-data:1:72: rh_subscription.service_level: a service level needs auto_attach: true; skipped"},
		"attaching with simple content access":    {byKey + "auto_attach: true, release_version: 9.10", "attach => 0:" + ignored, registerByKey + "\nsubscription-manager attach --auto\nsubscription-manager release --set=9.10", "note: user-data:1:70: rh_subscription.auto_attach: this organization's systems have access to all of its content (simple content access), so that there is nothing to attach"},
		"attaching that fails, and the rest":      {byKey + "auto_attach: true, release_version: '9.4'", "attach => 1:No products.", registerByKey + "\nsubscription-manager attach --auto\nsubscription-manager release --set=9.4", "error: user-data:1:70: rh_subscription.auto_attach: cannot attach subscriptions: subscription-manager failed with exit code 1: No products."},
		"neither true nor false":                  {byKey + "auto_attach: perhaps", "", registerByKey, `error: user-data:1:70: rh_subscription.auto_attach: expected a boolean, got "perhaps"`},
		"pools: free, attached and unknown":       {byKey + "add_pool: [8a1, 8a2, 8a3]", "list --available => 0:8a0\n8a1\n;list --consumed => 0:8a2\n", registerByKey + "\n" + listPools + "\nsubscription-manager status\nsubscription-manager attach --pool=8a1", "error: user-data:1:78: rh_subscription.add_pool.2: no such pool is available; it is not attached"},
		"one pool by itself":                      {byKey + "add_pool: 8a1", "list --available => 0:8a1", registerByKey + "\n" + listPools + "\nsubscription-manager attach --pool=8a1", ""},
		"pools with simple content access":        {byKey + "add_pool: [8a1]", "status => 0:Content Access Mode is set to Simple Content Access.", registerByKey + "\n" + listPools + "\nsubscription-manager status", "note: user-data:1:67: rh_subscription.add_pool: this organization's systems have access to all of its content (simple content access), so that there is nothing to attach"},
		"pools where the program knows none":      {byKey + "add_pool: [8a1]", "list --available => 64:error: unrecognized arguments: --available", registerByKey + "\nsubscription-manager list --available --pool-only", "note: user-data:1:67: rh_subscription.add_pool: this organization's systems have access to all of its content (simple content access), so that there is nothing to attach"},
		"no pools":                                {byKey + "add_pool: []", "", registerByKey, ""},
		"repositories":                            {byKey + "enable_repo: [on, off, gone], disable_repo: [on2, off2, gone2]", "repos --list-enabled => 0:Repo ID:   on\nRepo ID: on2\n;repos --list-disabled => 0:Repo ID: off\nRepo ID: off2\n", registerByKey + "\n" + listRepos + "\nsubscription-manager repos --disable=on2 --enable=off", "error: user-data:1:80: rh_subscription.enable_repo.2: this system has no such repository; it is not enabled\nnote: user-data:1:113: rh_subscription.disable_repo.2: this system has no such repository"},
		"all repositories but some":               {byKey + "enable_repo: ['b*', on], disable_repo: ['*']", "repos --list-enabled => 0:Repo ID: on\nRepo ID: c\n;repos --list-disabled => 0:Repo ID: b1\n", registerByKey + "\n" + listRepos + "\nsubscription-manager repos --disable=* --enable=b* --enable=on", ""},
		"repositories that are as they are to be": {byKey + "enable_repo: [on], disable_repo: [off]", "repos --list-enabled => 0:Repo ID: on\n;repos --list-disabled => 0:Repo ID: off\n", registerByKey + "\n" + listRepos, ""},
		"repositories that cannot be listed":      {byKey + "enable_repo: [on]", "repos --list-enabled => 70:Network error", registerByKey + "\nsubscription-manager repos --list-enabled", "error: user-data:1:18: rh_subscription: cannot list the repositories: subscription-manager failed with exit code 70: Network error"},
		"repositories that cannot be changed":     {byKey + "enable_repo: [off]", "repos --enable => 1:no;repos --list-disabled => 0:Repo ID: off", registerByKey + "\n" + listRepos + "\nsubscription-manager repos --enable=off", "error: user-data:1:18: rh_subscription: cannot change the repositories: subscription-manager failed with exit code 1: no"},
		"a release that there is not":             {byKey + "release_version: '9.9'", "release => 65:No releases match '9.9'.", registerByKey + "\nsubscription-manager release --set=9.9", "error: user-data:1:74: rh_subscription.release_version: cannot set the release: subscription-manager failed with exit code 65: No releases match '9.9'."},
		"ids that are none":                       {byKey + "add_pool: [{}, ~], enable_repo: [\"a\\nb\"]", "", registerByKey, "error: user-data:1:68: rh_subscription.add_pool.0: expected an id, got a mapping; skipped\nerror: user-data:1:72: rh_subscription.add_pool.1: expected an id, got nothing; skipped\nerror: user-data:1:90: rh_subscription.enable_repo.0: the id holds a control character; skipped"},
		"a password that a terminal would obey":   {"username: alice, password: \"a\\x03b\"", "", "", "error: user-data:1:46: rh_subscription.password: the value holds a control character; the system is not registered"},
		"a server that is more than a line":       {byKey + "server_hostname: \"a\\n[rhsm]\\nca_cert_dir=/tmp\"", "", "", "error: user-data:1:74: rh_subscription.server_hostname: the value holds a control character; the system is not registered"},
		"a name that looks like an option":        {"username: --force, password: -x", "", notRegistered + "\nsubscription-manager register --username=--force < -x", ""},
		"a key that there is not":                 {byKey + "pool: [x]", "", registerByKey, "warning: user-data:1:57: rh_subscription.pool: unknown key; it was ignored"},
		"a list in place of the keys":             {"-", "", "", "error: user-data:1:18: rh_subscription: expected a mapping, got a list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			userData := "rh_subscription: {" + strings.TrimSuffix(row.userData, ", ") + "}"
			if row.userData == "-" {
				userData = "rh_subscription: [x]"
			}
			g := newGuest(t, userData)
			g.Answer("subscription-manager identity", host.Result{Exit: 1}, nil)
			g.Answer("subscription-manager register", host.Result{Stdout: "The system has been registered with ID: 9f6c\nThe registered system name is: vm\n"}, nil)
			if row.answers == "missing" {
				g.Answer("subscription-manager", host.Result{Exit: -1}, &host.MissingError{Program: "subscription-manager"})
				g.Answer("subscription-manager identity", host.Result{Exit: -1}, &host.MissingError{Program: "subscription-manager"})
				row.answers = ""
			}
			for answer := range strings.SplitSeq(row.answers, ";") {
				command, rest, _ := strings.Cut(answer, " => ")
				code, said, _ := strings.Cut(rest, ":")
				if command != "" {
					exit := map[string]int{"0": 0, "1": 1, "64": 64, "65": 65, "70": 70}[code]
					result := host.Result{Exit: exit, Stdout: said}
					if exit != 0 {
						result = host.Result{Exit: exit, Stderr: said}
					}
					g.Answer("subscription-manager "+command, result, nil)
				}
			}
			if diff := cmp.Diff(row.report, strings.Join(g.run(t, rhSubscription), "\n")); diff != "" {
				t.Errorf("the report (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(row.want, strings.Join(g.lines(), "\n")); diff != "" {
				t.Errorf("the commands (-want +got):\n%s", diff)
			}
			g.mustNotShow(t, "s3cret")
		})
	}
}

func TestTheExampleOfRHSubscriptionIsDone(t *testing.T) {
	t.Parallel()
	g := newGuest(t, rhSubscription.Example)
	g.Answer("subscription-manager identity", host.Result{Exit: 1}, nil)
	g.Answer("subscription-manager repos --list-disabled", host.Result{Stdout: "Repo ID: codeready-builder-for-rhel-9-x86_64-rpms\n"}, nil)
	g.clean(t, rhSubscription)
	want := notRegistered + "\nsubscription-manager register --activationkey=servers --org=1234567\n" + listRepos +
		"\nsubscription-manager repos --enable=codeready-builder-for-rhel-9-x86_64-rpms\nsubscription-manager release --set=9.4"
	if diff := cmp.Diff(want, strings.Join(g.lines(), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// interrupted is the memory of a run that a power cut ended in its only step.
type interrupted struct{}

func (interrupted) Standing(string) (state.Standing, error) { return state.Interrupted, nil }
func (interrupted) Begin(string) error                      { return nil }
func (interrupted) End(string) error                        { return nil }

func TestARegistrationThatWasCutShortIsFinished(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		exit int // of identity
		want string
	}{
		"after the server had registered the system": {0, notRegistered + "\nsubscription-manager release --set=9.4"},
		"before": {1, notRegistered + "\nsubscription-manager register --activationkey=key --org=1\nsubscription-manager release --set=9.4"},
	} {
		g := newGuest(t, "rh_subscription: {activation_key: key, org: '1', release_version: '9.4'}")
		g.Answer("subscription-manager identity", host.Result{Exit: row.exit}, nil)
		g.env.Steps = interrupted{}
		g.clean(t, rhSubscription)
		if diff := cmp.Diff(row.want, strings.Join(g.lines(), "\n")); diff != "" {
			t.Errorf("%s: the commands (-want +got):\n%s", name, diff)
		}
	}
}

func TestASystemIsNotRegisteredWhereThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "rh_subscription: {activation_key: key, org: '1'}")
	g.Answer("subscription-manager identity", host.Result{Exit: 1}, nil)
	g.env.Steps = fullDisk{}
	want := []string{"error: user-data:1:18: rh_subscription: cannot register the system: no space left on device"}
	if got := g.run(t, rhSubscription); !slices.Equal(got, want) || !g.env.Unfinished() {
		t.Errorf("it reports %q, and is unfinished: %v", got, g.env.Unfinished())
	}
	if got := strings.Join(g.lines(), "\n"); got != notRegistered {
		t.Errorf("it runs %s", got)
	}
}

// fullDisk is a memory that can keep nothing.
type fullDisk struct{}

func (fullDisk) Standing(string) (state.Standing, error) { return state.NotRun, nil }
func (fullDisk) Begin(string) error                      { return syscall.ENOSPC }
func (fullDisk) End(string) error                        { return syscall.ENOSPC }

func TestAnImageIsNotRegistered(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "rh_subscription: {username: alice, password: x}\n")
	g.env.Host = host.New(g.Dir, host.Options{})
	want := "note: user-data:1:18: rh_subscription: an image is not registered: each system that is made of it registers itself"
	if got := g.run(t, rhSubscription); len(got) != 1 || got[0] != want {
		t.Errorf("it reports %q", got)
	}
}
