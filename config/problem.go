package config

import "fmt"

// Severity is how bad a problem is.
type Severity int

// The severities. An error left something undone; a warning did not, and neither did
// a spelling that will not be understood for ever.
const (
	Error Severity = iota
	Warning
	Deprecated
	Note // worth knowing; nothing was lost
)

func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	case Deprecated:
		return "deprecated"
	default:
		return "note"
	}
}

// Problem is something wrong with a configuration, where it stands, in a sentence.
type Problem struct {
	Severity Severity
	Pos      Pos
	Key      string // the path of the value: "chpasswd.expire", "users.0.name"
	Message  string
	Cause    error // the error that Message is made of; may be nil

	more int // how many problems it is the count of, in a list that Findings has limited
}

// Errorf returns an error with a place, for what is reported by who called.
func (p Pos) Errorf(format string, args ...any) Problem {
	return Problem{Pos: p, Message: fmt.Sprintf(format, args...)}
}

// Unwrap returns the cause.
func (p Problem) Unwrap() error { return p.Cause }

// Error is `user-data:12:5: chpasswd.expire: expected a boolean, got "maybe"`.
func (p Problem) Error() string {
	text := p.Message
	if p.Key != "" {
		text = p.Key + ": " + text
	}
	if place := p.Pos.String(); place != "" {
		text = place + ": " + text
	}
	return text
}

// MaxProblems is how many problems of one kind are shown of a document.
const MaxProblems = 50

// Limited returns problems without those that nobody would read; see Findings.
func Limited(problems []Problem) []Problem {
	var f Findings
	f.Add(problems...)
	return f.List()
}
