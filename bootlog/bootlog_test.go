package bootlog_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"cloudseed/bootlog"
	"cloudseed/secret"

	"github.com/google/go-cmp/cmp"
)

func TestTheFileHasCloudInitsLineFormat(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	log, _ := bootlog.New(bootlog.Handler{File: &file, Level: slog.LevelDebug})
	log.With("stage", "init", "module", "ssh").Info("made a key", "type", "rsa", "why", "it was missing")
	want := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - bootlog_test\.go\[INFO\]: made a key module=ssh type=rsa why="it was missing"\n$`)
	if !want.MatchString(file.String()) {
		t.Errorf("the line is %q", file.String())
	}
}

func TestOneEventIsOneLineWhateverItHolds(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	log, _ := bootlog.New(bootlog.Handler{File: &file})
	log.Error("it said\nfoo - bar[INFO]: forged", "a", "b\nc")
	if got := strings.Count(file.String(), "\n"); got != 1 {
		t.Errorf("%d lines: %q", got, file.String())
	}
}

func TestTheConsoleAndTheStatusGetWarningsAndWorse(t *testing.T) {
	t.Parallel()
	var console bytes.Buffer
	log, take := bootlog.New(bootlog.Handler{Console: &console, Level: slog.LevelDebug})
	log.Debug("d")
	log.Info("i")
	log.Warn("w", "x", 1)
	log.Log(context.Background(), bootlog.LevelDeprecated, "old")
	log.Error("e")
	if got, want := console.String(), "cloudseed: w x=1\ncloudseed: old\ncloudseed: e\n"; got != want {
		t.Errorf("the console got %q, want %q", got, want)
	}
	want := map[string][]string{"WARNING": {"w x=1"}, "DEPRECATED": {"old"}, "ERROR": {"e"}}
	if diff := cmp.Diff(want, take()); diff != "" {
		t.Errorf("the status differs (-want +got):\n%s", diff)
	}
	if again := take(); len(again) != 0 {
		t.Errorf("taken twice: %v", again)
	}
}

func TestTheJournalGetsAllButDebugMessagesWithTheirFields(t *testing.T) {
	t.Parallel()
	var got []string
	log, _ := bootlog.New(bootlog.Handler{Level: slog.LevelDebug, Journal: func(message string, priority int, fields map[string]string) error {
		got = append(got, fmt.Sprint(priority, " ", message, " ", fields))
		return nil
	}})
	log.Debug("d")
	log.With("stage", "init").Info("i", "exit-code", 1)
	log.Warn("w")
	log.Error("e")
	want := []string{
		"6 i exit-code=1 map[CLOUDSEED_EXIT_CODE:1 CLOUDSEED_STAGE:init SYSLOG_IDENTIFIER:cloudseed]",
		"4 w map[SYSLOG_IDENTIFIER:cloudseed]", "3 e map[SYSLOG_IDENTIFIER:cloudseed]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the journal differs (-want +got):\n%s", diff)
	}
}

func TestSecretsAreRedacted(t *testing.T) {
	t.Parallel()
	var file bytes.Buffer
	log, _ := bootlog.New(bootlog.Handler{File: &file})
	log.Info("set", "password", secret.New("hunter2"), "all", secret.NewBytes([]byte("hunter2")))
	if strings.Contains(file.String(), "hunter2") || !strings.Contains(file.String(), secret.Redacted) {
		t.Errorf("the line is %q", file.String())
	}
}
