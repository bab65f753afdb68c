package modules

import (
	"slices"
	"testing"

	"cloudseed/host/hosttest"
)

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
