package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// drawn are the units of others that the drawing shows.
var drawn = []string{
	"local-fs.target", "network-pre.target", "NetworkManager.service", "network-online.target", "sshd.service", "systemd-user-sessions.service", "multi-user.target",
}

// TestTheBootIsDrawn makes the drawing in boot.md of the units' After= and Before=.
func TestTheBootIsDrawn(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- units -->\n", "<!-- end of units -->\n"
	text := read(t, "boot.md")
	head, rest, found := strings.Cut(text, begin)
	_, tail, ends := strings.Cut(rest, end)
	if !found || !ends {
		t.Fatal("boot.md has no place for the units")
	}
	want := head + begin + "```mermaid\nflowchart TD\n" + strings.Join(arrows(t), "") + "```\n" + end + tail
	if *update {
		if err := os.WriteFile("boot.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != text {
		t.Error("the drawing in boot.md is not that of the units: go test ./docs -run TheBootIsDrawn -update")
	}
}

// arrows are the drawing's lines, for each pair of units of which one waits for the other.
func arrows(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../systemd/cloud-*.service")
	if err != nil {
		t.Fatal(err)
	}
	shown := slices.Clone(drawn)
	for _, file := range files {
		shown = append(shown, filepath.Base(file))
	}
	var all []string
	add := func(first, then string) {
		if slices.Contains(shown, first) && slices.Contains(shown, then) {
			all = append(all, fmt.Sprintf("    %s --> %s\n", node(first), node(then)))
		}
	}
	for _, file := range files {
		unit := filepath.Base(file)
		for line := range strings.Lines(read(t, file)) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			for _, other := range strings.Fields(value) {
				switch key {
				case "After":
					add(other, unit)
				case "Before":
					add(unit, other)
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// node is a unit as the drawing's language has it: a name without dots and hyphens, and the
// text in its box.
func node(unit string) string {
	return strings.NewReplacer(".", "_", "-", "_").Replace(unit) + "[" + unit + "]"
}
