package modules

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/host/hosttest"
	"cloudseed/state"
)

// configured is what a module is run with in these tests: a machine, and user data.
func configured(t *testing.T, m *hosttest.Machine, userData string) *Env {
	t.Helper()
	v, problems, err := yaml.Parse("user-data", []byte(userData))
	if err != nil || len(problems) > 0 {
		t.Fatalf("the test's user data: %v %v", err, problems)
	}
	return &Env{
		Host: m.As("test", "module"), Log: slog.New(slog.DiscardHandler),
		Config: config.New(config.Layer{Name: "user-data", Value: v}),
		Instance: Instance{
			ID: "i-1", Dir: "/var/lib/cloud/instance", CloudDir: "/var/lib/cloud", RunDir: "/run/cloud-init",
			Version: "0.1", Datasource: "DataSourceNoCloud [seed=/dev/sr0]",
		},
	}
}

// outcome runs a module and tells what it reports, a line each: "error: ..." and
// "warning: ...", and its own error last.
func outcome(t *testing.T, m Module, e *Env) string {
	t.Helper()
	err := m.Run(t.Context(), e)
	var lines []string
	for _, p := range e.Problems() {
		severity := "warning: "
		switch p.Severity {
		case config.Error:
			severity = "error: "
		case config.Note:
			severity = "note: "
		}
		lines = append(lines, severity+p.Error())
	}
	if err != nil {
		lines = append(lines, "failed: "+err.Error())
	}
	return strings.Join(lines, "\n")
}

// same fails the test if two texts differ.
func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is\n%s\nwant\n%s", what, got, want)
	}
}

// noSecretsIn fails the test if a text is in what was recorded of a module's doings.
func noSecretsIn(t *testing.T, m *hosttest.Machine, secret string) {
	t.Helper()
	for _, e := range m.Effects() {
		for _, text := range append(e.Argv, e.Diff, e.Value, e.Error, e.Before, e.After) {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in the change log: %+v", secret, e)
			}
		}
	}
}

// memory is the Steps of a machine whose power may fail: when limit steps have begun
// or ended, the next one panics.
type memory struct {
	steps map[string]state.Standing
	limit int
}

var errPowerCut = errors.New("the power is cut")

func (s *memory) Standing(step string) (state.Standing, error) { return s.steps[step], nil }
func (s *memory) Begin(step string) error                      { return s.set(step, state.Interrupted) }
func (s *memory) End(step string) error                        { return s.set(step, state.Done) }

func (s *memory) set(step string, to state.Standing) error {
	if s.limit == 0 {
		panic(errPowerCut)
	}
	s.limit--
	s.steps[step] = to
	return nil
}

// cutAfter runs a module until the power is cut, after so many steps were noted.
func cutAfter(ctx context.Context, m Module, e *Env, s *memory, limit int) {
	defer func() {
		if reason := recover(); reason != nil && reason != errPowerCut { //nolint:errorlint // a panic's value
			panic(reason)
		}
	}()
	s.limit = limit
	e.Steps = s
	_ = m.Run(ctx, e) // what it would have reported is lost with the power
}
