package subscription_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/guest/subscription"
	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/secret"

	"github.com/google/go-cmp/cmp"
)

func TestASystemIsRegisteredIfItHasAnIdentity(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	if is, err := subscription.Of(m.Host).Registered(t.Context()); !is || err != nil {
		t.Errorf("with an identity: %v, %v", is, err)
	}
	m.Answer("subscription-manager identity", host.Result{Exit: 1, Stderr: "This system is not yet registered.\n"}, nil)
	if is, err := subscription.Of(m.Host).Registered(t.Context()); is || err != nil {
		t.Errorf("without: %v, %v", is, err)
	}
	missing := &host.MissingError{Program: "subscription-manager"}
	m.Answer("subscription-manager identity", host.Result{Exit: -1}, missing)
	if is, err := subscription.Of(m.Host).Registered(t.Context()); is || !errors.Is(err, missing) {
		t.Errorf("without the program: %v, %v", is, err)
	}
}

func TestSecretsOfAnAccountAreNotRecorded(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Answer("subscription-manager register", host.Result{Exit: 70, Stderr: "the key-s3cret and pass-s3cret are wrong\n"}, nil)
	for _, a := range []subscription.Account{
		{ActivationKey: secret.New("key-s3cret"), Org: "1", BaseURL: "https://b", Server: "s"},
		{Username: "alice", Password: secret.New("pass-s3cret"), BaseURL: "https://b", Server: "s"},
	} {
		_, err := subscription.Of(m.Host).Register(t.Context(), a)
		effects, marshalling := json.Marshal(m.Effects())
		if err == nil || marshalling != nil || strings.Contains(err.Error()+string(effects)+m.Logged(), "s3cret") {
			t.Errorf("it ends with %v, recorded as %s\n%s", err, effects, m.Logged())
		}
	}
	want := []string{
		"subscription-manager register --activationkey=key-s3cret --org=1 --baseurl=https://b --serverurl=s",
		"subscription-manager register --username=alice --baseurl=https://b --serverurl=s",
	}
	if diff := cmp.Diff(want, m.Lines()); diff != "" {
		t.Error(diff)
	}
}

// What the program says is taken from its source (attach.py, cli.py and candlepin's messages).
func TestNothingIsAttachedWithSimpleContentAccess(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]host.Result{
		"ignored":       {Stdout: "Ignoring request to auto-attach. It is disabled for org \"1\" because of the content access mode setting.\n"},
		"refused":       {Exit: 1, Stdout: "Ignoring the request to attach. Attaching subscriptions is disabled for organization \"1\" because Simple Content Access (SCA) is enabled.\n"},
		"not there":     {Exit: 1, Stdout: "Usage: subscription-manager MODULE-NAME [MODULE-OPTIONS] [--help]\n\n\nPrimary Modules:\n"},
		"without lists": {Exit: 64, Stderr: "usage: subscription-manager list [OPTIONS]\nsubscription-manager: error: unrecognized arguments: --available --pool-only\n"},
		"told":          {Stdout: "Content Access Mode is set to Simple Content Access. This host has access to content, regardless of subscription status.\n"},
	} {
		m := hosttest.New(t)
		m.Answer("subscription-manager", answer, nil)
		manager := subscription.Of(m.Host)
		_, _, pools := manager.Pools(t.Context())
		for what, err := range map[string]error{
			"auto": manager.AttachAuto(t.Context(), ""), "pools": manager.Attach(t.Context(), []string{"1"}), "list": pools,
		} {
			if !errors.Is(err, subscription.ErrContentAccess) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
		if !manager.UsesContentAccess(t.Context()) {
			t.Errorf("%s: it is not recognized", name)
		}
	}
}

func TestWhatTheProgramSaysOfAFailureIsTold(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Answer("subscription-manager attach", host.Result{Exit: 1, Stdout: "Unable to find available subscriptions for all your installed products.\n"}, nil)
	m.Answer("subscription-manager status", host.Result{Exit: 1, Stdout: "Overall Status: Invalid\n"}, nil)
	manager := subscription.Of(m.Host)
	err := manager.AttachAuto(t.Context(), "Premium")
	if err == nil || err.Error() != "subscription-manager failed with exit code 1: Unable to find available subscriptions for all your installed products." {
		t.Errorf("got %v", err)
	}
	if manager.UsesContentAccess(t.Context()) {
		t.Error("a system without a subscription is taken for one that needs none")
	}
}

func TestPoolsAndRepositoriesAreListed(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Answer("subscription-manager list --available --pool-only", host.Result{Stdout: "8a85\n8a86\n"}, nil)
	m.Answer("subscription-manager repos --list-enabled", host.Result{Stdout: "+---+\n    Available Repositories in /etc/yum.repos.d/redhat.repo\n+---+\nRepo ID:   baseos\nRepo Name: BaseOS\nRepo URL:  https://x\nEnabled:   1\n\nRepo ID:   appstream\n"}, nil)
	m.Answer("subscription-manager repos --list-disabled", host.Result{Stdout: "There were no available repositories matching the specified criteria.\n"}, nil)
	manager := subscription.Of(m.Host)
	available, attached, err := manager.Pools(t.Context())
	if diff := cmp.Diff([]string{"8a85", "8a86"}, available); diff != "" || len(attached) > 0 || err != nil {
		t.Errorf("%s %q %v", diff, attached, err)
	}
	enabled, disabled, err := manager.Repositories(t.Context())
	if diff := cmp.Diff([]string{"baseos", "appstream"}, enabled); diff != "" || len(disabled) > 0 || err != nil {
		t.Errorf("%s %q %v", diff, disabled, err)
	}
}

func TestANewReleaseForgetsThePackagesOfTheOld(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, "/var/cache/dnf/repo/x", "x")
	m.Put(t, "/var/cache/yum/x", "x")
	m.Answer("subscription-manager release --set=9.9", host.Result{Exit: 65, Stderr: "No releases match '9.9'.\n"}, nil)
	if err := subscription.Of(m.Host).SetRelease(t.Context(), "9.9"); err == nil || !m.Exists("/var/cache/dnf/repo/x") {
		t.Errorf("a release that there is not: %v", err)
	}
	if err := subscription.Of(m.Host).SetRelease(t.Context(), "9.4"); err != nil {
		t.Error(err)
	}
	for _, dir := range []string{"dnf", "yum"} {
		if _, err := os.Stat(filepath.Join(m.Dir, "var/cache", dir)); !os.IsNotExist(err) {
			t.Errorf("/var/cache/%s: %v", dir, err)
		}
	}
}
