package docs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestAModuleInAnHour does what contributing.md says, in a copy of the sources: the module of
// the guide compiles and passes its test and those that follow from the registry, and whatever is forgotten
// fails a test that names the place.
func TestAModuleInAnHour(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("contributing.md")
	if err != nil {
		t.Fatal(err)
	}
	code, test := block(t, string(guide), "module"), block(t, string(guide), "test")
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
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = tree
		out, err := cmd.CombinedOutput()
		if err == nil {
			return ""
		}
		return string(out)
	}
	names := func(what, said string, words ...string) {
		for _, word := range words {
			if !strings.Contains(said, word) {
				t.Errorf("%s: no test names %s: %s", what, word, said)
			}
		}
	}
	ofTheRegistry := []string{"test", "-run", "Registered|IsRunByATest|EveryModuleIsDescribed|KeysOfAModule|Greeting", "./modules"}
	ofTheGenerated := []string{"test", "-run", "FollowsFromTheRegistry", "./schema"}

	write("modules/greeting.go", code)
	names("a module that is not registered and has no test", run(ofTheRegistry...), "greeting.go", "registry.go", "no test runs")
	edit("modules/registry.go", "\t\ttimezone,\n", "\t\ttimezone,\n\t\tgreeting,\n")
	write("modules/greeting_test.go", test)
	names("what follows from it is not generated", run(ofTheGenerated...), "greeting", "packaging/cloud.cfg", "docs/modules.md")
	if said := run("generate", "./schema"); said != "" {
		t.Errorf("what follows from it cannot be generated: %s", said)
	}
	for _, args := range [][]string{ofTheRegistry, ofTheGenerated, {"test", "-run", "SecondBoot", "./boot"}} {
		if said := run(args...); said != "" {
			t.Errorf("the guide's module: go %s: %s", strings.Join(args, " "), said)
		}
	}
}

// block returns the code of the guide behind a mark.
func block(t *testing.T, guide, mark string) string {
	t.Helper()
	_, code, found := strings.Cut(guide, "<!-- "+mark+" -->\n   ```go\n")
	code, _, ends := strings.Cut(code, "   ```\n")
	if !found || !ends {
		t.Fatalf("the guide has no %s", mark)
	}
	return strings.ReplaceAll("\n"+code, "\n   ", "\n")[1:]
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
