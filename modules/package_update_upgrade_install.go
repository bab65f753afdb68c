package modules

import (
	"context"
	"fmt"
	"slices"

	"cloudseed/config"
	"cloudseed/guest/packages"
	"cloudseed/guest/power"
	"cloudseed/state"
)

type packageKeys struct {
	Packages *config.Value `key:"packages" takes:"list(text|list(text|nothing)|map(list(text|list(text|nothing))|nothing))|text" doc:"Packages to install: names, or lists of a name and a version. Those of a mapping, apt or snap, are for other systems."`
	Update   bool          `key:"package_update" default:"false" doc:"Refresh the repositories' metadata first."`
	Upgrade  bool          `key:"package_upgrade" default:"false" doc:"Upgrade all packages before others are installed."`
	Reboot   bool          `key:"package_reboot_if_required" default:"false" doc:"Reboot at the end of the boot if what was installed or upgraded needs it."`

	AptUpdate  bool `key:"apt_update" deprecated:"22.2: use package_update" doc:"As package_update."`
	AptUpgrade bool `key:"apt_upgrade" deprecated:"22.2: use package_upgrade" doc:"As package_upgrade."`
	AptReboot  bool `key:"apt_reboot_if_required" deprecated:"22.2: use package_reboot_if_required" doc:"As package_reboot_if_required."`

	wanted []wantedPackage // what Check read of packages
}

// wantedPackage is a package with its place.
type wantedPackage struct {
	packages.Spec
	at config.Cursor
}

var packageUpdateUpgradeInstall = Of[packageKeys]{
	Name:      "package_update_upgrade_install",
	Stage:     FinalStage,
	Frequency: state.PerInstance,
	ActiveIf:  []string{"apt_update", "package_update", "apt_upgrade", "package_upgrade", "packages"},
	Doc: "Installs and upgrades packages, by dnf, or yum where there is no dnf. All packages are installed in one " +
		"transaction; one that no repository has is an error of its own, and the others are installed. A lock that " +
		"another program holds is waited for, at most ten minutes; a repository that does not answer is tried again.",
	Example: "package_update: true\npackages:\n  - vim-enhanced\n  - [httpd, 2.4.62]\n",
	Check:   checkPackages,
	Run:     runPackages,
}.Module()

func checkPackages(e *Env, keys *packageKeys) {
	keys.wanted = nil
	all := e.At("packages")
	switch all.Kind() {
	case config.Null:
	case config.List:
		for _, item := range all.Items() {
			if item.Kind() == config.Map {
				passOver(item)
			} else {
				keys.want(item)
			}
		}
	case config.Map:
		all.Errorf("expected a list of packages, got %s; nothing is installed", config.KindInWords(all.Value()))
	default:
		keys.want(all)
	}
}

// passOver reports the packages of other systems' package managers. cloud-init ends with an
// error at them, and installs nothing.
func passOver(item config.Cursor) {
	known := []string{"apt", "snap"}
	for _, manager := range item.Entries() {
		if slices.Contains(known, manager.Key) {
			manager.Value.Notef("these packages are for %s, which this system does not use; skipped", manager.Key)
		} else {
			manager.Value.Errorf("there is no package manager %q%s; skipped", manager.Key, config.DidYouMean(manager.Key, known))
		}
	}
}

// want adds a package: a name, or a list of a name and a version.
func (keys *packageKeys) want(item config.Cursor) {
	name, version := item, config.Cursor{}
	if item.Kind() == config.List {
		if n := len(item.Items()); n != 1 && n != 2 {
			item.Errorf("expected a name and a version, got a list of %d; skipped", n)
			return
		}
		name, version = item.Get("0"), item.Get("1")
	}
	for _, word := range []config.Cursor{name, version} {
		if word.Kind() == config.List || word.Kind() == config.Map || word.Kind() == config.Null && word.Key() == name.Key() {
			word.Errorf("expected a name or a version, got %s; skipped", config.KindInWords(word.Value()))
			return
		}
	}
	spec := packages.Spec{Name: name.Text(), Version: version.Text()}
	if err := spec.Check(); err != nil {
		item.Errorf("the package is not installed: %v", err)
		return
	}
	if !slices.ContainsFunc(keys.wanted, func(w wantedPackage) bool { return w.Spec == spec }) {
		keys.wanted = append(keys.wanted, wantedPackage{spec, item})
	}
}

// runPackages goes on after each failure, as cloud-init does: packages may be there though
// the metadata could not be refreshed.
func runPackages(ctx context.Context, e *Env, keys *packageKeys) error {
	manager := e.packageManager()
	update := e.either("package_update", keys.Update, "apt_update", keys.AptUpdate)
	upgrade := e.either("package_upgrade", keys.Upgrade, "apt_upgrade", keys.AptUpgrade)
	reboot := e.either("package_reboot_if_required", keys.Reboot, "apt_reboot_if_required", keys.AptReboot)
	if update.on || upgrade.on {
		at := update
		if !update.on {
			at = upgrade
		}
		e.Log.Info("refreshing the package metadata")
		at.Fail(manager.Refresh(ctx))
	}
	if upgrade.on {
		e.Log.Info("upgrading all packages")
		upgrade.Fail(manager.Upgrade(ctx))
	}
	if len(keys.wanted) > 0 {
		install(ctx, e, manager, keys.wanted)
	}
	if reboot.on && (upgrade.on || len(keys.wanted) > 0) {
		rebootIfRequired(ctx, e, manager, reboot.Cursor)
	}
	return nil
}

// flag is a boolean of two spellings, with the place of the one that counts.
type flag struct {
	config.Cursor
	on bool
}

// either reads a flag: it is on if either spelling is.
func (e *Env) either(newer string, is bool, older string, was bool) flag {
	if was && !is {
		return flag{e.At(older), true}
	}
	return flag{e.At(newer), is}
}

func install(ctx context.Context, e *Env, manager packages.Manager, wanted []wantedPackage) {
	var specs []packages.Spec
	for _, w := range wanted {
		specs = append(specs, w.Spec)
	}
	e.Log.Info("installing packages", "packages", fmt.Sprint(specs))
	missing, err := manager.Install(ctx, specs)
	e.At("packages").Fail(err)
	for _, w := range wanted {
		if slices.Contains(missing, w.Spec) {
			w.at.Errorf("the package %s is not installed: no repository has it, or it needs what none has", w.Spec)
		}
	}
}

func rebootIfRequired(ctx context.Context, e *Env, manager packages.Manager, at config.Cursor) {
	why, err := manager.NeedsReboot(ctx)
	switch {
	case err != nil:
		at.Fail(err)
	case why == "":
		e.Log.Info("no reboot is required")
	case e.Power == nil:
		at.Warnf("a reboot is required (%s), and nothing here can do it", why)
	default:
		e.Power(power.Request{Change: power.Change{Mode: power.Reboot}, Why: why})
	}
}
