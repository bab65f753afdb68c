package boot_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloudseed/boot"
	"cloudseed/test/seed"
)

func TestAGuestPhonesHomeOnceAndTellsHowItsBootWent(t *testing.T) {
	t.Parallel()
	var calls []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		calls = append(calls, fmt.Sprintf("%s %s %s", r.Method, r.URL, content))
		if len(calls) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	for userData, want := range map[string]string{
		"users: [{name: a b}]":  `{"errors":["user-data:3:9: users.0: `,
		"timezone: Mars/Phobos": `{"errors":["timezone: `,
		"runcm: [a]":            `{"errors":[],"hostname":"web1","status":"degraded"}`,
		"runcmd: [a]":           `{"errors":[],"hostname":"web1","status":"done"}`,
	} {
		calls = nil
		g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nphone_home: {url: '"+server.URL+"/$INSTANCE_ID', post: [hostname, status, errors], format: json}\n"+userData+"\n").
			With("meta-data", "instance-id: i-1\nlocal-hostname: web1\n"))
		if got := results(g.boot(t))["phone_home"]; got != boot.ResultOK {
			t.Errorf("%s: the module is %s", userData, got)
		}
		if len(calls) != 2 || calls[0] != calls[1] || !strings.HasPrefix(calls[1], "POST /i-1 "+want) {
			t.Errorf("%s: it posts %q, want %s twice", userData, calls, want)
		}
		if g.boot(t); len(calls) != 2 {
			t.Errorf("%s: at the second boot it posts %q", userData, calls[2:])
		}
	}
}
