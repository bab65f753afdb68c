package differential

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// userCorpus are the inputs of our own: those of testdata/userdata, the documents by
// which package config is tested against PyYAML, and every rule for merging.
func userCorpus(t testing.TB) []userInput {
	t.Helper()
	return slices.Concat(writtenInputs(t), yamlInputs(t), mergeInputs())
}

// writtenInputs reads testdata/userdata. Each file is a subject. A part is user data,
// and its name says what it shows; what else the case needs is in parts of the same name
// and a plus sign: vendor, vendor2, system, index, or the absolute path of a file.
func writtenInputs(t testing.TB) []userInput {
	t.Helper()
	files, err := filepath.Glob("testdata/userdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no inputs in testdata/userdata: %v", err)
	}
	var all []userInput
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		subject := strings.TrimSuffix(filepath.Base(file), ".txtar")
		cases := map[string]*userInput{}
		for _, part := range archive.Files {
			name, what, more := strings.Cut(part.Name, "+")
			if !more {
				name, content := inBytes(t, part)
				if cases[name] != nil {
					t.Fatalf("%s: there are two inputs %s", file, name)
				}
				cases[name] = &userInput{name: subject + "/" + name, user: content, files: map[string][]byte{}}
				continue
			}
			if cases[name] == nil {
				t.Fatalf("%s: %s comes without user data before it", file, part.Name)
			}
			cases[name].add(t, what, part)
		}
		for _, name := range slices.Sorted(maps.Keys(cases)) {
			all = append(all, *cases[name])
		}
	}
	return all
}

func (in *userInput) add(t testing.TB, what string, part txtar.File) {
	t.Helper()
	text := strings.TrimSpace(string(part.Data))
	switch what {
	case "vendor":
		in.vendor = text
	case "vendor2":
		in.vendor2 = text
	case "system":
		in.system = string(part.Data)
	case "index":
		index, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", part.Name, err)
		}
		in.index = &index
	default:
		path, content := inBytes(t, txtar.File{Name: what, Data: part.Data})
		in.files[path] = content
	}
}

// inBytes gives a part its bytes, by the endings of its name from the left to the right:
// what a text file cannot show is quoted as in Go, compressed, without its last line
// end, with those of Windows, or nothing at all.
func inBytes(t testing.TB, part txtar.File) (name string, content []byte) {
	t.Helper()
	endings := map[string]func([]byte) ([]byte, error){
		"quoted": func(text []byte) ([]byte, error) {
			unquoted, err := strconv.Unquote(string(bytes.TrimSpace(text)))
			return []byte(unquoted), err
		},
		"gz":    func(text []byte) ([]byte, error) { return zipped(text), nil },
		"cut":   func(text []byte) ([]byte, error) { return bytes.TrimSuffix(text, []byte("\n")), nil },
		"crlf":  func(text []byte) ([]byte, error) { return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")), nil },
		"empty": func([]byte) ([]byte, error) { return []byte{}, nil },
	}
	pieces := strings.Split(part.Name, ".")
	content = part.Data
	for len(pieces) > 1 && endings[pieces[len(pieces)-1]] != nil {
		pieces = pieces[:len(pieces)-1]
	}
	name = strings.Join(pieces, ".")
	for ending := range strings.SplitSeq(strings.TrimPrefix(part.Name, name), ".") {
		if ending == "" {
			continue
		}
		var err error
		if content, err = endings[ending](content); err != nil {
			t.Fatalf("%s: %v", part.Name, err)
		}
	}
	return name, content
}

func zipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data) // into memory
	_ = w.Close()
	return b.Bytes()
}

// yamlInputs are the documents by which package config is tested against PyYAML.
func yamlInputs(t testing.TB) []userInput {
	t.Helper()
	data, err := os.ReadFile("../../config/yaml/testdata/pyyaml.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct{ YAML string }
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	var all []userInput
	for i, row := range rows {
		all = append(all, userInput{name: fmt.Sprintf("pyyaml/row-%d", i+1), user: []byte("#cloud-config\n" + row.YAML)})
	}
	return all
}

// mergeInputs are two parts and every rule by which the second can be merged into the
// first, with every option that it has and those of the other rules that matter for it.
func mergeInputs() []userInput {
	const (
		first = "{m: {m: {x: 1, z: [1]}, l: [a, [b], {c: 1}, d], t: t, n: 1}, l: [t, [1, 2], {x: 1, y: [1]}, 5, last]," +
			" t: one, n: 1, b: true, nothing: null, k: 1, o: {x: 1}, p: [1]}"
		second = "m: {m: {x: 2, y: 2, z: [2]}, l: [A, [B, B], {c: 2, e: 2}], t: T, n: 2, more: 2}, l: [T, [3], {x: 2, z: 2, y: [2]}, [6]]," +
			" t: two, n: 2, b: false, nothing: 2, k: null, o: null, p: null, more: [2]}"
	)
	var all []userInput
	add := func(rules string) {
		document := fmt.Sprintf("#cloud-config-archive\n- %q\n- %q\n", first, fmt.Sprintf("{merge_how: %q, %s", rules, second))
		all = append(all, userInput{name: "every-rule/" + rules, user: []byte(document)})
	}
	for _, dict := range []string{"", "replace", "no_replace", "replace,no_replace"} {
		for _, more := range []string{"", "allow_delete", "recurse_str", "recurse_array", "recurse_list", "recurse_str,recurse_array,allow_delete"} {
			add(fmt.Sprintf("dict(%s)+list()+str()", strings.Trim(dict+","+more, ",")))
		}
	}
	for _, list := range []string{"", "append", "prepend", "replace", "no_replace", "append,prepend", "no_replace,replace"} {
		for _, more := range []string{"", "recurse_str", "recurse_dict", "recurse_array", "recurse_str,recurse_dict,recurse_list"} {
			add(fmt.Sprintf("dict(recurse_array,recurse_str)+list(%s)+str(append)", strings.Trim(list+","+more, ",")))
		}
	}
	for _, rules := range []string{"dict()", "dict(replace)", "dict(recurse_array)+list(append)", "dict(recurse_str)+str(append)", "list(append)+str(append)", "str(append)"} {
		add(rules)
	}
	return all
}

// TestUserDataGivesTheFilesOfCloudInit compares what becomes of all inputs of our own:
// parts, files and the merged configuration. What differs must be listed in
// userDifferences, and be exactly what its golden file says; what is listed must differ.
func TestUserDataGivesTheFilesOfCloudInit(t *testing.T) {
	var cases []listedCase
	for _, in := range userCorpus(t) {
		cases = append(cases, listedCase{name: in.name, text: string(in.user), both: func() (outcome, outcome) { return bothUserData(t, in) }})
	}
	compareListed(t, "userdata", cases, 300, userDifferences)
}
