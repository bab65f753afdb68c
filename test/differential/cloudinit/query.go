package cloudinit

// Query is a call of the command "query".
type Query struct {
	Root string   `json:"root"` // the folder in place of the system's root
	UID  int      `json:"uid"`  // who asks
	Args []string `json:"args"`
}

// Answered is what the command did.
type Answered struct {
	Code   int
	Stdout string
	Error  string // the exception that it ended with, if it did
}

// Query calls the command.
func (p *Process) Query(q Query) (Answered, error) {
	request := struct {
		Do string `json:"do"`
		Query
	}{"query", q}
	var answer struct{ Result Answered }
	err := p.Ask(request, &answer)
	return answer.Result, err
}
