package modules

import (
	"context"
	"encoding/json"
	"fmt"
	"path"

	"cloudseed/host"
	"cloudseed/state"
)

var setHostname = Of[hostnameKeys]{
	Name:       "set_hostname",
	Stage:      InitStage,
	Frequency:  state.PerInstance,
	Repeatable: true,
	Doc: "Sets the hostname to that of the configuration or else of the seed's metadata, and writes it to /etc/hostname. " +
		"Where a domain is known the name is the fully qualified one, unless prefer_fqdn_over_hostname is false or it is " +
		"longer than the 64 characters that Linux allows. It also runs before the network starts, so that the first DHCP request has the name.",
	Example: "fqdn: web1.example.com\n",
	Check:   checkHostname,
	Run:     runSetHostname,
}.Module()

// setNames is the state that tells which names were set last: cloud-init's file.
type setNames struct {
	FQDN     string `json:"fqdn"`
	Hostname string `json:"hostname"`
}

// checkHostname tells whether a machine can have the names that are given.
func checkHostname(e *Env, keys *hostnameKeys) {
	n := findNames(e, keys)
	if keys.PreserveHostname || n.isDefault() {
		return
	}
	if _, problem := n.choose(keys); problem != nil {
		e.Problem(*problem)
	}
}

func runSetHostname(_ context.Context, e *Env, keys *hostnameKeys) error {
	if keys.PreserveHostname {
		e.Log.Debug("preserve_hostname is set: the hostname is unchanged")
		return nil
	}
	n := findNames(e, keys)
	file := path.Join(e.Instance.CloudDir, "data/set-hostname")
	want := setNames{FQDN: n.full, Hostname: n.short}
	if n.isDefault() {
		return nil
	}
	name, _ := n.choose(keys)
	if name == "" || lastSet(e, file) == want {
		return nil
	}
	if err := applyHostname(e, keys, name); err != nil {
		return err
	}
	text, err := json.MarshalIndent(want, "", " ")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", file, err)
	}
	_, err = e.Host.Quietly().WriteFile(file, append(text, '\n'), host.File{})
	return err
}

// lastSet are the names that were set last. A file that cannot be read is as good
// as none: setting the name again does no harm.
func lastSet(e *Env, file string) setNames {
	var last setNames
	data, err := e.Host.ReadFile(file)
	if err != nil || json.Unmarshal(data, &last) != nil {
		return setNames{}
	}
	return last
}
