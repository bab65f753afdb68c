// Package none is the instance of a machine that is to be configured without a seed.
//
// In comes the system's configuration, out goes a Seed that says what that says. It knows no
// devices.
package none

import (
	"context"
	"maps"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/secret"
)

// Source makes a seed of the system's configuration alone.
type Source struct{}

// Name is the name in datasource_list.
func (Source) Name() string { return "None" }

// instanceID is that of every such machine.
const instanceID = "iid-datasource-none"

// Find returns a seed where datasource_list has None and nothing else: its metadata and user data are
// those of the key datasource.None, if it has any.
//
// Differences from cloud-init: None behind others is not what is left when these find nothing, which
// would make another instance of a machine whose medium is not there; and nothing is warned of,
// since somebody has asked for it.
func (Source) Find(_ context.Context, s *datasource.Search, _ *datasource.Report) *datasource.Seed {
	if s.Only != "" || len(s.Config.Get("datasource_list").Items()) != 1 {
		return nil
	}
	given := s.Config.Path("datasource.None")
	m := given.Get("metadata")
	seed := &datasource.Seed{
		Datasource: "None", Description: "DataSourceNone", Source: "datasource_list", Mode: datasource.ModeNet, InstanceID: instanceID,
		Hostname: datasource.Text(m, "local-hostname"), PublicKeys: datasource.Keys(m.Get("public-keys")),
		UserData: secret.NewBytes([]byte(given.Get("userdata_raw").Text())),
		Platform: "none", Subplatform: "config", CloudName: "none",
		Metadata: map[string]any{},
	}
	if m.Kind() == config.Map {
		if facts, is := m.Any().(map[string]any); is {
			maps.Copy(seed.Metadata, facts)
		}
	}
	seed.Metadata["instance-id"] = instanceID
	return seed
}
