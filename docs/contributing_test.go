package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAModuleInAnHour does what contributing.md says, in a copy of the sources: the module of
// the guide compiles, a forgotten registration fails a test that names the place, and the
// registered module passes them.
func TestAModuleInAnHour(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("contributing.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(string(guide), "<!-- module -->\n   ```go\n")
	code, _, ends := strings.Cut(code, "   ```\n")
	if !found || !ends {
		t.Fatal("the guide has no module")
	}
	code = strings.ReplaceAll("\n"+code, "\n   ", "\n")[1:]
	if lines := strings.Count(code, "\n"); lines >= 100 {
		t.Errorf("the guide's module has %d lines", lines)
	}

	tree := copyOfSources(t)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(tree, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	edit := func(name, old, replacement string) {
		data, err := os.ReadFile(filepath.Join(tree, name))
		if err != nil || !strings.Contains(string(data), old) {
			t.Fatalf("%s has no %q: %v", name, old, err)
		}
		write(name, strings.Replace(string(data), old, replacement, 1))
	}
	tests := func() string {
		cmd := exec.CommandContext(t.Context(), "go", "test", "-run", "Registered|PackagesConfiguration|EveryModuleIsDescribed|KeysOfAModule", "./modules")
		cmd.Dir = tree
		out, err := cmd.CombinedOutput()
		if err == nil {
			return ""
		}
		return string(out)
	}

	write("modules/greeting.go", code)
	if said := tests(); !strings.Contains(said, "greeting") || !strings.Contains(said, "registry.go") {
		t.Errorf("a module that is not registered: %s", said)
	}
	edit("modules/registry.go", "\t\ttimezone,\n", "\t\ttimezone,\n\t\tgreeting,\n")
	if said := tests(); !strings.Contains(said, "greeting") || !strings.Contains(said, "cloud.cfg") {
		t.Errorf("a module that cloud.cfg does not run: %s", said)
	}
	edit("packaging/cloud.cfg", "  - timezone\n", "  - timezone\n  - greeting\n")
	if said := tests(); said != "" {
		t.Errorf("the guide's module: %s", said)
	}
}

// copyOfSources copies the program's sources, without what is built.
func copyOfSources(t *testing.T) string {
	t.Helper()
	tree := t.TempDir()
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, "../")
		switch {
		case entry.IsDir() && (name == "build" || name == "bin" || name == ".git"):
			return filepath.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(tree, name), 0o755)
		case !entry.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(tree, name), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}
