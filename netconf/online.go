package netconf

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloudseed/host"
)

// onlineTime is the most that a stage waits for the network. The services that wait have
// limits of their own, of one and two minutes.
const onlineTime = 5 * time.Minute

// waits are the services that bring the network up, and the units that are active once it is.
// A wait whose service is not enabled is not asked for: it would start the service, or wait in
// vain.
var waits = []struct{ service, wait string }{
	{"NetworkManager.service", "NetworkManager-wait-online.service"},
	{"systemd-networkd.service", "systemd-networkd-wait-online.service"},
}

// networkScripts are the network scripts of EL7 and EL8, which wait for DHCP themselves.
const networkScripts = "network.service"

// AwaitOnline waits until the network is up, or until its services have given up. The stage
// that asks comes before network-online.target, so it waits for their units.
func (n *Network) AwaitOnline(ctx context.Context) error {
	for _, w := range waits {
		if n.host.Units().Enabled(w.service) {
			n.await(ctx, w.wait)
		}
	}
	states, err := n.host.Units().States(ctx, networkScripts)
	if err == nil && len(states) == 1 && states[0].Job {
		n.await(ctx, networkScripts)
	}
	if errors.Is(err, host.ErrNotBooted) {
		return nil
	}
	return err
}

// AwaitTarget waits for network-online.target, which a stage that comes after it may do. What
// an earlier stage awaited in vain is not awaited again.
func (n *Network) AwaitTarget(ctx context.Context) error {
	states, err := n.host.Units().States(ctx, waits[0].wait, waits[1].wait)
	if errors.Is(err, host.ErrNotBooted) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, s := range states {
		if s.Active == "failed" {
			n.log.Debug("the network is not awaited: it did not come up", "unit", s.Name)
			return nil
		}
	}
	n.await(ctx, "network-online.target")
	return nil
}

// await starts a unit and waits until it is active. A network that does not come up is no
// error: the guest may have none, and what needs it will say so.
func (n *Network) await(ctx context.Context, unit string) {
	ctx, cancel := context.WithTimeoutCause(ctx, onlineTime, fmt.Errorf("it takes longer than %s", onlineTime))
	defer cancel()
	n.log.Debug("waiting for the network", "unit", unit)
	if err := n.host.Quietly().Units().Start(ctx, unit); err != nil {
		n.log.Info("the network is not up: " + err.Error())
	}
}
