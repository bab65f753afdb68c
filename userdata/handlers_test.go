package userdata_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"cloudseed/userdata"

	"github.com/google/go-cmp/cmp"
)

// typesOf asks the handlers of these tests, which are lists of types.
func typesOf(_ context.Context, h userdata.Handler) ([]string, error) {
	_, text, _ := strings.Cut(string(h.Content.Reveal()), "\n")
	if strings.Contains(text, "broken") {
		return nil, errors.New("it is broken")
	}
	return strings.Fields(text), nil
}

const handlersMessage = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/x-mine; charset=utf-8
X-Mine: before

too early
--b
Content-Type: text/part-handler

#part-handler
text/x-mine text/plain text/part-handler
--b
Content-Type: text/part-handler

#part-handler
broken
--b
Content-Type: text/x-mine
X-Mine: yes
Content-Disposition: attachment; filename="a"

mine
--b
Content-Type: text/plain

just text
--b
Content-Type: text/plain

#cloud-config
hostname: a
--b
Content-Type: text/part-handler

#part-handler
text/cloud-config text/x-mine
--b
Content-Type: text/cloud-config

hostname: b
--b
Content-Type: text/x-mine

the other's
--b--
`

func TestAPartHandlerGetsThePartsOfItsTypesThatFollow(t *testing.T) {
	t.Parallel()
	r := userdata.Process(t.Context(), "user-data", []byte(handlersMessage), userdata.Options{
		TypesOf: typesOf, FirstHandler: 3, Handlers: []userdata.Handler{{Name: "/system.py", Types: []string{"text/x-shellscript"}}},
	})
	got := map[string][]string{}
	for _, h := range r.Handlers {
		got[h.Name] = nil
		for _, part := range h.Parts {
			got[h.Name] = append(got[h.Name], part.Type+" "+part.Filename+" "+part.Headers["X-Mine"]+": "+string(part.Content.Reveal()))
		}
	}
	want := map[string][]string{
		"/system.py":          nil,
		"part-handler-003.py": {"text/x-mine a yes: mine", "text/plain part-005 : just text"},
		"part-handler-004.py": {"text/cloud-config part-008 : hostname: b", "text/x-mine part-009 : the other's"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what handlers get differs (-want +got):\n%s", diff)
	}
	if name := r.CloudConfig.Get("hostname").Text(); name != "a" {
		t.Errorf("the hostname is %q", name)
	}
	var problems []string
	for _, p := range r.Problems {
		problems = append(problems, p.Severity.String()+": "+p.Error())
	}
	wanted := []string{
		"warning: user-data part-001:1:1: nothing here can handle a part of type text/x-mine; it was skipped",
		"error: user-data part-003:1:1: it is a part handler, a Python program, which cannot be used: it is broken; it was skipped",
	}
	if diff := cmp.Diff(wanted, problems); diff != "" {
		t.Errorf("problems differ (-want +got):\n%s", diff)
	}
}
