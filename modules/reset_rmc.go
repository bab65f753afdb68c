package modules

import (
	"context"
	"fmt"
	"strings"
	"time"

	"cloudseed/host"
	"cloudseed/state"
)

var resetRMC = Of[struct{}]{
	Name:       "reset_rmc",
	Stage:      FinalStage,
	Frequency:  state.PerInstance,
	Repeatable: true,
	Doc: "On PowerVM, gives a clone of an image a node id of its own for RMC (Resource Monitoring and Control), by rmcctrl and " +
		"recfgct. Without /opt/rsct/install/bin it does nothing.",
	Run: func(ctx context.Context, e *Env, _ *struct{}) error { return runResetRMC(ctx, e) },
}.Module()

const (
	rsctInstall = "/opt/rsct/install/bin"
	rsctNodeID  = "/etc/ct_node_id"
)

// recfgctTime is the most that recfgct gets: it stops and starts all of RSCT's daemons.
const recfgctTime = 10 * time.Minute

func runResetRMC(ctx context.Context, e *Env) error {
	if info, err := e.Host.Stat(rsctInstall); err != nil || !info.IsDir() {
		return nil
	}
	if !e.Host.Runs() {
		e.skip(e.nowhere(), "RMC is not reset: an image runs no RMC")
		return nil
	}
	before, err := nodeID(e.Host)
	if err != nil {
		return err
	}
	// recfgct calls its neighbours by their names.
	env := []string{"PATH=" + rsctInstall + ":/opt/rsct/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	if _, err := e.Host.Run(ctx, host.Command{Argv: []string{rmcctrl(e.Host), "-z"}, Env: env}); err != nil {
		return fmt.Errorf("cannot stop RMC: %w", err)
	}
	if _, err := e.Host.Run(ctx, host.Command{Argv: []string{rsctInstall + "/recfgct"}, Env: env, Timeout: recfgctTime}); err != nil {
		return fmt.Errorf("cannot configure RSCT anew: %w", err)
	}
	after, err := nodeID(e.Host)
	if err == nil && after == before {
		err = fmt.Errorf("recfgct left the node id in %s as it was", rsctNodeID)
	}
	return err
}

// rmcctrl is found in PATH, as cloud-init finds it, or where RSCT installs it.
func rmcctrl(h *host.Host) string {
	if _, err := h.LookPath("rmcctrl"); err != nil {
		return "/opt/rsct/bin/rmcctrl"
	}
	return "rmcctrl"
}

// nodeID is the first line of the file in which RSCT keeps its node id.
func nodeID(h *host.Host) (string, error) {
	text, err := h.ReadFile(rsctNodeID)
	if err != nil {
		return "", fmt.Errorf("cannot tell RSCT's node id: %w", err)
	}
	id, _, _ := strings.Cut(string(text), "\n")
	return id, nil
}
