package modules

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cloudseed/config"
	"cloudseed/guest/packages"
	"cloudseed/host"
	"cloudseed/secret"
	"cloudseed/state"
)

type wireguardKeys struct {
	Wireguard struct {
		Interfaces []wireguardInterface `key:"interfaces" doc:"The interfaces."`
		Probes     []string             `key:"readinessprobe" accept:"scalar" doc:"Commands, each for sh, that are run when the interfaces are up. One that fails is an error."`
	} `key:"wireguard" doc:"WireGuard interfaces of wg-quick(8)."`

	interfaces []wireguardInterface // those of Interfaces that Check let pass
}

type wireguardInterface struct {
	Name    string        `key:"name" doc:"The interface's name: wg0."`
	Path    string        `key:"config_path" doc:"The file that content is written to: /etc/wireguard/NAME.conf, which is what wg-quick reads."`
	Content secret.String `key:"content" doc:"The interface's configuration, with its keys."`

	at      config.Cursor
	changed bool // its file is not what it was
}

var wireguard = Of[wireguardKeys]{
	Name:         "wireguard",
	Stage:        ConfigStage,
	OffByDefault: true,
	Frequency:    state.PerInstance,
	ActiveIf:     []string{"wireguard"},
	Repeatable:   true,
	Doc: "Writes the configuration of WireGuard interfaces, which only root can read, installs wireguard-tools where that is " +
		"missing, and enables and starts wg-quick@NAME for each. One that is up and unchanged stays up. NetworkManager can have " +
		"WireGuard connections by the seed's network configuration too.",
	Example: "wireguard:\n  interfaces:\n    - name: wg0\n      config_path: /etc/wireguard/wg0.conf\n      content: |\n        [Interface]\n        PrivateKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n        Address = 192.0.2.1/32\n        [Peer]\n        PublicKey = AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n        AllowedIPs = 192.0.2.0/24\n        Endpoint = vpn.example.com:51820\n  readinessprobe:\n    - ping -qc 5 192.0.2.2\n",
	Check:   checkWireguard,
	Run:     runWireguard,
}.Module()

// wireguardName is a name that wg-quick(8) takes, and that is neither an option nor a hidden file.
var wireguardName = pattern(`^[A-Za-z0-9_=+][A-Za-z0-9_=+.-]{0,14}$`)

// checkWireguard lets interfaces pass that have all that they need.
//
// Difference from cloud-init: one that has not is skipped, and the others are brought up;
// there the module fails.
func checkWireguard(e *Env, keys *wireguardKeys) {
	keys.interfaces = nil
	at := e.At("wireguard")
	if at.Kind() == config.Map && at.Get("interfaces").IsNull() {
		at.Errorf("there are no interfaces")
	}
	for i, item := range at.Get("interfaces").Items() {
		if item.Kind() != config.Map || i >= len(keys.Wireguard.Interfaces) {
			continue // reported by its type
		}
		wg := keys.Wireguard.Interfaces[i]
		wg.at = item
		switch {
		case wg.Name == "" || wg.Path == "" || wg.Content.IsEmpty():
			item.Errorf("an interface needs name, config_path and content; skipped")
		case !wireguardName().MatchString(wg.Name):
			item.Get("name").Errorf("%q is not a name that wg-quick takes; the interface is skipped", wg.Name)
		case slices.ContainsFunc(keys.interfaces, func(other wireguardInterface) bool { return other.Name == wg.Name }):
			item.Get("name").Errorf("there is an interface %s before; skipped", wg.Name)
		default:
			if want := "/etc/wireguard/" + wg.Name + ".conf"; wg.Path != want {
				item.Get("config_path").Warnf("wg-quick@%s reads %s", wg.Name, want)
			}
			keys.interfaces = append(keys.interfaces, wg)
		}
	}
}

// runWireguard writes the files first, so that they are there whatever fails then.
func runWireguard(ctx context.Context, e *Env, keys *wireguardKeys) error {
	var written []wireguardInterface
	for _, wg := range keys.interfaces {
		changed, err := e.Host.WriteFile(wg.Path, []byte(wg.Content.Reveal()), host.File{Mode: 0o600, Secret: true})
		if wg.at.Fail(err); err == nil {
			wg.changed = changed
			written = append(written, wg)
		}
	}
	if len(written) == 0 {
		return nil
	}
	if err := installWireguard(ctx, e); err != nil {
		return err
	}
	loadWireguard(ctx, e)
	for _, wg := range written {
		wg.at.Fail(wg.bringUp(ctx, e))
	}
	probeWireguard(ctx, e, keys.Wireguard.Probes)
	return nil
}

// installWireguard installs the tools.
//
// Difference from cloud-init: before Linux 5.6 it also wants the package "wireguard", which no
// distribution of the RHEL family has, and installs nothing then.
func installWireguard(ctx context.Context, e *Env) error {
	if _, err := e.Host.LookPath("wg"); err == nil {
		return nil
	}
	manager := e.Packages
	if manager == nil {
		manager = packages.Of(e.Host, func(line string) { e.Log.Debug("the package manager says", "line", line) })
	}
	e.Log.Info("installing wireguard-tools")
	if err := manager.Refresh(ctx); err != nil {
		return err
	}
	missing, err := manager.Install(ctx, []packages.Spec{{Name: "wireguard-tools"}})
	if err == nil && len(missing) > 0 {
		err = errors.New("no repository has it (EL7 and EL8: it is in EPEL)")
	}
	if err != nil {
		return fmt.Errorf("cannot install wireguard-tools: %w", err)
	}
	return nil
}

// loadWireguard loads the kernel's module. Without it there may be another implementation,
// which wg-quick finds.
func loadWireguard(ctx context.Context, e *Env) {
	if !e.Host.Runs() || e.Host.Exists("/sys/module/wireguard") {
		return
	}
	if _, err := e.Host.Run(ctx, host.Command{Argv: []string{"modprobe", "wireguard"}}); err != nil {
		e.At("wireguard").Warnf("the kernel has no WireGuard (EL7 and EL8: kmod-wireguard of ELRepo): %v", err)
	}
}

// bringUp has systemd bring an interface up now and at each boot.
func (wg wireguardInterface) bringUp(ctx context.Context, e *Env) error {
	unit := "wg-quick@" + wg.Name + ".service"
	if !e.Host.Units().Enabled(unit) {
		if _, err := e.Host.Run(ctx, host.Command{Argv: []string{"systemctl", "enable", unit}}); err != nil {
			return fmt.Errorf("cannot enable %s: %w", unit, err)
		}
	}
	states, err := e.Host.Units().States(ctx, unit)
	if errors.Is(err, host.ErrNotBooted) || err == nil && states[0].Active == "active" && !wg.changed {
		return nil // an image has no interfaces
	}
	if err == nil {
		_, err = e.Host.Run(ctx, host.Command{Argv: []string{"systemctl", "restart", unit}})
	}
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", unit, err)
	}
	return nil
}

// probeWireguard runs the commands, all of them.
func probeWireguard(ctx context.Context, e *Env, probes []string) {
	if !e.Host.Runs() {
		return
	}
	at := e.At("wireguard.readinessprobe")
	for i, probe := range probes {
		place := at
		if at.Kind() == config.List {
			place = at.Items()[i]
		}
		// It runs as long as it takes: it waits for a peer.
		_, err := e.Host.Run(ctx, host.Command{Argv: []string{"/bin/sh", "-c", probe}, Timeout: host.NoTimeout})
		place.Fail(err)
	}
}
