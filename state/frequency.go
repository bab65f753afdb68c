package state

import (
	"fmt"
	"strings"
)

// Frequency says how often a module runs.
type Frequency string

// The frequencies, by cloud-init's names.
const (
	Always      Frequency = "always"
	PerInstance Frequency = "once-per-instance"
	Once        Frequency = "once"
)

// ParseFrequency reads a frequency as cloud.cfg and the command line spell it.
func ParseFrequency(text string) (Frequency, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "always":
		return Always, nil
	case "instance", "once-per-instance", "per-instance":
		return PerInstance, nil
	case "once":
		return Once, nil
	}
	return "", fmt.Errorf("there is no frequency %q: it is always, once-per-instance or once", text)
}
