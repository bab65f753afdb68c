package modules

import (
	"slices"
	"testing"

	"cloudseed/host/hosttest"
)

func TestUdevReadsItsRulesAgainWhenTheRuleOfHotplugComesOrGoes(t *testing.T) {
	t.Parallel()
	const reload = "udevadm control --reload-rules"
	g := hosttest.New(t)
	g.Put(t, "/run/systemd/system/.here", "")
	for _, row := range []struct {
		name     string
		userData string
		want     []string
	}{
		{"it is asked for", "updates: {network: {when: [hotplug]}}", []string{reload}},
		{"it is asked for again", "updates: {network: {when: [hotplug]}}", []string{reload}},
		{"it is not asked for any more", "{}", []string{reload, reload}},
		{"it is still not asked for", "{}", []string{reload, reload}},
	} {
		same(t, row.name, outcome(t, installHotplug, configured(t, g, row.userData)), "")
		if got := g.Lines(); !slices.Equal(got, row.want) {
			t.Errorf("%s: until now %q ran, want %q", row.name, got, row.want)
		}
	}
}

func TestTheScopesOfHotplugAreThoseThatTheHookWasEnabledFor(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		content string
		want    []string
		fails   bool
	}{
		"it was not enabled":  {},
		"for the network":     {content: `{"scopes": ["network"]}`, want: []string{"network"}},
		"the file is damaged": {content: `{"scopes": ["net`, fails: true},
	} {
		g := hosttest.New(t)
		if row.content != "" {
			g.Put(t, "/var/lib/cloud/hotplug.enabled", row.content)
		}
		scopes, err := HotplugScopes(g.As("init", "install_hotplug"), "/var/lib/cloud")
		if (err != nil) != row.fails || !slices.Equal(scopes, row.want) {
			t.Errorf("%s: %q, want %q; %v", name, scopes, row.want, err)
		}
	}
}
