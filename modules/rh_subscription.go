package modules

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"

	"cloudseed/config"
	"cloudseed/guest/subscription"
	"cloudseed/secret"
	"cloudseed/state"
)

type subscriptionKeys struct {
	Keys *registrationKeys `key:"rh_subscription" doc:"How the system is registered: by activation_key and org, or else by username and password."`

	account                *subscription.Account // what Check read; nil: the system is not registered
	pools, enable, disable []wantedItem
}

// registrationKeys are the keys of rh_subscription.
type registrationKeys struct {
	ActivationKey  secret.String `key:"activation_key,activation-key" deprecatedkeys:"activation-key=25.3" doc:"An activation key. It is used rather than username and password."`
	Org            *config.Value `key:"org" takes:"text" doc:"The organization, which an activation key needs, and a user who has several."`
	Username       string        `key:"username" doc:"The user to register as."`
	Password       secret.String `key:"password" doc:"The user's password. It is in no argument list."`
	AutoAttach     bool          `key:"auto_attach,auto-attach" deprecatedkeys:"auto-attach=25.3" default:"false" doc:"Attach the subscriptions that fit best."`
	ServiceLevel   string        `key:"service_level,service-level" deprecatedkeys:"service-level=25.3" doc:"The service level of those; needs auto_attach."`
	AddPool        *config.Value `key:"add_pool,add-pool" takes:"list(text)|text" deprecatedkeys:"add-pool=25.3" doc:"The ids of pools to attach."`
	EnableRepo     *config.Value `key:"enable_repo,enable-repo" takes:"list(text)|text" deprecatedkeys:"enable-repo=25.3" doc:"The ids of repositories to enable, with * and ? as wildcards."`
	DisableRepo    *config.Value `key:"disable_repo,disable-repo" takes:"list(text)|text" deprecatedkeys:"disable-repo=25.3" doc:"The ids of repositories to disable, before others are enabled."`
	ReleaseVersion string        `key:"release_version" doc:"The minor release to keep the system on (9.4)."`
	BaseURL        string        `key:"rhsm_baseurl,rhsm-baseurl" deprecatedkeys:"rhsm-baseurl=25.3" doc:"The URL of the content."`
	ServerHostname string        `key:"server_hostname,server-hostname" deprecatedkeys:"server-hostname=25.3" doc:"The server to register with."`
}

// wantedItem is an item of a list, with its place.
type wantedItem struct {
	id string
	at config.Cursor
}

var rhSubscription = Of[subscriptionKeys]{
	Name:       "rh_subscription",
	Stage:      ConfigStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"rh_subscription"},
	Repeatable: true, // see registered
	Doc: "Registers the system with Red Hat's subscription management by subscription-manager, attaches subscriptions, " +
		"enables and disables repositories and sets the release. A system that is registered is unchanged. What fails is " +
		"an error, and what follows is done. With simple content access there is nothing to attach.",
	Example: "rh_subscription:\n  activation_key: servers\n  org: '1234567'\n  enable_repo: [codeready-builder-for-rhel-9-x86_64-rpms]\n  release_version: '9.4'\n",
	Check:   checkSubscription,
	Run:     runSubscription,
}.Module()

func checkSubscription(e *Env, keys *subscriptionKeys) {
	k, at := keys.Keys, e.At("rh_subscription")
	if k == nil || at.Kind() != config.Map || len(at.Value().Keys()) == 0 {
		return
	}
	org := at.Get("org")
	if org.Kind() == config.Int {
		org.Deprecatedf("a number is deprecated since cloud-init 24.2: write a string")
	}
	account := subscription.Account{Org: strings.TrimSpace(org.Text()), BaseURL: k.BaseURL, Server: k.ServerHostname}
	login := k.Username != "" && !k.Password.IsEmpty()
	switch {
	case !k.ActivationKey.IsEmpty() && account.Org != "":
		account.ActivationKey = k.ActivationKey
		if login {
			at.Get("username").Notef("the activation key is used; username and password are not")
		}
	case login:
		account.Username, account.Password = k.Username, k.Password
		if !k.ActivationKey.IsEmpty() {
			spelled(at, "activation_key").Warnf("an activation key needs org; username and password are used")
		}
	default:
		at.Errorf("expected activation_key and org, or username and password; the system is not registered")
		return
	}
	if !plainSubscription(at) {
		return
	}
	if k.ServiceLevel != "" && !k.AutoAttach {
		spelled(at, "service_level").Errorf("a service level needs auto_attach: true; skipped")
		k.ServiceLevel = ""
	}
	keys.account = &account
	keys.pools = wantedItems(spelled(at, "add_pool"))
	keys.enable, keys.disable = wantedItems(spelled(at, "enable_repo")), wantedItems(spelled(at, "disable_repo"))
}

// spelled is a key's value, whichever spelling it has.
func spelled(at config.Cursor, name string) config.Cursor {
	if old := strings.ReplaceAll(name, "_", "-"); at.Get(name).Value() == nil && at.Get(old).Value() != nil {
		return at.Get(old)
	}
	return at.Get(name)
}

// plainSubscription reports strings that could not be typed on a terminal, or would be more
// than a value in the files of subscription-manager.
func plainSubscription(at config.Cursor) bool {
	plain := true
	for _, entry := range at.Entries() {
		value := entry.Value
		if value.Kind() != config.List && strings.ContainsFunc(value.Text(), unicode.IsControl) {
			value.Errorf("the value holds a control character; the system is not registered")
			plain = false
		}
	}
	return plain
}

// wantedItems reads a list of ids, or one.
func wantedItems(at config.Cursor) []wantedItem {
	var wanted []wantedItem
	for _, item := range at.Each() {
		id := strings.TrimSpace(item.Text())
		switch {
		case item.Kind() == config.List || item.Kind() == config.Map || id == "":
			item.Errorf("expected an id, got %s; skipped", config.KindInWords(item.Value()))
		case strings.ContainsFunc(id, unicode.IsControl):
			item.Errorf("the id holds a control character; skipped")
		case !slices.ContainsFunc(wanted, func(w wantedItem) bool { return w.id == id }):
			wanted = append(wanted, wantedItem{id, item})
		}
	}
	return wanted
}

// runSubscription registers the system.
//
// Difference from cloud-init: a step that fails does not keep those that follow from being
// done, and all that fails is an error; it warns of the first.
func runSubscription(ctx context.Context, e *Env, keys *subscriptionKeys) error {
	if keys.account == nil {
		return nil
	}
	at, k := e.At("rh_subscription"), keys.Keys
	if !e.Host.Runs() {
		e.skip(at, "an image is not registered: each system that is made of it registers itself")
		return nil
	}
	manager := subscription.Of(e.Host)
	fresh, err := registered(ctx, e, manager, keys.account)
	if err != nil {
		at.Fail(fmt.Errorf("cannot register the system: %w", err))
	}
	if !fresh {
		return nil
	}
	if k.AutoAttach {
		reportAttach(spelled(at, "auto_attach"), "cannot attach subscriptions", manager.AttachAuto(ctx, k.ServiceLevel))
	}
	if len(keys.pools) > 0 {
		attachPools(ctx, manager, spelled(at, "add_pool"), keys.pools)
	}
	if len(keys.enable)+len(keys.disable) > 0 {
		at.Fail(setRepositories(ctx, manager, keys))
	}
	if k.ReleaseVersion != "" {
		if err := manager.SetRelease(ctx, k.ReleaseVersion); err != nil {
			at.Get("release_version").Fail(fmt.Errorf("cannot set the release: %w", err))
		}
	}
	return nil
}

// registered registers the system, and reports whether it is this run's work, so that the rest
// is to be done. After a power cut it is, if that came after the registration had begun.
func registered(ctx context.Context, e *Env, manager subscription.Manager, account *subscription.Account) (fresh bool, err error) {
	const step = "register"
	is, err := manager.Registered(ctx)
	if err != nil {
		return false, err
	}
	before, err := e.standing(step)
	if err != nil {
		return false, err
	}
	if is {
		fresh = before == state.Interrupted
		e.Log.Info("the system is registered already", "interrupted", fresh)
		return fresh, nil
	}
	if err := e.undone(e.begin(step)); err != nil {
		return false, err
	}
	id, err := manager.Register(ctx, *account)
	if err != nil {
		return false, err
	}
	e.Log.Info("the system is registered", "id", id)
	return true, nil
}

// reportAttach reports what came of attaching. That there is nothing to attach is no mistake.
func reportAttach(at config.Cursor, what string, err error) {
	switch {
	case errors.Is(err, subscription.ErrContentAccess):
		at.Notef("%v", err)
	case err != nil:
		at.Fail(fmt.Errorf("%s: %w", what, err))
	}
}

func attachPools(ctx context.Context, manager subscription.Manager, at config.Cursor, pools []wantedItem) {
	available, attached, err := manager.Pools(ctx)
	if err != nil {
		reportAttach(at, "cannot list the pools", err)
		return
	}
	var wanted []string
	var unknown []config.Cursor
	for _, pool := range pools {
		switch {
		case slices.Contains(attached, pool.id):
		case slices.Contains(available, pool.id):
			wanted = append(wanted, pool.id)
		default:
			unknown = append(unknown, pool.at)
		}
	}
	if len(unknown) > 0 && manager.UsesContentAccess(ctx) {
		reportAttach(at, "", subscription.ErrContentAccess)
		return
	}
	for _, pool := range unknown {
		pool.Errorf("no such pool is available; it is not attached")
	}
	if len(wanted) > 0 {
		reportAttach(at, "cannot attach the pools", manager.Attach(ctx, wanted))
	}
}

func setRepositories(ctx context.Context, manager subscription.Manager, keys *subscriptionKeys) error {
	enabled, disabled, err := manager.Repositories(ctx)
	if err != nil {
		return fmt.Errorf("cannot list the repositories: %w", err)
	}
	var enable, disable []string
	for _, repo := range keys.enable {
		byWildcard := func(d wantedItem) bool { return d.id != repo.id && matches(d.id, repo.id) }
		switch {
		case !anyMatches(enabled, repo.id) && !anyMatches(disabled, repo.id):
			repo.at.Errorf("this system has no such repository; it is not enabled")
		case anyMatches(disabled, repo.id) || slices.ContainsFunc(keys.disable, byWildcard):
			enable = append(enable, repo.id)
		}
	}
	for _, repo := range keys.disable {
		switch {
		case anyMatches(enabled, repo.id):
			disable = append(disable, repo.id)
		case !anyMatches(disabled, repo.id):
			repo.at.Notef("this system has no such repository")
		}
	}
	if len(enable)+len(disable) == 0 {
		return nil
	}
	if err := manager.SetRepositories(ctx, disable, enable); err != nil {
		return fmt.Errorf("cannot change the repositories: %w", err)
	}
	return nil
}

func anyMatches(ids []string, pattern string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return matches(pattern, id) })
}

// matches reports whether an id is one, or fits the wildcards of one.
func matches(pattern, id string) bool {
	fits, err := path.Match(pattern, id)
	return pattern == id || err == nil && fits
}
