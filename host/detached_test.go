package host_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudseed/host"
)

func startShell(t *testing.T, script string) (h *host.Host, pipe string) {
	t.Helper()
	h = host.New("/", host.Options{})
	if _, err := h.LookPath("sh"); err != nil {
		t.Fatal(err)
	}
	pipe = filepath.Join(t.TempDir(), "pipe")
	if err := h.Start(t.Context(), host.Command{Argv: []string{"sh", "-c", script}}, pipe); err != nil {
		t.Fatal(err)
	}
	return h, pipe
}

func TestWaitReturnsWhenTheCommandEnds(t *testing.T) {
	t.Parallel()
	h, pipe := startShell(t, "sleep 0.2; echo done")
	start := time.Now()
	output, err := h.Wait(t.Context(), pipe)
	if err != nil || output != "done\n" {
		t.Errorf("got %q, %v", output, err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if output, err := h.Wait(t.Context(), pipe); err != nil || output != "" {
		t.Errorf("waiting again: got %q, %v", output, err)
	}
}

func TestWaitReturnsAtItsDeadline(t *testing.T) {
	t.Parallel()
	h, pipe := startShell(t, "sleep 2")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := h.Wait(ctx, pipe); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestACommandOutlivesTheContextItWasStartedWith(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	h := host.New("/", host.Options{})
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := h.Start(ctx, host.Command{Argv: []string{"sh", "-c", "sleep 0.2; echo alive"}}, pipe); err != nil {
		t.Fatal(err)
	}
	cancel()
	if output, err := h.Wait(t.Context(), pipe); err != nil || output != "alive\n" {
		t.Errorf("got %q, %v", output, err)
	}
}

func TestWhatWasNeverStartedIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	h := host.New(t.TempDir(), host.Options{})
	if output, err := h.Wait(t.Context(), "/run/pipe"); err != nil || output != "" {
		t.Errorf("got %q, %v", output, err)
	}
}

func TestAMissingProgramIsNotStartedAndRecordedSo(t *testing.T) {
	t.Parallel()
	var effects []host.Effect
	h := host.New(t.TempDir(), host.Options{Record: func(e host.Effect) { effects = append(effects, e) }})
	err := h.Start(t.Context(), host.Command{Argv: []string{"ssh-keygen"}}, "/pipe")
	if missing := (*host.MissingError)(nil); !errors.As(err, &missing) {
		t.Errorf("got %v", err)
	}
	if len(effects) != 1 || !strings.Contains(effects[0].Error, "not installed") {
		t.Errorf("got %+v", effects)
	}
}
