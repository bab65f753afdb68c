package modules

import (
	"strings"
	"testing"

	"cloudseed/guest/power"
	"cloudseed/host"
)

// asked runs the module, and returns what it asks for and what it reports.
func (g *guest) asked(t *testing.T) (requests []power.Request, reports string) {
	t.Helper()
	g.env.Power = func(r power.Request) { requests = append(requests, r) }
	return requests, strings.Join(g.run(t, powerStateChange), "\n")
}

func TestPowerState(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ state, want, reports string }{
		"a mode is enough":                  {"{mode: poweroff}", "poweroff now", ""},
		"all keys":                          {"{mode: reboot, delay: 5, message: Bye, timeout: 60, condition: true}", "reboot +5 Bye", ""},
		"halt":                              {"{mode: halt, delay: now}", "halt now", ""},
		"no minutes are minutes":            {"{mode: halt, delay: 0}", "halt +0", ""},
		"minutes in octal":                  {"{mode: halt, delay: 010}", "halt +8", ""},
		"minutes as a string":               {"{mode: halt, delay: '+005'}", "halt +5", "deprecated: user-data:1:34: power_state.delay: a string is deprecated since cloud-init 22.3: write now or a number"},
		"a fraction":                        {"{mode: halt, delay: 1.9}", "halt +1", "warning: user-data:1:34: power_state.delay: expected now or a whole number of minutes, got the number 1.9; 1 min was used"},
		"a boolean as Python counts it":     {"{mode: halt, delay: yes}", "halt +1", "warning: user-data:1:34: power_state.delay: expected now or a number of minutes, got the boolean yes; 1 min was used"},
		"the past":                          {"{mode: halt, delay: -5}", "", "error: user-data:1:34: power_state.delay: expected now or a number of minutes, got the number -5; nothing is done"},
		"a time of the day":                 {"{mode: halt, delay: '23:00'}", "", `error: user-data:1:34: power_state.delay: expected now or a number of minutes, got "23:00"; nothing is done`},
		"an option as the delay":            {"{mode: halt, delay: '-c'}", "", `error: user-data:1:34: power_state.delay: expected now or a number of minutes, got "-c"; nothing is done`},
		"a delay that is null":              {"{mode: halt, delay: }", "", "error: user-data:1:34: power_state.delay: expected now or a number of minutes, got nothing; nothing is done"},
		"no mode":                           {"{delay: 5}", "", "error: user-data:1:14: power_state: mode is missing: expected poweroff, halt or reboot; nothing is done"},
		"an unknown mode":                   {"{mode: Reboot}", "", `error: user-data:1:21: power_state.mode: expected poweroff, halt or reboot, got "Reboot" (did you mean reboot?)`},
		"the mode in the mapping's place":   {"reboot", "", `error: user-data:1:14: power_state: expected a mapping, got a string`},
		"nothing":                           {"", "", ""},
		"a condition that is false":         {"{mode: halt, condition: false}", "", ""},
		"a condition that is a number":      {"{mode: halt, condition: 1}", "", "error: user-data:1:38: power_state.condition: expected a boolean, success or a command, got the number 1; nothing is done"},
		"a condition that is null":          {"{mode: halt, condition: }", "", "error: user-data:1:38: power_state.condition: expected a boolean, success or a command, got nothing; nothing is done"},
		"a condition with nothing in it":    {"{mode: halt, condition: []}", "", "error: user-data:1:38: power_state.condition: expected a boolean, success or a command, got a list; nothing is done"},
		"a condition with a list in it":     {"{mode: halt, condition: [test, [a]]}", "", "error: user-data:1:45: power_state.condition.1: expected a word of the command, got a list; nothing is done"},
		"a timeout that is no time":         {"{mode: halt, timeout: soon}", "halt now", `warning: user-data:1:36: power_state.timeout: expected a number of seconds, got "soon"; it would have no effect`},
		"a message that is a list":          {"{mode: halt, message: [a]}", "halt now", "error: user-data:1:36: power_state.message: expected a string, got a list"},
		"a key with a mistake":              {"{mode: halt, mesage: Bye}", "halt now", `warning: user-data:1:27: power_state.mesage: unknown key (did you mean message?); it was ignored`},
		"a message that looks like options": {"{mode: halt, message: --reboot}", "halt now --reboot", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "power_state: "+row.state)
			requests, reports := g.asked(t)
			same(t, "the report", reports, row.reports)
			got := ""
			for _, r := range requests {
				got += strings.TrimSpace(string(r.Mode) + " " + r.When + " " + r.Message)
				if err := r.Check(); err != nil {
					t.Error(err)
				}
			}
			same(t, "what is asked for", got, row.want)
			if len(g.Lines()) > 0 {
				t.Errorf("the module itself runs %q", g.Lines())
			}
		})
	}
}

func TestTheConditionOfPowerState(t *testing.T) {
	t.Parallel()
	gone := &host.MissingError{Program: "test"}
	for name, row := range map[string]struct {
		condition string
		failed    bool // something in the boot
		result    host.Result
		err       error
		ran       string
		met       bool
		why       string
	}{
		"none":                              {condition: "true", failed: true, met: true},
		"success, and all went well":        {condition: "success", met: true},
		"success, and something failed":     {condition: "success", failed: true},
		"a command of the shell":            {condition: "test -e /x && true", ran: "/bin/sh -c test -e /x && true", met: true},
		"a program with its arguments":      {condition: "[test, -e, /x, 1]", ran: "test -e /x 1", met: true},
		"the word true in quotes":           {condition: "'true'", ran: "/bin/sh -c true", met: true},
		"a command that says no":            {condition: "[test, -e, /x]", ran: "test -e /x", result: host.Result{Exit: 1}},
		"a command that says something odd": {condition: "[test, -e, /x]", ran: "test -e /x", result: host.Result{Exit: 2}, why: "the command of its condition (user-data:1:40) ended with exit code 2: expected 0 or 1"},
		"a command that is not there":       {condition: "[test, -e, /x]", ran: "test -e /x", result: host.Result{Exit: -1}, err: gone, why: "the command of its condition (user-data:1:40): the program test is not installed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "power_state: {mode: reboot, condition: "+row.condition+"}")
			g.Answer("test", row.result, row.err)
			requests, reports := g.asked(t)
			if len(requests) != 1 || reports != "" {
				t.Fatalf("it asks for %d changes and reports %q", len(requests), reports)
			}
			met, err := requests[0].If(t.Context(), !row.failed)
			if (err == nil) != (row.why == "") || err != nil && err.Error() != row.why || met != row.met {
				t.Errorf("it is met: %v, with the error %v", met, err)
			}
			same(t, "what ran", strings.Join(g.Lines(), "\n"), row.ran)
		})
	}
}

func TestPowerStateIsOnlyForTheEndOfABoot(t *testing.T) {
	t.Parallel()
	g := newGuest(t, powerStateChange.Example)
	same(t, "the report", strings.Join(g.run(t, powerStateChange), "\n"),
		"note: user-data:2:3: power_state: no reboot in 1 min: only the end of a real boot's last stage does it")
}

func TestTheConditionsCommandIsRunByARealShell(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]bool{
		"cd /proc && test -e self": true, "'false'": false, "[sh, -c, 'exit 1']": false, "[/bin/sh, -c, 'test $# = 1', it, '-x']": true,
	} {
		e, _ := really(t, "power_state: {mode: reboot, condition: "+condition+"}")
		var request power.Request
		e.Power = func(r power.Request) { request = r }
		same(t, "the report", outcome(t, powerStateChange, e), "")
		if met, err := request.If(t.Context(), true); met != want || err != nil {
			t.Errorf("%s: %v, %v", condition, met, err)
		}
	}
}
