package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloudseed/host"
	"cloudseed/secret"
)

// live is this machine, with effects kept. Tests only ask it to run harmless
// commands.
func live(t *testing.T) (*host.Host, *[]host.Effect) {
	t.Helper()
	var effects []host.Effect
	return host.New("/", host.Options{Record: func(e host.Effect) { effects = append(effects, e) }}), &effects
}

func TestRun(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		command host.Command
		stdout  string
		exit    int
		fails   string
	}{
		{name: "output comes back", command: host.Command{Argv: []string{"sh", "-c", "echo out; echo err >&2"}}, stdout: "out\n"},
		{name: "input goes in", command: host.Command{Argv: []string{"cat"}, Stdin: secret.NewBytes([]byte("in"))}, stdout: "in"},
		{
			name:    "the exit code and the last words are the error",
			command: host.Command{Argv: []string{"sh", "-c", "echo first >&2; echo it broke >&2; exit 3"}},
			exit:    3, fails: "sh failed with exit code 3: it broke",
		},
		{name: "a code that is expected is no error", command: host.Command{Argv: []string{"sh", "-c", "exit 9"}, OK: []int{9}}, exit: 9},
		{
			name: "a signal is an error", command: host.Command{Argv: []string{"sh", "-c", "kill -9 $$"}},
			exit: -1, fails: "sh failed: signal: killed",
		},
		{
			name: "a missing program is an error", command: host.Command{Argv: []string{"no-such-program"}},
			exit: -1, fails: "the program no-such-program is not installed",
		},
		{
			name:    "the environment is clean",
			command: host.Command{Argv: []string{"sh", "-c", "echo $LANG $SECRET $MINE"}, Env: []string{"MINE=x"}}, stdout: "C.UTF-8 x\n",
		},
		{
			name:    "a deadline ends it and its children",
			command: host.Command{Argv: []string{"sh", "-c", "sleep 1000 & wait"}, Timeout: 50 * time.Millisecond},
			exit:    -1, fails: "sh was stopped: it took longer than 50ms",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h, _ := live(t)
			got, err := h.Run(t.Context(), test.command)
			if got.Stdout != test.stdout || got.Exit != test.exit {
				t.Errorf("got %q, exit code %d; want %q, %d", got.Stdout, got.Exit, test.stdout, test.exit)
			}
			if text := errorText(err); text != test.fails {
				t.Errorf("error is %q, want %q", text, test.fails)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRunRecordsCommandsWithoutTheirSecrets(t *testing.T) {
	t.Parallel()
	h, effects := live(t)
	if _, err := h.As("init", "users_groups").Run(t.Context(), host.Command{
		Argv: []string{"echo", "--password", "hunter2"}, SecretArgs: []int{2},
	}); err != nil {
		t.Fatal(err)
	}
	if len(*effects) != 1 {
		t.Fatalf("%d effects", len(*effects))
	}
	e := (*effects)[0]
	if got := strings.Join(e.Argv, " "); got != "echo --password [redacted]" {
		t.Errorf("recorded as %q", got)
	}
	if e.Stage != "init" || e.Module != "users_groups" || e.Exit == nil || *e.Exit != 0 {
		t.Errorf("recorded as %+v", e)
	}
}

func TestACancelledContextEndsACommand(t *testing.T) {
	t.Parallel()
	h, _ := live(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	started := filepath.Join(t.TempDir(), "started")
	done := make(chan error)
	go func() {
		_, err := h.Run(ctx, host.Command{Argv: []string{"sh", "-c", "echo >" + started + "; sleep 1000"}, Timeout: host.NoTimeout})
		done <- err
	}()
	for {
		if _, err := os.Stat(started); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel(errors.New("the stage is over"))
	if err := <-done; errorText(err) != "sh was stopped: the stage is over" {
		t.Errorf("error is %v", err)
	}
}

func TestPassedOnOutputDoesNotWaitForWhatRunsOn(t *testing.T) {
	t.Parallel()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	h := host.New("/", host.Options{Output: func() (stdout, stderr *os.File) { return out, out }})
	pidFile := filepath.Join(t.TempDir(), "pid")
	if _, err := h.Run(t.Context(), host.Command{Argv: []string{"sh", "-c", "sleep 3 & echo $! >" + pidFile + "; echo said"}, Pass: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(pidFile); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(out.Name()); err != nil || string(data) != "said\n" {
		t.Errorf("output is %q, %v", data, err)
	}
}

func TestAProgramThatIsBeingWrittenIsWaitedFor(t *testing.T) {
	t.Parallel()
	h, _ := live(t)
	script := filepath.Join(t.TempDir(), "script")
	f, err := os.OpenFile(script, os.O_CREATE|os.O_WRONLY, 0o700)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("#!/bin/sh\necho ran\n"); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(20*time.Millisecond, func() { _ = f.Close() })
	defer timer.Stop()
	if r, err := h.Run(t.Context(), host.Command{Argv: []string{script}}); err != nil || r.Stdout != "ran\n" {
		t.Errorf("%q, %v", r.Stdout, err)
	}
}

func TestLinesOfACommandComeWhileItRuns(t *testing.T) {
	t.Parallel()
	h := host.New("/", host.Options{})
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	result, err := h.Run(t.Context(), host.Command{
		// The command goes on only after its first line was given away.
		Argv: []string{"sh", "-c", "echo one; read go <" + fifo + "; echo two >&2; printf three >&2"},
		Line: func(line string) {
			if got = append(got, line); line == "one" {
				if err := os.WriteFile(fifo, []byte("go\n"), 0o600); err != nil {
					t.Error(err)
				}
			}
		},
		Timeout: 30 * time.Second,
	})
	if err != nil || strings.Join(got, ",") != "one,two,three" || result.Stdout != "one\n" || result.Stderr != "two\nthree" {
		t.Errorf("lines %q, result %+v, %v", got, result, err)
	}
}

// execve(2) says of neither which argument it is.
func TestAnArgumentThatCannotBePassedIsNamed(t *testing.T) {
	t.Parallel()
	for argument, want := range map[string]string{
		"a\x00b":                      `cannot run "true": argument 1 holds a zero byte`,
		strings.Repeat("x", 131072):   `cannot run "true": argument 1 has 131072 bytes, more than a program can be given`,
		strings.Repeat("x", 131072-1): "",
	} {
		_, err := host.New("/", host.Options{}).Run(t.Context(), host.Command{Argv: []string{"true", argument}, Quiet: true})
		if got := fmt.Sprint(err); got != want && (want != "" || err != nil) {
			t.Errorf("the error is %q, want %q", got, want)
		}
	}
}
