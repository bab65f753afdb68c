package netconf

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/network"
	"cloudseed/network/render"
)

// Plan is what the sources of now say of the network, and what that makes of the
// machine's files. Nothing of it is done yet.
type Plan struct {
	Config   *network.Config // nil: the network is unchanged
	Source   string          // who says so: "seed: network-config"
	Why      string          // why that source and that renderer
	Renderer render.Choice
	Files    []network.File
	Removed  []string // files that an earlier plan wrote and this one does not
	Problems []config.Problem

	stored any // the configuration in cloud-init's form
}

// Plan works out the network's configuration by the sources of now: those of the
// present instance, if there is one. It changes nothing.
func (n *Network) Plan() (Plan, error) {
	nics, err := n.devices.List()
	if err != nil {
		return Plan{}, err
	}
	return n.rendered(n.source(nics)), nil
}

// rendered adds to what a source says what that makes of the machine's files.
func (n *Network) rendered(p Plan) Plan {
	if p.Config == nil {
		return p
	}
	var found config.Findings
	found.Add(p.Problems...)
	p.Renderer = n.renderer(&found)
	p.Why = joinReasons(p.Why, p.Renderer.Reason)
	files, problems := p.Renderer.Render(p.Config, n.existing)
	found.Add(problems...)
	p.Files, p.Problems = files, found.List()
	for i, f := range p.Files {
		// A change shows both sides.
		p.Files[i].Secret = f.Secret || holdsSecret(n.existing(f.Path))
	}
	p.Removed = n.vanished(p.Files)
	return p
}

// vanished are the files that an earlier application wrote, that are still as it wrote
// them, and that are not among the files of now. What somebody has changed since is
// theirs.
//
// Difference from cloud-init: it leaves the files of devices that are configured no
// more, and NetworkManager goes on using them.
func (n *Network) vanished(files []network.File) []string {
	record := n.store.NetworkFiles()
	var gone []string
	for _, file := range slices.Sorted(maps.Keys(record)) {
		if slices.ContainsFunc(files, func(f network.File) bool { return f.Path == file }) {
			continue
		}
		if data := n.existing(file); data != nil && digest(data) == record[file] {
			gone = append(gone, file)
		}
	}
	return gone
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// existing is what is in a file now, nil when there is none.
func (n *Network) existing(file string) []byte {
	data, err := n.host.ReadFile(file)
	if err != nil {
		return nil // not there, or not to be read: it is written anew
	}
	return data
}

// renderer is whom to tell how the network is to be, and why.
//
// Difference from cloud-init: on a machine that has none of them, keyfiles are written
// with a warning; cloud-init writes nothing.
func (n *Network) renderer(found *config.Findings) render.Choice {
	var order []string
	for _, item := range n.in.System.Get("system_info.network.renderers").Items() {
		order = append(order, item.Text())
	}
	choice, err := render.Choose(order, render.Machine{
		Exists: func(pattern string) bool {
			found, err := n.host.Glob(pattern)
			return err == nil && len(found) > 0
		},
		Command: func(name string) bool {
			_, err := n.host.LookPath(name)
			return err == nil
		},
		Enabled: n.host.Units().Enabled,
	})
	if err != nil {
		found.Add(config.Problem{
			Severity: config.Warning, Message: err.Error() + "; keyfiles for NetworkManager are written all the same",
			Cause: &host.MissingError{Program: "NetworkManager"},
		})
		return render.Choice{Name: render.NetworkManager, Reason: "there is no other"}
	}
	return choice
}
