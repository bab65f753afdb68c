// Package docs holds the documentation; its tests hold the code to it.
package docs

import (
	"os/exec"
	"path"
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
	{"modules/cloudconfig", []string{"cloudseed/modules", "cloudseed/boot", "cloudseed/datasource/", "cloudseed/userdata", "os", "os/exec"}, "what modules read in the same way knows none of them"},
	{"modules/commands", []string{"cloudseed/modules", "cloudseed/boot", "cloudseed/datasource/", "cloudseed/userdata", "os", "os/exec"}, "what modules run in the same way knows none of them"},
	{"guest/", []string{"cloudseed/config", "cloudseed/modules/", "cloudseed/boot", "cloudseed/datasource/", "cloudseed/inputs", "cloudseed/schema", "cloudseed/state", "cloudseed/userdata", "os", "os/exec"}, "a trade changes a guest through the host, and knows no cloud-config"},
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

// networkRooms are the rooms of the network with all that they may import of this program.
// The name of a room that ends in a slash stands for those below it; the longest counts.
var networkRooms = map[string]struct {
	imports string
	why     string
}{
	"network":                {"config secret", "the model knows no reader and no renderer"},
	"network/read":           {"config network network/read/eni network/read/openstack network/read/v1 network/read/v2", "it only finds the reader of a language"},
	"network/read/values":    {"config network", "what languages have in common knows none of them"},
	"network/read/":          {"config network network/read/values secret", "a reader knows the model and configuration, and no other reader"},
	"network/read/initramfs": {"config network network/read/values python", "a reader knows the model and configuration, and the command line's is zipped as Python reads it"},
	"network/render":         {"config network network/render/networkd network/render/networkmanager network/render/sysconfig", "it only chooses a renderer"},
	"network/render/":        {"config network secret", "a renderer knows the model alone"},
	"network/render/netplan": {"config config/yaml network secret", "a renderer knows the model alone, and this one writes YAML"},
	"network/activate":       {"network network/render", "what is brought up was written by a renderer"},
	"network/convert":        {"config config/yaml network network/read network/read/eni network/render", "it is a reader and a renderer, one after the other"},
	"network/networktest":    {"config config/yaml", "what it makes is for all readers"},
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

func TestTheNetworksRoomsKnowWhatTheyMay(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, line := range list(t, `{{.ImportPath}} {{join .Imports " "}}`, "./network/...") {
		fields := strings.Fields(line)
		room := strings.TrimPrefix(fields[0], "cloudseed/")
		name := room
		if _, ok := networkRooms[name]; !ok {
			name = path.Dir(room) + "/"
		}
		rule, ok := networkRooms[name]
		if !ok {
			t.Errorf("%s is a room without a rule", room)
		}
		seen[name] = true
		for _, i := range fields[1:] {
			if ours, ok := strings.CutPrefix(i, "cloudseed/"); ok && !slices.Contains(strings.Fields(rule.imports), ours) {
				t.Errorf("%s imports %s: %s", room, ours, rule.why)
			}
		}
	}
	for name := range networkRooms {
		if !seen[name] {
			t.Errorf("there is no room %s", name)
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
