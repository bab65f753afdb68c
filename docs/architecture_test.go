// Package docs holds the documentation; its tests hold the code to it.
package docs

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// forbidden are imports that a room must not have, with the reason. A name ending in a
// slash stands for all below it.
var forbidden = []struct {
	room    string
	imports []string
	why     string
}{
	{"host", []string{"cloudseed/config", "cloudseed/datasource/", "cloudseed/modules", "cloudseed/boot", "cloudseed/state"}, "the door to the machine knows nothing of who comes through"},
	{"config", []string{"cloudseed/host", "cloudseed/state", "cloudseed/modules", "cloudseed/config/yaml", "os", "os/exec"}, "configuration knows no machine, and no language that it is written in"},
	{"config/yaml", []string{"cloudseed/host", "cloudseed/state", "cloudseed/modules", "cloudseed/secret", "os", "os/exec"}, "PyYAML's YAML is all that it knows"},
	{"fetch", []string{"cloudseed/boot", "cloudseed/config", "cloudseed/datasource/", "cloudseed/host", "cloudseed/modules", "cloudseed/network/", "cloudseed/state", "cloudseed/userdata"}, "what is fetched, and for whom, is not its business"},
	{"template", []string{"cloudseed/boot", "cloudseed/fetch", "cloudseed/host", "cloudseed/modules", "cloudseed/state", "cloudseed/userdata", "os", "os/exec", "net/http"}, "a template reaches nothing but its variables"},
	{"userdata", []string{"cloudseed/fetch", "cloudseed/host", "cloudseed/modules", "cloudseed/boot", "cloudseed/datasource/"}, "parts are taken apart wherever they came from"},
	{"schema", []string{"cloudseed/host", "cloudseed/state", "cloudseed/boot", "cloudseed/datasource/", "cloudseed/userdata", "os"}, "a document is checked without a machine or a seed"},
	{"modules", []string{"cloudseed/fetch", "os", "os/exec", "cloudseed/datasource/", "cloudseed/boot", "cloudseed/network/", "cloudseed/userdata"}, "modules work through the host alone, and know no seed or stage"},
	{"guest/", []string{"cloudseed/config", "cloudseed/modules", "cloudseed/boot", "cloudseed/datasource/", "cloudseed/state", "os", "os/exec"}, "a trade changes a guest through the host, and knows no cloud-config"},
	{"datasource/", []string{"cloudseed/state", "cloudseed/fetch", "cloudseed/modules", "cloudseed/boot", "cloudseed/userdata", "cloudseed/network/"}, "a seed is found, not used"},
	{"datasource/media", []string{"cloudseed/config", "cloudseed/host", "cloudseed/state"}, "media know nothing of what is on them"},
	{"network/", []string{"cloudseed/datasource/", "cloudseed/modules", "cloudseed/boot", "cloudseed/host", "os/exec"}, "the network's model and files are pure"},
	{"inputs", []string{"cloudseed/modules", "cloudseed/boot", "cloudseed/netconf", "cloudseed/network/", "os", "os/exec"}, "what is said is read for whoever acts on it"},
	{"netconf", []string{"cloudseed/modules", "cloudseed/boot", "cloudseed/userdata", "cloudseed/datasource/nocloud", "cloudseed/datasource/configdrive", "cloudseed/fetch", "os", "os/exec"}, "what the network becomes needs no module, no stage and no seed's layout"},
	{"state", []string{"cloudseed/modules", "cloudseed/boot", "cloudseed/datasource/", "cloudseed/config"}, "state does not know whose it is"},
	{"sandbox", []string{"cloudseed/boot", "cloudseed/modules", "cloudseed/datasource/", "cloudseed/host"}, "the copy of the machine does not know what runs in it"},
	{"udev", []string{"cloudseed/host", "cloudseed/network/", "cloudseed/datasource/", "cloudseed/boot", "os/exec"}, "what is waited for is a device, whoever wants it"},
	{"python", []string{"cloudseed/config", "cloudseed/state", "cloudseed/host", "cloudseed/secret", "cloudseed/template", "os", "os/exec"}, "how Python writes values is all it knows"},
	{"secret", []string{"cloudseed/config", "cloudseed/host"}, "a secret is a value and nothing else"},
}

// alone are packages that one room of ours alone may import.
var alone = map[string]string{
	"gopkg.in/yaml.v3":                         "config/yaml",
	"github.com/spf13/cobra":                   "cmd/cloudseed",
	"github.com/coreos/go-systemd/v22/dbus":    "host",
	"github.com/coreos/go-systemd/v22/journal": "bootlog",
	"net/http": "fetch", // the rest is lent a function, and needs no network in its tests
}

// umbrella links every file system and compressor there is.
const umbrella = "github.com/diskfs/go-diskfs"

func list(t *testing.T, format string, args ...string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-f", format}, args...)...)
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func TestRoomsImportNothingFromAbove(t *testing.T) {
	t.Parallel()
	for _, line := range list(t, `{{.ImportPath}} {{join .Imports " "}}`, "./...") {
		fields := strings.Fields(line)
		room, imports := strings.TrimPrefix(fields[0], "cloudseed/"), fields[1:]
		for _, rule := range forbidden {
			if room != rule.room && !(strings.HasSuffix(rule.room, "/") && (strings.HasPrefix(room, rule.room) || room+"/" == rule.room)) {
				continue
			}
			if rule.room == "guest/" && strings.HasSuffix(room, "test") {
				continue // what tests of several packages share: it is linked into no program
			}
			for _, bad := range rule.imports {
				if slices.ContainsFunc(imports, func(i string) bool { return reaches(i, bad) && !reaches("cloudseed/"+room, bad) }) {
					t.Errorf("%s imports %s: %s", room, bad, rule.why)
				}
			}
		}
		for library, owner := range alone {
			if slices.Contains(imports, library) && room != owner {
				t.Errorf("%s imports %s, which only %s may", room, library, owner)
			}
		}
	}
}

// reaches tells whether an import is a package, or below it when that ends in a slash.
func reaches(path, rule string) bool {
	return path == strings.TrimSuffix(rule, "/") || strings.HasSuffix(rule, "/") && strings.HasPrefix(path, rule)
}

func TestTheProgramLinksNoUmbrella(t *testing.T) {
	t.Parallel()
	deps := list(t, "{{.ImportPath}}", "-deps", "./cmd/cloudseed")
	if slices.Contains(deps, umbrella) {
		t.Errorf("%s is linked", umbrella)
	}
	if slices.Contains(deps, "testing") {
		t.Error("testing is linked: no program needs it")
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, line := range list(t, "{{.ImportPath}}: {{.Doc}}", "./...") {
		if name, doc, _ := strings.Cut(line, ": "); doc == "" && !strings.HasSuffix(name, "/docs") {
			t.Errorf("%s has no package comment", name)
		}
	}
}
