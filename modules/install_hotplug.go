package modules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"cloudseed/host"
	"cloudseed/state"
)

type installHotplugKeys struct {
	Updates struct {
		Network struct {
			When []string `key:"when" accept:"scalar" enum:"boot-new-instance|boot|boot-legacy|hotplug" doc:"when the network is configured anew: boot-new-instance, boot, boot-legacy, hotplug" default:"[boot-new-instance]"`
		} `key:"network" doc:"of the network's configuration"`
	} `key:"updates" doc:"at which events what a seed says is applied anew"`
}

// Difference from cloud-init: the rule is seen to at each boot. That of cloud-init calls a
// program which goes with its package, and would stay for as long as the instance does.
var installHotplug = Of[installHotplugKeys]{
	Name:       "install_hotplug",
	Stage:      FinalStage,
	Frequency:  state.Always,
	Repeatable: true,
	Doc: "Has network devices configured when they are plugged in, where updates.network.when has hotplug " +
		"or cloudseed devel hotplug-hook enable asked for it: by a rule for udev, which starts a unit for each new device.",
	Example: "updates:\n  network:\n    when: [boot-new-instance, hotplug]\n",
	Run:     runInstallHotplug,
}.Module()

// HotplugScope is the only kind of devices whose plugging in is an event.
const HotplugScope = "network"

// hotplugRulePath has cloud-init's name. 90 is after 80-net-setup-link.rules, which gives
// devices their names.
const hotplugRulePath = "/etc/udev/rules.d/90-cloud-init-hook-hotplug.rules"

// hotplugRule has systemd start a unit for each device that comes. The unit's conditions
// leave out those that are there when the machine boots. $name is the device's name after
// all other rules (udev(7)).
const hotplugRule = `# Installed by cloud-init because updates.network.when has hotplug.
ACTION=="add", SUBSYSTEM=="net", TAG+="systemd", ENV{SYSTEMD_WANTS}+="cloud-init-hotplugd@$name.service"
`

func runInstallHotplug(ctx context.Context, e *Env, keys *installHotplugKeys) error {
	scopes, err := HotplugScopes(e.Host, e.Instance.CloudDir)
	if err != nil {
		e.Warn("%v", err)
	}
	if slices.Contains(keys.Updates.Network.When, "hotplug") || slices.Contains(scopes, HotplugScope) {
		return InstallHotplug(ctx, e.Host)
	}
	if !e.Host.Exists(hotplugRulePath) {
		return nil
	}
	return errors.Join(e.Host.Remove(hotplugRulePath), reloadRules(ctx, e.Host))
}

// InstallHotplug has devices configured from now on when they are plugged in.
func InstallHotplug(ctx context.Context, h *host.Host) error {
	changed, err := h.WriteFile(hotplugRulePath, []byte(hotplugRule), host.File{Mode: 0o644})
	if err != nil || !changed {
		return err
	}
	return reloadRules(ctx, h)
}

func reloadRules(ctx context.Context, h *host.Host) error {
	if !h.Runs() || !h.Exists("/run/systemd/system") {
		return nil // udev reads its rules when it starts
	}
	_, err := h.Run(ctx, host.Command{Argv: []string{"udevadm", "control", "--reload-rules"}})
	return err
}

// hotplugFile says for what `hotplug-hook enable` was called, in cloud-init's form.
func hotplugFile(cloudDir string) string { return path.Join(cloudDir, "hotplug.enabled") }

// HotplugScopes reads what `cloudseed devel hotplug-hook enable` was called for.
func HotplugScopes(h *host.Host, cloudDir string) ([]string, error) {
	data, err := h.ReadFile(hotplugFile(cloudDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var content struct {
		Scopes []string `json:"scopes"`
	}
	if err == nil {
		err = json.Unmarshal(data, &content)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read for what hotplug was enabled: %w", err)
	}
	return content.Scopes, nil
}

// EnableHotplug notes that devices are to be configured when they are plugged in,
// whatever the configuration says.
func EnableHotplug(h *host.Host, cloudDir string) error {
	data, err := json.Marshal(map[string][]string{"scopes": {HotplugScope}})
	if err == nil {
		_, err = h.WriteFile(hotplugFile(cloudDir), data, host.File{Mode: 0o640})
	}
	return err
}
