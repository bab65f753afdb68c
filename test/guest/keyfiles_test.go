package guest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"cloudseed/network"
	"cloudseed/network/convert"
	"cloudseed/network/networktest"
	"cloudseed/network/render"
	"cloudseed/test/differential/random"
)

// keyfiles are the contents of keyfiles by case and file name.
type keyfiles map[string]map[string]string

// put adds a file to a case, whose name becomes that of a folder.
func (k keyfiles) put(test, file, content string) {
	test = strings.ReplaceAll(test, "/", "-")
	if k[test] == nil {
		k[test] = map[string]string{}
	}
	k[test][file] = content
}

// distinct leaves each content in one case alone: NetworkManager is asked once.
func (k keyfiles) distinct() {
	seen := map[string]bool{}
	for _, test := range slices.Sorted(maps.Keys(k)) {
		maps.DeleteFunc(k[test], func(_, content string) bool {
			known := seen[content]
			seen[content] = true
			return known
		})
		if len(k[test]) == 0 {
			delete(k, test)
		}
	}
}

// goldens adds what the golden files of the renderer say is written.
func (k keyfiles) goldens(t *testing.T) {
	t.Helper()
	for file, archive := range archives(t, "../../network/render/networkmanager/testdata/*.txtar") {
		for _, f := range archive.Files {
			if strings.HasPrefix(f.Name, "want/") && strings.HasSuffix(f.Name, ".nmconnection") {
				k.put(file, filepath.Base(f.Name), string(f.Data))
			}
		}
	}
}

// corpus adds what is written for the inputs that are compared with cloud-init.
func (k keyfiles) corpus(t *testing.T) {
	t.Helper()
	var nics []network.NIC
	for name, mac := range random.Interfaces() {
		nics = append(nics, network.NIC{Name: name, MAC: mac, Virtual: name == "lo"})
	}
	slices.SortFunc(nics, func(a, b network.NIC) int { return strings.Compare(a.Name, b.Name) })
	kinds := map[string]string{".yaml": convert.YAML, ".eni": convert.ENI, ".json": convert.OpenStack}
	for file, archive := range archives(t, "../differential/testdata/network/*.txtar") {
		for _, f := range archive.Files {
			k.render(t, file+"/"+f.Name, convert.Input{Name: f.Name, Kind: kinds[filepath.Ext(f.Name)], Text: f.Data, NICs: nics})
		}
	}
}

// random adds what is written for configurations of chance, the same in each run.
func (k keyfiles) random(t *testing.T, count int) {
	t.Helper()
	languages := map[string]func(*rand.Rand, networktest.Options) (string, []networktest.NIC){
		convert.YAML + "-1": networktest.V1, convert.YAML + "-2": networktest.V2,
		convert.ENI: networktest.ENI, convert.OpenStack: networktest.OpenStack,
	}
	for _, language := range slices.Sorted(maps.Keys(languages)) {
		for i := range count {
			text, list := languages[language](rand.New(rand.NewPCG(1, uint64(i))), networktest.Options{})
			var nics []network.NIC
			for _, nic := range list {
				nics = append(nics, network.NIC{Name: nic.Name, MAC: nic.MAC})
			}
			kind, _, _ := strings.Cut(language, "-")
			k.render(t, fmt.Sprintf("random-%s-%d", language, i), convert.Input{Name: "random", Kind: kind, Text: []byte(text), NICs: nics})
		}
	}
}

// render adds the keyfiles of an input; of one that is none, nothing.
func (k keyfiles) render(t *testing.T, test string, in convert.Input) {
	t.Helper()
	files, _, err := convert.Files(in, render.NetworkManager)
	if err != nil {
		t.Logf("%s: %v", test, err)
		return
	}
	for _, f := range files {
		if strings.HasSuffix(f.Path, ".nmconnection") {
			k.put(test, filepath.Base(f.Path), string(f.Content))
		}
	}
}

// archives are the txtar files of a pattern by their names without the ending.
func archives(t *testing.T, pattern string) map[string]*txtar.Archive {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("there is no %s: %v", pattern, err)
	}
	all := map[string]*txtar.Archive{}
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(name), ".txtar")] = archive
	}
	return all
}
