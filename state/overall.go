package state

import (
	"errors"
	"strings"
	"time"
)

// Overall is how the boot stands as a whole, as "status" tells it.
type Overall struct {
	Word           Word
	Degraded       bool   // something that was recoverable went wrong
	BootStatusCode string // why the agent runs or not, in cloud-init's words
	LastUpdate     time.Time
	Detail         string
	going          bool // the boot is not over
	Status         *Status
	Errors         []string
	Recoverable    map[string][]string
	Running        *Work     // what has been at work for some time; nil: nothing
	Notes          []string  // worth knowing, and no fault
	Steps          []Step    // of all stages, in the order in which they were taken
	Earlier        []Failure // modules of this instance that failed in an earlier boot
	Network        *Network  // what was last decided on the network; nil when nothing was
}

// Word is the status in one word.
type Word string

// The words of "status".
const (
	NotStarted Word = "not started"
	Running    Word = "running"
	Finished   Word = "done"
	Failed     Word = "error"
	Disabled   Word = "disabled"
)

// What keeps the agent from running at all.
const (
	disabledMarker = "/etc/cloud/cloud-init.disabled"
	disabledNow    = RunDir + "/disabled"
	enabledNow     = RunDir + "/enabled"
)

// DisabledWord on the kernel's command line switches the agent off; as does the same word in
// CmdlineVariable, which a container has in place of one. EnabledWord has it run without a seed.
const (
	DisabledWord    = "cloud-init=disabled"
	EnabledWord     = "cloud-init=enabled"
	CmdlineVariable = "KERNEL_CMDLINE"
)

// Enable notes that this boot has an instance. Disable notes that it has none, and
// why, so that nobody waits for it.
func (s *Store) Enable() error {
	return errors.Join(s.host.RemoveAll(disabledNow), s.write(enabledNow, nil, false))
}

// Disable is described at Enable.
func (s *Store) Disable(why string) error {
	return errors.Join(s.host.RemoveAll(enabledNow), s.write(disabledNow, []byte(why+"\n"), false))
}

// Overall reads how the boot stands. The kernel's command line is given, since it may
// switch the agent off.
func (s *Store) Overall(cmdline string) (Overall, error) {
	o := Overall{Recoverable: map[string][]string{}}
	var disabled bool
	o.BootStatusCode, o.Detail, disabled = s.switched(cmdline)
	o.Network, _ = s.Network() // lost or damaged: the next boot writes it anew, and says so
	if id, err := s.PreviousID(); err == nil && id != "" {
		_, o.Earlier = s.Failures(id)
	}
	if disabled {
		o.Word = Disabled
		return o, nil
	}
	status, err := s.Status()
	o.Status = status
	switch {
	case !s.Begun() || status == nil:
		o.Word, o.going = NotStarted, true
		o.Status = nil
		if err != nil {
			o.Detail = err.Error() // damaged: it says nothing, and the next stage writes it anew
		}
		return o, nil
	case s.Finished():
		o.Word = Finished
	default:
		o.Word, o.going = Running, true
	}
	o.gather(status)
	if o.going && status.Stage != nil {
		o.Running = s.running(*status.Stage)
	}
	if info, err := s.host.Stat(statusFile); err == nil {
		o.LastUpdate = info.ModTime()
	}
	return o, nil
}

// gather sums the stages up.
func (o *Overall) gather(status *Status) {
	switch {
	case status.Datasource != nil && *status.Datasource != "":
		o.Detail = *status.Datasource
	case status.Stage != nil:
		o.Detail = "Running in stage: " + *status.Stage
	}
	for _, stage := range Stages {
		at := status.Stages[stage]
		o.Errors = append(o.Errors, at.Errors...)
		o.Notes = append(o.Notes, at.Notes...)
		o.Steps = append(o.Steps, at.Steps...)
		for level, messages := range at.RecoverableErrors {
			o.Recoverable[level] = append(o.Recoverable[level], messages...)
		}
	}
	o.Degraded = len(o.Recoverable) > 0
	if len(o.Errors) > 0 { // also while a stage runs, as with cloud-init
		o.Word = Failed
	}
}

// switched tells whether the agent is switched off, and by what; the details are in cloud-init's words.
func (s *Store) switched(cmdline string) (code, detail string, disabled bool) {
	switch {
	case s.host.Exists(disabledMarker):
		return "disabled-by-marker-file", "Cloud-init disabled by " + disabledMarker, true
	case hasWord(cmdline, DisabledWord):
		return "disabled-by-kernel-command-line", "Cloud-init disabled by kernel parameter " + DisabledWord, true
	case hasWord(cmdline, CmdlineVariable+"="+DisabledWord):
		return "disabled-by-environment-variable", "Cloud-init disabled by environment variable " + CmdlineVariable + "=" + DisabledWord, true
	case s.host.Exists(disabledNow):
		why, err := s.line(disabledNow)
		if err != nil || why == "" {
			why = "no seed was found"
		}
		// cloud-init's generator writes this file; here the local stage does. Tools
		// compare the code, so it keeps its name.
		return "disabled-by-generator", "Cloud-init disabled in this boot: " + why, true
	case hasWord(cmdline, EnabledWord):
		return "enabled-by-kernel-command-line", "Cloud-init enabled by kernel command line " + EnabledWord, false
	case s.host.Exists(enabledNow):
		return "enabled-by-generator", "Cloud-init enabled by systemd cloud-init-generator", false
	default:
		return "unknown", "Systemd generator may not have run yet.", false
	}
}

func hasWord(cmdline, word string) bool {
	for w := range strings.FieldsSeq(cmdline) {
		if w == word {
			return true
		}
	}
	return false
}

// Extended is the status with what went wrong but not badly: "degraded done".
func (o Overall) Extended() string {
	switch {
	case o.Word == Failed && o.going:
		return "error - running"
	case o.Word == Failed:
		return "error - done"
	case o.Degraded && (o.Word == Finished || o.Word == Running):
		return "degraded " + string(o.Word)
	default:
		return string(o.Word)
	}
}

// ExitCode is cloud-init's: 0 well or not over, 1 error, 2 degraded.
func (o Overall) ExitCode() int {
	switch {
	case len(o.Errors) > 0:
		return 1
	case o.Degraded:
		return 2
	default:
		return 0
	}
}

// Over reports whether there is nothing left to wait for.
func (o Overall) Over() bool { return !o.going }
