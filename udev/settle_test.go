package udev

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// udev makes a directory with the files that udevd would have in /run/udev.
func udev(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSettleDoesNotWaitWithoutUdevOrWithoutEvents(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for _, dir := range []string{"/nonexistent", udev(t), udev(t, "control"), udev(t, "queue")} {
		if waited, err := settle(ctx, dir); err != nil || waited {
			t.Errorf("%s: waited %v, %v", dir, waited, err)
		}
	}
}

func TestSettleWaitsUntilTheQueueIsGone(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"queue", "control"} { // udevd has no events any more, or is no more
		dir := udev(t, "control", "queue", "other")
		begin := time.Now()
		timer := time.AfterFunc(100*time.Millisecond, func() {
			os.Remove(filepath.Join(dir, "other"))
			os.Remove(filepath.Join(dir, file))
		})
		defer timer.Stop()
		if waited, err := settle(t.Context(), dir); err != nil || !waited {
			t.Errorf("waited %v, %v", waited, err)
		}
		if waited := time.Since(begin); waited < 100*time.Millisecond {
			t.Errorf("waited %v only", waited)
		}
	}
}

func TestSettleEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := settle(ctx, udev(t, "control", "queue")); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
