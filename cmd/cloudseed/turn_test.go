package main

import (
	"errors"
	"testing"
	"time"

	"cloudseed/host"
)

func TestOneProcessAtATimeChangesAMachine(t *testing.T) {
	t.Parallel()
	h := host.New(t.TempDir(), host.Options{Chown: func(string, int, int) error { return nil }})
	first, second := &turn{host: h}, &turn{host: h}
	if err := first.take(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	for _, wait := range []time.Duration{0, 50 * time.Millisecond} {
		if err := (&turn{host: h}).take(t.Context(), wait); !errors.Is(err, errBusy) {
			t.Errorf("waiting for %s: %v", wait, err)
		}
	}
	taken := make(chan error, 1)
	go func() { taken <- second.take(t.Context(), time.Minute) }()
	select {
	case err := <-taken:
		t.Fatalf("both have the turn: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-taken; err != nil {
		t.Errorf("the one that waited: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

func TestAProcessStandsAsideWhileACommandOfTheUsersRuns(t *testing.T) {
	t.Parallel()
	h := host.New(t.TempDir(), host.Options{Chown: func(string, int, int) error { return nil }})
	stage, command := &turn{host: h}, &turn{host: h}
	if err := stage.take(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	resume := stage.standAside()
	if err := command.take(t.Context(), 0); err != nil {
		t.Fatalf("the command cannot do anything: %v", err)
	}
	resumed := make(chan error, 1)
	go func() { resumed <- resume() }()
	select {
	case err := <-resumed:
		t.Fatalf("both have the turn: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := errors.Join(command.Close(), <-resumed); err != nil {
		t.Error(err)
	}
	if err := (&turn{host: h}).take(t.Context(), 0); !errors.Is(err, errBusy) {
		t.Errorf("the stage has no turn any more: %v", err)
	}
}
