package modules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode"

	"cloudseed/config"
	"cloudseed/guest/names"
	"cloudseed/host"
	"cloudseed/modules/cloudconfig"
	"cloudseed/state"
)

// hostnameKeys are the keys of set_hostname and update_hostname.
type hostnameKeys struct {
	PreserveHostname   bool   `key:"preserve_hostname" doc:"leave the hostname unchanged" default:"false"`
	Hostname           string `key:"hostname" doc:"the hostname, short or with its domain"`
	FQDN               string `key:"fqdn" doc:"the fully qualified domain name"`
	PreferFQDN         *bool  `key:"prefer_fqdn_over_hostname" doc:"use the fully qualified name as the hostname, if there is one" default:"true"`
	CreateHostnameFile *bool  `key:"create_hostname_file" doc:"write the name to /etc/hostname, so that it lasts" default:"true"`
}

// prefersFull reports whether the fully qualified name is the hostname.
func (k *hostnameKeys) prefersFull() bool { return k.PreferFQDN == nil || *k.PreferFQDN }

// isLasting reports whether the name is written to /etc/hostname.
func (k *hostnameKeys) isLasting() bool { return k.CreateHostnameFile == nil || *k.CreateHostnameFile }

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

var updateHostname = Of[hostnameKeys]{
	Name:       "update_hostname",
	Stage:      InitStage,
	Frequency:  state.Always,
	CheckedBy:  "set_hostname",
	Repeatable: true,
	Doc: "Follows a hostname that changes in the seed of an instance that was already configured, " +
		"unless the hostname was changed in the guest since: then it is unchanged.",
	Run: runUpdateHostname,
}.Module()

// HostnameGiven reports whether the configuration or the metadata has a hostname, so
// that it can be set before the network starts.
func HostnameGiven(e *Env) bool {
	return e.Instance.Hostname != "" || !e.Config.Get("hostname").IsNull() || !e.Config.Get("fqdn").IsNull()
}

// setNames is the state that tells which names were set last: cloud-init's file.
type setNames struct {
	FQDN     string `json:"fqdn"`
	Hostname string `json:"hostname"`
}

// checkHostname reports whether a machine can have the names that are given.
func checkHostname(e *Env, keys *hostnameKeys) {
	n := cloudconfig.NamesOf(e.Config, e.Instance.Hostname, e.Host)
	if keys.PreserveHostname || n.IsDefault() {
		return
	}
	n.Choose(keys.prefersFull(), &e.findings)
}

func runSetHostname(_ context.Context, e *Env, keys *hostnameKeys) error {
	if keys.PreserveHostname {
		e.Log.Debug("preserve_hostname is set: the hostname is unchanged")
		return nil
	}
	n := cloudconfig.NamesOf(e.Config, e.Instance.Hostname, e.Host)
	file := path.Join(e.Instance.CloudDir, "data/set-hostname")
	want := setNames{FQDN: n.Full, Hostname: n.Short}
	if n.IsDefault() {
		return nil
	}
	name := n.Choose(keys.prefersFull(), &config.Findings{}) // Check has reported it
	if name == "" || lastSet(e, file) == want {
		return nil
	}
	if err := names.Set(e.Host, name, keys.isLasting()); err != nil {
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

func runUpdateHostname(_ context.Context, e *Env, keys *hostnameKeys) error {
	if keys.PreserveHostname {
		e.Log.Debug("preserve_hostname is set: the hostname is unchanged")
		return nil
	}
	n := cloudconfig.NamesOf(e.Config, e.Instance.Hostname, e.Host)
	if n.IsDefault() {
		return nil
	}
	var found config.Findings
	name := n.Choose(keys.prefersFull(), &found)
	if name == "" {
		e.findings.Add(found.List()...)
		return nil
	}

	file := path.Join(e.Instance.CloudDir, "data/previous-hostname")
	previous, err := previousHostname(e, file)
	if err != nil {
		return err
	}
	current, err := e.Host.Hostname()
	if err != nil {
		return fmt.Errorf("cannot tell what the hostname is: %w", err)
	}
	// A name that is the wanted one already is what a power cut left, below.
	if previous != "" && current != "" && current != previous && current != name {
		e.Log.Info("the hostname was changed in the guest and is unchanged", "previous", previous, "current", current)
		return nil
	}
	// Difference from cloud-init: the running system gets the same name as
	// /etc/hostname, not the short one until the next boot.
	if current == "" || current == previous && current != name {
		if err := names.Set(e.Host, name, keys.isLasting()); err != nil {
			return err
		}
	}
	_, err = e.Host.Quietly().WriteFile(file, []byte(name+"\n"), host.File{})
	return err
}

// previousHostname is the name that was set last, "" if none was. A damaged record is
// removed, and counts as none.
func previousHostname(e *Env, file string) (string, error) {
	data, err := e.Host.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	name := strings.TrimSpace(string(data))
	if err == nil && !strings.ContainsFunc(name, unicode.IsControl) {
		return name, nil
	}
	e.Warn("%s is damaged and not used; it is written anew", file)
	return "", e.Host.Quietly().RemoveAll(file)
}
