package sandbox

import "io/fs"

// The keeper's descriptors, in the order of exec.Cmd.ExtraFiles.
const (
	orderFD  = 3 // an order, JSON, until end of file
	reportFD = 4 // a report, JSON
	outputFD = 5 // passed on to the inside as OutputFD
)

// order is what the keeper is told to do.
type order struct {
	Args         []string
	Env          []string
	Seed         string
	ContentLimit int64
}

// report is what the keeper has to say at the end. It is the only way by which
// the changes can come out: the layers die with the keeper's mount namespace,
// and nobody outside could look at them while the inside still writes.
type report struct {
	Failed  string `json:",omitempty"` // why there was no run
	Exit    int
	Stopped bool // the inside was told to end before it had
	Notes   []string
	Changes []wireChange
}

// wireChange is a Change on the pipe: JSON strings cannot hold every path that
// Linux allows, and secret.Bytes does not let its content out.
type wireChange struct {
	Path          []byte
	Kind          Kind
	Mode          fs.FileMode
	HasContent    bool
	Before, After []byte `json:",omitempty"`
}
