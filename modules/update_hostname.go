package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/state"
)

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

func runUpdateHostname(_ context.Context, e *Env, keys *hostnameKeys) error {
	if keys.PreserveHostname {
		e.Log.Debug("preserve_hostname is set: the hostname is unchanged")
		return nil
	}
	n := findNames(e, keys)
	if n.isDefault() {
		return nil
	}
	name, problem := n.choose(keys)
	if problem != nil && problem.Severity == config.Error {
		e.Problem(*problem)
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
		if err := applyHostname(e, keys, name); err != nil {
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
