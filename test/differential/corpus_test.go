package differential

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	linediff "github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/txtar"

	"cloudseed/network/convert"
	"cloudseed/test/differential/random"
)

// corpus reads the inputs of our own. Each file of testdata/network is a subject, and
// each of its parts an input whose name says what it shows.
func corpus(t testing.TB) []input {
	t.Helper()
	files, err := filepath.Glob("testdata/network/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no inputs in testdata/network: %v", err)
	}
	var all []input
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		subject := strings.TrimSuffix(filepath.Base(file), ".txtar")
		for _, part := range archive.Files {
			all = append(all, input{name: subject + "/" + part.Name, text: string(part.Data), interfaces: random.Interfaces()})
		}
	}
	return all
}

// TestTheCorpusGivesTheFilesOfCloudInit compares the outcomes of all inputs of our own.
// What differs must be listed in differences, and be exactly what its golden file says;
// what is listed must differ.
func TestTheCorpusGivesTheFilesOfCloudInit(t *testing.T) {
	const fewest = 200
	inputs := corpus(t)
	if len(inputs) < fewest {
		t.Errorf("there are %d inputs, fewer than %d", len(inputs), fewest)
	}
	listed := map[string]difference{}
	for _, d := range differences {
		for _, output := range strings.Fields(d.outputs) {
			listed[d.input+" "+output] = d
		}
	}
	seen, equal := map[string]bool{}, 0
	for _, in := range inputs {
		if seen[in.name] {
			t.Errorf("%s: there are two inputs of this name", in.name)
		}
		seen[in.name] = true
		theirs, ours := both(t, in)
		for _, output := range convert.Outputs() {
			_, known := listed[in.name+" "+output]
			delete(listed, in.name+" "+output)
			their, our := theirs[output], ours[output]
			switch {
			case known && their.equal(our):
				t.Errorf("%s, %s: it is listed as a difference, and there is none any more", in.name, output)
			case known:
				golden(t, in.name, output, their, our)
			case their.equal(our):
				equal++
			default:
				t.Errorf("%s, %s: not the same (-cloud-init +cloudseed):\n%s", in.name, output, diff(their, our))
			}
		}
	}
	for name := range listed {
		t.Errorf("%s: it is listed as a difference, and there is no such input or output", name)
	}
	t.Logf("%d inputs: the same %d times, differences listed %d times", len(inputs), equal, len(inputs)*len(convert.Outputs())-equal)
}

// golden compares a listed difference with its golden file.
func golden(t testing.TB, name, output string, their, our outcome) {
	t.Helper()
	got := diff(their, our)
	file := fmt.Sprintf("testdata/differences/%s.%s.diff", strings.ReplaceAll(name, "/", "-"), output)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
		return
	}
	if diff := gocmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s, %s: the difference is another than that which is listed (-want +got):\n%s", name, output, diff)
	}
}

// diff shows what is not the same in two outcomes, file by file.
func diff(their, our outcome) string {
	var b strings.Builder
	if their.err != our.err {
		fmt.Fprintf(&b, "cloud-init fails: %s\ncloudseed fails: %s\n", cmp.Or(their.err, "no"), cmp.Or(our.err, "no"))
	}
	paths := slices.Concat(slices.Collect(maps.Keys(their.files)), slices.Collect(maps.Keys(our.files)))
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		_, theirs := their.files[path]
		_, ours := our.files[path]
		if theirs != ours && their.files[path]+our.files[path] == "" {
			fmt.Fprintf(&b, "%s, which is empty, is one's alone: cloud-init's %t, cloudseed's %t\n", path, theirs, ours)
		}
		b.Write(linediff.Diff("cloud-init/"+path, []byte(their.files[path]), "cloudseed/"+path, []byte(our.files[path])))
	}
	return b.String()
}
