package modules

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryModuleIsDescribed(t *testing.T) {
	t.Parallel()
	stages := []Stage{InitStage, ConfigStage, FinalStage}
	at := 0
	for _, m := range All() {
		if m.Name != CanonicalName(m.Name) || m.Frequency == "" || m.Doc == "" || reflect.TypeOf(m.Keys) == nil {
			t.Errorf("something is missing in %s: %+v", m.Name, m)
		}
		if next := slices.Index(stages, m.Stage); next < at {
			t.Errorf("%s of %q stands after modules of a later stage", m.Name, m.Stage)
		} else {
			at = next
		}
		known := keysOf(reflect.TypeOf(m.Keys))
		for _, key := range m.ActiveIf {
			if !slices.Contains(known, key) {
				t.Errorf("%s waits for %s, which is not its key", m.Name, key)
			}
		}
		if len(known) > 0 && m.Example == "" && !m.sharesKeys {
			t.Errorf("%s has keys and no example", m.Name)
		}
		if slices.Contains(Absent, m.Name) {
			t.Errorf("%s is here and absent", m.Name)
		}
	}
}

// A module that a file declares and All does not list would never run.
func TestEveryModuleOfThePackageIsRegistered(t *testing.T) {
	t.Parallel()
	for file, source := range sources(t) {
		for _, found := range regexp.MustCompile(`= Of\[[^\]]+\]\{\s*Name:\s+"(\w+)"`).FindAllStringSubmatch(source, -1) {
			if name := found[1]; !slices.Contains(Names(), name) {
				t.Errorf("%s: the module %s is not in All() of registry.go", file, name)
			}
		}
	}
}

// A module without a test of its own passes all others.
func TestEveryModuleIsRunByATest(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(data)
	}
	declared := regexp.MustCompile(`(?m)^(?:var |\t)(\w+)\s*= Of\[`)
	for file, source := range sources(t) {
		for _, m := range declared.FindAllStringSubmatch(source, -1) {
			if m[1] == "installHotplug" {
				continue // with the handler that it installs: boot, and the script hotplug of cmd/cloudseed
			}
			if !regexp.MustCompile(`[( ]` + m[1] + `(?:\)|,|\.Run\()`).MatchString(tests.String()) {
				t.Errorf("no test runs the module %s of %s", m[1], file)
			}
		}
	}
}

// sources are the package's Go files without its tests.
func sources(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[file] = string(data)
	}
	return all
}

func TestKeysOfAModuleHaveADescription(t *testing.T) {
	t.Parallel()
	for _, m := range All() {
		described(t, m.Name, reflect.TypeOf(m.Keys))
	}
}

func described(t *testing.T, module string, keys reflect.Type) {
	t.Helper()
	for keys.Kind() == reflect.Slice || keys.Kind() == reflect.Pointer {
		keys = keys.Elem()
	}
	if keys.Kind() != reflect.Struct || keys.PkgPath() != reflect.TypeFor[Module]().PkgPath() {
		return
	}
	for i := range keys.NumField() {
		field := keys.Field(i)
		if !field.IsExported() && !field.Anonymous {
			continue // what Check keeps for Run
		}
		if !field.Anonymous && (field.Tag.Get("key") == "" || field.Tag.Get("doc") == "") {
			t.Errorf("%s: %s.%s has no key or no doc", module, keys.Name(), field.Name)
		}
		described(t, module, field.Type)
	}
}

func TestKeysAreThoseOfHereAndElsewhere(t *testing.T) {
	t.Parallel()
	keys := Keys()
	for _, key := range []string{"runcmd", "write_files", "fqdn", "packages", "ntp", "output", "apt", "ca-certs", "ubuntu_advantage"} {
		if !slices.Contains(keys, key) {
			t.Errorf("%s is missing", key)
		}
	}
	if !slices.IsSorted(keys) || len(slices.Compact(slices.Clone(keys))) != len(keys) {
		t.Error("they are not sorted, or not each once")
	}
}

func TestAModuleIsFoundHoweverItIsSpelled(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"scripts-user", "scripts_user", "cc_scripts_user", "cc_scripts-user.py", " scripts-user "} {
		if m, ok := Find(name); !ok || m.Name != "scripts_user" {
			t.Errorf("%q: %v %v", name, m.Name, ok)
		}
	}
}
