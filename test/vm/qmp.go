package vm

import (
	"context"
	"encoding/json"
	"testing"
)

// qmp is QEMU's control channel (docs/interop/qmp-spec): a line of JSON for a command,
// a line for its answer, and lines for events, which nobody here waits for.
type qmp struct {
	t    testing.TB
	port *Port
}

// open reads the greeting and leaves the negotiation of capabilities.
func (q *qmp) open() {
	q.t.Helper()
	q.answer("QMP")
	q.execute("qmp_capabilities", nil)
}

// execute has QEMU carry out a command.
func (q *qmp) execute(command string, arguments map[string]any) {
	q.t.Helper()
	request := map[string]any{"execute": command}
	if arguments != nil {
		request["arguments"] = arguments
	}
	line, err := json.Marshal(request)
	if err != nil {
		q.t.Fatal(err)
	}
	q.port.Send(string(line) + "\n")
	q.answer("return")
}

// answer waits for a line with the key; a line with "error" is a failure.
func (q *qmp) answer(key string) {
	q.t.Helper()
	ctx, cancel := context.WithTimeout(q.t.Context(), qmpLimit)
	defer cancel()
	for {
		line, err := q.port.Line(ctx, nil)
		if err != nil {
			q.t.Fatalf("no answer from QEMU's control channel: %v", err)
		}
		var message map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &message); err != nil {
			q.t.Fatalf("QEMU's control channel says what is no JSON: %q", line)
		}
		if message["error"] != nil {
			q.t.Fatalf("QEMU refuses: %s", message["error"])
		}
		if message[key] != nil {
			return
		}
	}
}
