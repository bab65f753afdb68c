package modules

import (
	"reflect"
	"slices"
	"testing"
)

func TestEveryModuleIsDescribedAndRunsByDefaultInItsPlace(t *testing.T) {
	t.Parallel()
	var names, listed []string
	for _, m := range All() {
		names = append(names, m.Name)
		if m.Name != CanonicalName(m.Name) || m.Frequency == "" || m.Doc == "" || m.Run == nil || reflect.TypeOf(m.Keys) == nil {
			t.Errorf("something is missing in %s: %+v", m.Name, m)
		}
		known := keysOf(reflect.TypeOf(m.Keys))
		for _, key := range m.ActiveIf {
			if !slices.Contains(known, key) {
				t.Errorf("%s waits for %s, which is not its key", m.Name, key)
			}
		}
		if _, absent := Absent[m.Name]; absent {
			t.Errorf("%s is here and absent", m.Name)
		}
	}
	for _, key := range []string{"cloud_init_modules", "cloud_config_modules", "cloud_final_modules"} {
		listed = append(listed, DefaultStages[key]...)
	}
	if !slices.Equal(names, listed) {
		t.Errorf("the modules are\n%v\nand the stages list\n%v", names, listed)
	}
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
		if !field.Anonymous && field.IsExported() && (field.Tag.Get("key") == "" || field.Tag.Get("doc") == "") {
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
