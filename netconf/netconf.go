// Package netconf decides what the network of a machine becomes, and has it so: which
// source's description counts, whether it is due now, what files it makes, what devices
// are waited for and renamed.
//
// In come a machine, its configuration and its seed; out go files of the network service
// that the machine has. It knows no modules and no stages, and no seed's layout.
package netconf

import (
	"log/slog"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/host"
	"cloudseed/state"
)

// Options are what a network is configured with. All but Devices must be given.
type Options struct {
	Host    *host.Host
	Store   *state.Store
	Log     *slog.Logger
	Cmdline string                 // the kernel's command line
	Devices *Devices               // nil: the machine's
	Report  func([]config.Problem) // told of what is wrong with a source, when it is applied
}

// Inputs are what says how the network is to be, beside the machine.
type Inputs struct {
	Seed   *datasource.Seed // nil: the machine is no instance
	New    bool             // the machine is a new instance
	Here   bool             // the seed is here and now, not remembered
	Early  bool             // the guest's own network service has not started yet
	Config *config.Config   // all of it
	System *config.Config   // without a seed's
}

// Network is a machine's network, as its sources have it.
type Network struct {
	host    *host.Host
	store   *state.Store
	log     *slog.Logger
	cmdline string
	devices Devices
	report  func([]config.Problem)
	in      Inputs
}

// New returns the network of a machine. Nothing is done yet.
func New(o Options, in Inputs) *Network {
	return &Network{
		host: o.Host, store: o.Store, log: o.Log, cmdline: o.Cmdline, devices: DevicesOf(o.Host, o.Devices), report: o.Report, in: in,
	}
}

// inSeed reports whether the seed, and not the system, gives a top-level key.
func (n *Network) inSeed(key string) bool {
	return n.in.Config.Get(key) != nil && n.in.System.Get(key) == nil
}
