package cloudinit

import "encoding/json"

// UserData is a request to do with user data and vendor data what the stages do once
// the seed is found. Boothooks are not run.
type UserData struct {
	Instance string            `json:"instance"`
	User     []byte            `json:"user"`
	Vendor   json.RawMessage   `json:"vendor"` // what vendor_data.json holds; null: nothing
	Vendor2  json.RawMessage   `json:"vendor2"`
	Index    *int              `json:"index"`    // the launch index; nil: none
	System   []string          `json:"system"`   // files of configuration, the first over the others
	Files    map[string][]byte `json:"files"`    // what can be included, by paths
	Messages map[string][]byte `json:"messages"` // MIME messages to read besides

	InstanceData []byte `json:"instance_data"` // what templates know, in JSON
}

// Consumed is what became of it.
type Consumed struct {
	Files    map[string]Content // by their paths below /var/lib/cloud
	Parts    map[string][]Part  // by the files that they are in
	Messages map[string][]Part  // those that were to be read besides
	Config   string             // all of the configuration merged, in YAML
	Hooks    []string           // boothooks that were run, with their environment
	Error    string             // what cloud-init failed with
}

// Content is a file.
type Content struct {
	Mode    string // "0700"
	Content []byte
}

// Part is a part of a message as handlers get it.
type Part struct {
	Type     string
	Filename string
	Headers  map[string]string
	Content  []byte
}

// Consume gives what became of user data and vendor data.
func (p *Process) Consume(u UserData) (Consumed, error) {
	request := struct {
		Do string `json:"do"`
		UserData
	}{"user-data", u}
	var answer struct {
		Result   Consumed
		Messages map[string][]Part
	}
	err := p.Ask(request, &answer)
	answer.Result.Messages = answer.Messages
	return answer.Result, err
}
