package netconf

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/state"
)

// The events at which an instance's network configuration is applied, by cloud-init's
// names.
const (
	eventBoot        = "boot"
	eventNewInstance = "boot-new-instance"
	eventBootLegacy  = "boot-legacy"
	eventHotplug     = "hotplug"
)

// isDue reports whether the network's configuration is to be applied in this stage,
// and why or why not.
func (n *Network) isDue() (due bool, why string, err error) {
	if n.in.Seed == nil {
		return true, "there is no instance that it could be kept for", nil
	}
	standing, err := n.store.Standing(Semaphore, state.PerInstance)
	switch {
	case err != nil:
		return false, "", err
	case n.in.New && standing != state.Done:
		return true, "this is a new instance", nil
	case standing == state.Interrupted:
		return true, "it was not yet applied for this instance", nil
	}
	// Not run is what cloud-init set up before this program was installed.
	events, where := n.events()
	for _, event := range []string{eventBoot, eventBootLegacy} {
		if !slices.Contains(events, event) || n.store.HappenedThisBoot(Semaphore) {
			continue
		}
		if !n.in.Here {
			return false, fmt.Sprintf("%s asks for it at each boot, but the seed is not here now", where), nil
		}
		return true, fmt.Sprintf("%s asks for it at each boot", where), nil
	}
	return false, fmt.Sprintf("this is no new instance, and it is applied only at %s (%s)", strings.Join(events, ", "), where), nil
}

// ApplyWithoutSeed configures the network of a machine that has no seed and was never an
// instance, if the administrator insists on it: cloud-init then does so at each boot, and
// otherwise nothing at all (ds-identify).
func (n *Network) ApplyWithoutSeed(ctx context.Context) error {
	why := n.insisted()
	if why == "" {
		return nil
	}
	n.log.Info("the network is configured all the same, as " + why + " asks for it")
	return n.Apply(ctx)
}

// insisted says who wants the agent to run where there is no seed: the kernel's command
// line, or a list of one datasource, which needs no search.
func (n *Network) insisted() string {
	const word = state.EnabledWord
	if slices.Contains(strings.Fields(n.ownCmdline()), word) {
		return word
	}
	list := n.in.Config.Get("datasource_list").Items()
	if len(list) == 1 || len(list) == 2 && list[1].Text() == "None" {
		return n.in.Config.Where("datasource_list")
	}
	return ""
}

// events are the events at which the network is configured, and who says so.
// What user data or the system's configuration says takes the place of the default.
func (n *Network) events() (events []string, where string) {
	const key = "updates.network.when"
	when := n.in.Config.Get(key)
	if when.IsNull() {
		return []string{eventNewInstance}, "the default"
	}
	known := []string{eventBoot, eventNewInstance, eventBootLegacy, eventHotplug}
	items := when.Items()
	if when.Kind() == config.String {
		items = []*config.Value{when}
	}
	var found config.Findings
	for _, item := range items {
		if !slices.Contains(known, item.Text()) {
			if !n.inSeed("updates") { // what is wrong with a seed is told when it is applied
				found.At(item.Pos(), key).Warnf("there is no event %q; it is one of %s", item.Text(), strings.Join(known, ", "))
			}
			continue
		}
		events = append(events, item.Text())
	}
	n.report(found.List())
	if len(events) == 0 {
		events = []string{"no event"}
	}
	return events, n.in.Config.Where(key)
}
