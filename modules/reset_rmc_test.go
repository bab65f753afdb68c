package modules

import (
	"strings"
	"testing"

	"cloudseed/host"
)

func TestResetRMC(t *testing.T) {
	t.Parallel()
	const stop, anew = "rmcctrl -z", "/opt/rsct/install/bin/recfgct"
	for name, row := range map[string]struct {
		rsct, lacks bool
		before      string
		after       string // of recfgct; "": it fails
		commands    string
		err         string
	}{
		"a machine without RSCT is left alone": {before: "0123", after: "4567"},
		"a clone gets a node id of its own":    {rsct: true, before: "0123\nmore\n", after: "4567\nmore\n", commands: stop + "\n" + anew},
		"rmcctrl that is not in PATH":          {rsct: true, lacks: true, before: "0123\n", after: "4567\n", commands: "/opt/rsct/bin/" + stop + "\n" + anew},
		"a node id that stays is an error": {
			rsct: true, before: "0123\nmore\n", after: "0123\nless\n", commands: stop + "\n" + anew, err: "recfgct left the node id in /etc/ct_node_id as it was",
		},
		"recfgct that fails":         {rsct: true, before: "0123\n", commands: stop + "\n" + anew, err: "cannot configure RSCT anew: /opt/rsct/install/bin/recfgct failed with exit code 2: no such node"},
		"no node id, and no command": {rsct: true, after: "4567", err: "cannot tell RSCT's node id: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "{}")
			if row.rsct {
				g.Put(t, anew, "")
			}
			if row.lacks {
				g.Lacks("rmcctrl")
			}
			if row.before != "" {
				g.Put(t, rsctNodeID, row.before)
			}
			g.On(anew, func(host.Command) { g.Put(t, rsctNodeID, row.after) })
			if row.after == "" {
				g.Answer(anew, host.Result{Exit: 2, Stderr: "no such node\n"}, nil)
			}
			text := ""
			if err := resetRMC.Run(t.Context(), g.env); err != nil {
				text = err.Error()
			}
			if !strings.HasPrefix(text, row.err) || (row.err == "") != (text == "") {
				t.Errorf("the error is %q, want %q", text, row.err)
			}
			if got := strings.Join(g.Lines(), "\n"); got != row.commands {
				t.Errorf("it runs %q, want %q", got, row.commands)
			}
			for _, c := range g.Calls() {
				if !strings.HasPrefix(strings.Join(c.Env, " "), "PATH=/opt/rsct/install/bin:") {
					t.Errorf("%s has %q", c.Line(), c.Env)
				}
			}
		})
	}
}
