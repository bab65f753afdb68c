package datasource

import (
	"fmt"
	"slices"
	"strings"
)

// Report is what was tried, in order.
type Report []Attempt

// Attempt is one place, and why it was or was not the one.
type Attempt struct {
	Where, Outcome string

	Warning      bool // it was meant to be a seed, by its label, and is none
	Hint         bool // it may have been meant to be a seed
	NeedsNetwork bool // it can only be had once there is a network
}

// String is the attempt as a line of a log.
func (a Attempt) String() string {
	if strings.HasPrefix(a.Outcome, a.Where+":") || strings.HasPrefix(a.Outcome, a.Where+"/") {
		return a.Outcome // a problem, which names its place
	}
	return a.Where + ": " + a.Outcome
}

// Note adds an attempt.
func (r *Report) Note(where, format string, args ...any) {
	*r = append(*r, Attempt{Where: where, Outcome: fmt.Sprintf(format, args...)})
}

// Warn adds an attempt that a person must be told of.
func (r *Report) Warn(where, format string, args ...any) {
	*r = append(*r, Attempt{Where: where, Outcome: fmt.Sprintf(format, args...), Warning: true})
}

// Hint adds an attempt that may not be what was meant.
func (r *Report) Hint(where, format string, args ...any) {
	*r = append(*r, Attempt{Where: where, Outcome: fmt.Sprintf(format, args...), Hint: true})
}

// Refused are the places that were meant to be a seed and are none.
func (r Report) Refused() []Attempt {
	return slices.DeleteFunc(slices.Clone(r), func(a Attempt) bool { return !a.Warning })
}

// Later adds an attempt that has to wait for the network.
func (r *Report) Later(where, format string, args ...any) {
	*r = append(*r, Attempt{Where: where, Outcome: fmt.Sprintf(format, args...), NeedsNetwork: true})
}

// Awaited are the places of seeds that could not be fetched yet.
func (r Report) Awaited() []string {
	var places []string
	for _, a := range r {
		if a.NeedsNetwork {
			places = append(places, a.Where)
		}
	}
	return places
}

// Summary is the report in one line.
func (r Report) Summary() string {
	if len(r) == 0 {
		return "there was nothing to look at"
	}
	var parts []string
	for _, a := range r {
		parts = append(parts, a.String())
	}
	return strings.Join(parts, "; ")
}
