package modules

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/power"
	"cloudseed/host"
	"cloudseed/state"
)

type powerStateKeys struct {
	State powerState `key:"power_state" doc:"What becomes of the machine when the boot has ended."`

	change    *power.Change // what Check read; nil: nothing is done
	condition powerCondition
}

type powerState struct {
	Mode      string        `key:"mode" enum:"poweroff|halt|reboot" doc:"What is done; required."`
	Delay     *config.Value `key:"delay" takes:"text" default:"now" doc:"When: now, or after a number of minutes."`
	Message   string        `key:"message" doc:"What those who are logged in are told."`
	Timeout   *config.Value `key:"timeout" takes:"text" default:"30" doc:"No effect: the change is made when the boot has ended."`
	Condition *config.Value `key:"condition" takes:"bool|text|list(text)" default:"true" doc:"Whether it is done: true, false, success (if nothing failed in the boot), or a command, by its exit code: 0 yes, 1 no, others no with a warning."`
}

// powerCondition is when the change is made: always if it is empty.
type powerCondition struct {
	never   bool
	success bool     // if nothing failed
	command []string // if it ends with exit code 0
}

var powerStateChange = Of[powerStateKeys]{
	Name:       "power_state_change",
	Stage:      FinalStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"power_state"},
	Repeatable: true, // it only asks for what the end of the boot does
	Doc: "Reboots, powers off or halts the machine, once for each instance: when the boot has ended and its result, " +
		"result.json, is on disk. The condition is examined then, so a command of it sees the boot's result.",
	Example: "power_state:\n  mode: reboot\n  delay: 1\n  message: Rebooting after the first boot\n  condition: success\n",
	Check:   checkPowerState,
	Run:     runPowerState,
}.Module()

func checkPowerState(e *Env, keys *powerStateKeys) {
	at := e.At("power_state")
	if at.Kind() != config.Map {
		return // which the decoder reported, or nothing is asked for
	}
	if at.Get("mode").IsNull() {
		at.Errorf("mode is missing: expected poweroff, halt or reboot; nothing is done")
	}
	if timeout := at.Get("timeout"); !timeout.IsNull() && !isSeconds(timeout.Text()) {
		timeout.Warnf("expected a number of seconds, got %s; it would have no effect", config.Shown(timeout.Value()))
	}
	when, known := readDelay(at.Get("delay"))
	condition, understood := readCondition(at.Get("condition"))
	if known && understood && keys.State.Mode != "" {
		keys.change = &power.Change{Mode: power.Mode(keys.State.Mode), When: when, Message: keys.State.Message}
		keys.condition = condition
	}
}

func isSeconds(s string) bool { return regexp.MustCompile(`^\s*[0-9]+(\.[0-9]*)?\s*$`).MatchString(s) }

// readDelay reads now, and minutes in all the ways in which cloud-init takes them.
func readDelay(at config.Cursor) (when string, ok bool) {
	text := strings.TrimSpace(at.Text())
	switch at.Kind() {
	case config.Null:
		if at.Value() == nil {
			return power.Now, true
		}
	case config.Bool: // Python's int(True)
		if config.IsTrue(at.Value()) {
			text = "1"
		} else {
			text = "0"
		}
		at.Warnf("expected now or a number of minutes, got %s; %s min was used", config.Shown(at.Value()), text)
	case config.Int:
		if n, ok := at.Value().Int(); ok {
			text = strconv.FormatInt(n, 10) // it may be written in octal
		}
	case config.Float:
		text, _, _ = strings.Cut(text, ".")
		at.Warnf("expected now or a whole number of minutes, got %s; %s min was used", config.Shown(at.Value()), text)
	case config.String:
		if at.Text() == power.Now {
			return power.Now, true
		}
		if regexp.MustCompile(`^\+?[0-9]+$`).MatchString(text) {
			at.Deprecatedf("a string is deprecated since cloud-init 22.3: write now or a number")
		}
	}
	minutes := strings.TrimLeft(strings.TrimPrefix(text, "+"), "0")
	if minutes == "" && text != "" {
		minutes = "0"
	}
	when = "+" + minutes
	if (power.Change{Mode: power.Reboot, When: when}).Check() != nil {
		at.Errorf("expected now or a number of minutes, got %s; nothing is done", config.Shown(at.Value()))
		return "", false
	}
	return when, true
}

func readCondition(at config.Cursor) (c powerCondition, ok bool) {
	switch at.Kind() {
	case config.Null:
		if at.Value() == nil {
			return c, true
		}
	case config.Bool:
		c.never = !config.IsTrue(at.Value())
		return c, true
	case config.String:
		if at.Text() == "success" {
			c.success = true
		} else {
			c.command = []string{"/bin/sh", "-c", at.Text()}
		}
		return c, true
	case config.List:
		for _, item := range at.Items() {
			if k := item.Kind(); k == config.Null || k == config.List || k == config.Map {
				item.Errorf("expected a word of the command, got %s; nothing is done", config.Shown(item.Value()))
				return c, false
			}
			c.command = append(c.command, item.Value().PyStr())
		}
		if len(c.command) > 0 && c.command[0] != "" {
			return c, true
		}
	}
	at.Errorf("expected a boolean, success or a command, got %s; nothing is done", config.Shown(at.Value()))
	return c, false
}

// runPowerState asks for the change.
//
// Difference from cloud-init: there a process of its own waits for the stage's to end, or
// for 30 seconds, and what it finds wrong with the condition is in the log alone.
func runPowerState(_ context.Context, e *Env, keys *powerStateKeys) error {
	at := e.At("power_state")
	switch {
	case keys.change == nil:
	case keys.condition.never:
		e.Log.Info("the condition is false: no change of the power state")
	case e.Power == nil:
		e.skip(at, fmt.Sprintf("no %s: only the end of a real boot's last stage does it", keys.change))
	default:
		e.Power(power.Request{
			Change: *keys.change, Why: "power_state (" + e.Config.Where("power_state") + ") asks for it",
			If: func(ctx context.Context, succeeded bool) (bool, error) {
				return keys.condition.met(ctx, e, succeeded)
			},
		})
	}
	return nil
}

// met reports whether the condition holds. An error says why it cannot be told.
func (c powerCondition) met(ctx context.Context, e *Env, succeeded bool) (bool, error) {
	switch {
	case c.success && !succeeded:
		e.Log.Warn("the change of the power state is not made: it is for success, and something failed")
		return false, nil
	case len(c.command) == 0:
		return true, nil
	}
	result, err := e.Host.Run(ctx, host.Command{Argv: c.command, Pass: true, Timeout: host.NoTimeout, OK: []int{1}})
	var exit *host.ExitError
	switch {
	case errors.As(err, &exit) && exit.Exit >= 0:
		return false, fmt.Errorf("the command of its condition (%s) ended with exit code %d: expected 0 or 1", e.Config.Where("power_state.condition"), exit.Exit)
	case err != nil:
		return false, fmt.Errorf("the command of its condition (%s): %w", e.Config.Where("power_state.condition"), err)
	case result.Exit == 1:
		e.Log.Info("the condition's command ended with exit code 1: no change of the power state")
		return false, nil
	}
	return true, nil
}
