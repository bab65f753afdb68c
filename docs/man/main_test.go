package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/test/needs"
)

// TestManShowsThePagesWithoutWarnings: all of them, and as many as there are commands.
func TestManShowsThePagesWithoutWarnings(t *testing.T) {
	needs.Programs(t, "man", "groff")
	dir := t.TempDir()
	t.Chdir("../..")
	if err := run(dir); err != nil {
		t.Fatal(err)
	}
	made, err := filepath.Glob(dir + "/man*/*")
	if err != nil || len(made) < 30 {
		t.Fatalf("%d pages: %v", len(made), err)
	}
	for _, page := range made {
		cmd := exec.CommandContext(t.Context(), "man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", page)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "MANWIDTH=80")
		var said strings.Builder
		cmd.Stderr = &said
		if err := cmd.Run(); err != nil || said.Len() > 0 {
			t.Errorf("%s: %v: %s", filepath.Base(page), err, &said)
		}
	}
}
