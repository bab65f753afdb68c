package differential

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// machines reads testdata/modules: a file for each module, and of others the subjects that
// need several. A part is the user data of a case, by its name. What else the case needs is in
// parts that begin with the same name:
//
//	NAME +/PATH       a file of the machine
//	NAME +answers     what programs say: lines "$ PREFIX", "exit N", and their output below
//	NAME +without     programs that the machine lacks
//	NAME +metadata    the instance's, beside its id
//
// Above the parts the file may say "modules: NAME…", which run instead of the one of the
// file's name, and "exact", so that comments are compared.
func machines(t testing.TB) map[string][]machine {
	t.Helper()
	files, err := filepath.Glob("testdata/modules/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no inputs in testdata/modules: %v", err)
	}
	all := map[string][]machine{}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		subject := strings.TrimSuffix(filepath.Base(file), ".txtar")
		run, exact := []string{subject}, false
		for line := range strings.Lines(string(archive.Comment)) {
			if names, ok := strings.CutPrefix(line, "modules:"); ok {
				run = strings.Fields(names)
			}
			exact = exact || strings.TrimSpace(line) == "exact"
		}
		var cases []machine
		for _, part := range archive.Files {
			name, what, more := strings.Cut(part.Name, " +")
			if !more {
				if slices.ContainsFunc(cases, func(m machine) bool { return m.name == subject+"/"+name }) {
					t.Fatalf("%s: there are two inputs of this name", part.Name)
				}
				cases = append(cases, machine{name: subject + "/" + name, modules: run, exact: exact, user: string(part.Data), files: map[string]string{}})
				continue
			}
			if len(cases) == 0 || cases[len(cases)-1].name != subject+"/"+name {
				t.Fatalf("%s: it does not follow the part %q", part.Name, name)
			}
			cases[len(cases)-1].add(t, what, string(part.Data))
		}
		all[subject] = cases
	}
	return all
}

func (m *machine) add(t testing.TB, what, text string) {
	t.Helper()
	switch {
	case strings.HasPrefix(what, "/"):
		m.files[what] = text
	case what == "without":
		m.without = strings.Fields(text)
	case what == "metadata":
		m.meta = text
	case what == "answers":
		for line := range strings.Lines(text) {
			last := len(m.answers) - 1
			if prefix, ok := strings.CutPrefix(line, "$ "); ok {
				m.answers = append(m.answers, answer{Prefix: strings.TrimSuffix(prefix, "\n")})
				continue
			}
			if last < 0 {
				t.Fatalf("%s: the first line of answers is no program", m.name)
			}
			if code, ok := strings.CutPrefix(line, "exit "); ok {
				n, err := strconv.Atoi(strings.TrimSpace(code))
				if err != nil {
					t.Fatal(err)
				}
				m.answers[last].Exit = n
				continue
			}
			m.answers[last].Stdout += line
		}
	default:
		t.Fatalf("%s: a part has no such name: %s", m.name, what)
	}
}

// bothBoot gives what cloud-init made of a machine and what cloudseed did, without what is
// meant to differ everywhere.
func bothBoot(t testing.TB, m machine) (their, our outcome) {
	t.Helper()
	theirs, ours := bootTheirs(t, m), bootOurs(t, m)
	their, our = asOutcome(theirs, true), asOutcome(ours, false)
	if !their.equal(our) {
		t.Logf("%s: cloud-init said:\n%s\ncloudseed said:\n%s", m.name, theirs.said, ours.said)
	}
	return their, our
}

// asOutcome is what is compared: the files, and the programs as one file more.
func asOutcome(b booted, theirs bool) outcome {
	for i := range ways {
		ways[i].apply(&b, theirs)
	}
	var lines strings.Builder
	for _, c := range b.calls {
		lines.WriteString(c.String())
	}
	b.files["programs"] = lines.String()
	return outcome{files: b.files}
}

// TestModulesDoWhatThoseOfCloudInitDo boots each machine of our own with both agents. What
// differs must be listed in moduleDifferences, and be exactly what its golden file says; what
// is listed must differ.
func TestModulesDoWhatThoseOfCloudInitDo(t *testing.T) {
	subjects := machines(t)
	ran := 0
	for subject, list := range subjects {
		t.Run(subject, func(t *testing.T) {
			ran++
			var cases []listedCase
			for _, m := range list {
				cases = append(cases, listedCase{name: m.name, file: strings.ReplaceAll(m.name, " ", "-"), text: m.user, both: func() (outcome, outcome) { return bothBoot(t, m) }})
			}
			var listed []difference
			for _, d := range moduleDifferences {
				if strings.HasPrefix(d.input, subject+"/") {
					listed = append(listed, d)
				}
			}
			compareListed(t, "module", cases, 1, listed)
		})
	}
	for _, w := range ways {
		if ran == len(subjects) && !w.used {
			t.Errorf("no machine shows that %s", w.reason)
		}
	}
	for _, d := range moduleDifferences {
		if subject, _, _ := strings.Cut(d.input, "/"); subjects[subject] == nil {
			t.Errorf("%s: it is listed as a difference, and there is no such input", d.input)
		}
	}
}
