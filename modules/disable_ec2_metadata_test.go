package modules

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"cloudseed/host"
)

// routes runs the module on a running machine, and returns the commands that it runs.
func routes(t *testing.T, userData string, answer host.Result) (lines []string, err error) {
	t.Helper()
	g := newGuest(t, userData)
	g.env.Host = host.New("/", host.Options{
		Log:      slog.New(slog.DiscardHandler),
		LookPath: func(name string) (string, error) { return "/usr/sbin/" + name, nil },
		Exec: func(_ context.Context, c host.Command) (host.Result, error) {
			lines = append(lines, strings.Join(c.Argv, " "))
			return answer, nil
		},
	})
	err = disableEC2Metadata.Run(t.Context(), g.env)
	for _, p := range g.env.Problems() {
		t.Errorf("it reports %v", p)
	}
	return lines, err
}

func TestDisableEC2Metadata(t *testing.T) {
	t.Parallel()
	for userData, want := range map[string]string{
		"disable_ec2_metadata: true":  "ip route replace prohibit 169.254.169.254",
		"disable_ec2_metadata: false": "",
		"{}":                          "",
	} {
		lines, err := routes(t, userData, host.Result{})
		if got := strings.Join(lines, "\n"); got != want || err != nil {
			t.Errorf("%s: it runs %q, want %q; %v", userData, got, want, err)
		}
	}
	_, err := routes(t, "disable_ec2_metadata: true", host.Result{Exit: 2, Stderr: "RTNETLINK answers: Operation not permitted\n"})
	if err == nil || !strings.HasPrefix(err.Error(), "cannot keep the guest from the metadata service: ip failed with exit code 2") {
		t.Errorf("a route that cannot be set: %v", err)
	}
}

func TestAnImageHasNoRoutes(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "disable_ec2_metadata: true")
	want := "note: user-data:1:23: disable_ec2_metadata: an image has no routes; each boot of it sets this one"
	if got := g.run(t, disableEC2Metadata); len(got) != 1 || got[0] != want || len(g.lines()) > 0 {
		t.Errorf("it reports %q and runs %q", got, g.lines())
	}
}
