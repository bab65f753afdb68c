// Package inputs reads what is said: the system's configuration in its layers, the kernel's
// command line, templates, and the seed's user data and vendor data with what they include
// and what part handlers take. One configuration comes out, each value with its place.
//
// Nothing is done with it here, except that what is fetched for an instance is kept, and that
// part handlers run: they are programs that read user data. It knows no modules, and nothing
// of the network's configuration.
package inputs

import (
	"context"
	"io"
	"log/slog"

	"cloudseed/config"
	"cloudseed/datasource"
	"cloudseed/fetch"
	"cloudseed/host"
	"cloudseed/state"
)

// Options are what inputs are read with. Those without a remark must be given.
type Options struct {
	Host      *host.Host
	Store     *state.Store
	Log       *slog.Logger
	Cmdline   string   // the kernel's command line
	Files     []string // further configuration files, over all others; may be empty
	KnownKeys []string // the top-level keys of cloud-config
	Version   string   // of this program, which servers are told

	Offline bool      // there is no network, and there will be none: nothing is asked of it
	Early   bool      // this is the local stage: there is no network yet
	Stderr  io.Writer // where what part handlers print goes; may be nil

	// Get is how things are fetched; nil: as the client has it. Tests replace it.
	Get func(ctx context.Context, c *fetch.Client, r fetch.Request) ([]byte, error)

	Note     func(error)                               // told of an error
	Problems func([]config.Problem)                    // told of what is wrong with a document
	Once     func(what string, run func() error) error // runs a program of the user's once in a boot
}

// How says what a stage may do to read user data.
type How struct {
	Apply  bool // this stage applies user data, so it fetches what that includes and asks part handlers
	Online bool // there is a network now
}

// Reader reads the inputs of one stage.
type Reader struct {
	o         Options
	seed      *datasource.Seed  // nil until there is an instance
	layers    []config.Layer    // of the system, once they were read
	templates map[string]string // those of the layers that are templates and not filled in
	filled    map[string]config.Layer
	how       How
	awaited   []string
}

// New returns a reader. Nothing is read yet.
func New(o Options) *Reader { return &Reader{o: o} }

// Use has the reader read what is said to an instance, and fills in the templates among the
// system's configuration.
func (r *Reader) Use(ctx context.Context, seed *datasource.Seed) {
	r.seed = seed
	r.fillIn(ctx)
}

// Awaited returns the URLs that could have been used, had there been a network.
func (r *Reader) Awaited() []string { return r.awaited }

// System returns the system's own configuration, without a seed's.
func (r *Reader) System() *config.Config { return config.New(r.systemLayers()...) }

// SystemWithFiles returns the system's own configuration with the further files over it.
func (r *Reader) SystemWithFiles() *config.Config {
	return config.New(r.withFiles(r.systemLayers())...)
}
