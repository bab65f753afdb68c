package cloudinit

// Network is a request to convert a network configuration, as `cloud-init devel
// net-convert` does.
type Network struct {
	Kind       string            `json:"kind"` // "yaml", "eni", "network_data.json"
	Input      string            `json:"input"`
	Outputs    []string          `json:"outputs"` // "network-manager", "sysconfig", "networkd"
	Distro     string            `json:"distro"`
	Interfaces map[string]string `json:"interfaces"`         // the machine's: MAC addresses by names
	Existing   map[string]string `json:"existing,omitempty"` // files that are there before
}

// File is a file that cloud-init has written.
type File struct {
	Mode    string // "0644"
	Content string
}

// Result is what came of one output.
type Result struct {
	Files map[string]File // by their absolute paths
	Error string          // what cloud-init failed with; its files are nothing then
}

// Convert gives the results of a request by its outputs.
func (p *Process) Convert(n Network) (map[string]Result, error) {
	request := struct {
		Do string `json:"do"`
		Network
	}{"net-convert", n}
	var answer struct{ Results map[string]Result }
	err := p.Ask(request, &answer)
	return answer.Results, err
}
