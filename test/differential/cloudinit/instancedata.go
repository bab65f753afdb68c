package cloudinit

// InstanceData is a request to say what is known of an instance, once its seed is found
// in a folder.
type InstanceData struct {
	Source    string            `json:"source"` // "NoCloud" or "ConfigDrive"
	Seed      map[string][]byte `json:"seed"`   // the folder's files
	System    string            `json:"system"` // all of the system's configuration
	Kernel    Kernel            `json:"kernel"`
	OSRelease string            `json:"os_release"`
}

// Kernel is what the machine's kernel says of itself.
type Kernel struct {
	Node    string `json:"node"`
	Release string `json:"release"`
	Build   string `json:"build"`
	Machine string `json:"machine"`
}

// Known is what became of it.
type Known struct {
	Files map[string]Content // those of /run/cloud-init, by name; of a link where it leads
	Error string             // what cloud-init failed with
}

// Know gives what is known of an instance.
func (p *Process) Know(i InstanceData) (Known, error) {
	request := struct {
		Do string `json:"do"`
		InstanceData
	}{"instance-data", i}
	var answer struct{ Result Known }
	err := p.Ask(request, &answer)
	return answer.Result, err
}
