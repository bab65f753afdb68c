package conffile

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"

	"github.com/google/go-cmp/cmp"
)

var (
	alone    = Program{Argv: func(candidate string) []string { return []string{"checkd", "-p", "-f", candidate} }, Unable: []string{"invalid option"}}
	included = Program{Argv: alone.Argv, Main: "/etc/checkd.conf"}
)

// checkd makes a machine's program refuse configurations with the line "bad", and keeps what
// it read: a file or, of one that includes a directory, all of it.
func checkd(m *hosttest.Machine) (read *[]string) {
	read = &[]string{}
	m.Reply("checkd", func(c host.Command) host.Result {
		files := []string{c.Argv[len(c.Argv)-1]}
		all := ""
		for len(files) > 0 {
			data, err := os.ReadFile(filepath.Join(m.Dir, files[0]))
			if err != nil {
				return host.Result{Exit: 1, Stderr: err.Error()}
			}
			for line := range strings.Lines(string(data)) {
				if pattern, ok := strings.CutPrefix(line, "include "); ok {
					more, err := m.Glob(strings.TrimSpace(pattern))
					if err != nil {
						return host.Result{Exit: 1, Stderr: err.Error()}
					}
					files = append(files, more...)
					continue
				}
				if all += line; line == "bad\n" {
					return host.Result{Exit: 1, Stderr: "bad line in " + files[0] + "\n"}
				}
			}
			files = files[1:]
		}
		*read = append(*read, all)
		return host.Result{}
	})
	return read
}

// leftovers are the candidates that are still on the machine.
func leftovers(t *testing.T, m *hosttest.Machine) (found []string) {
	t.Helper()
	err := filepath.WalkDir(m.Dir, func(p string, _ os.DirEntry, err error) error {
		if strings.Contains(p, "cloudseed~") {
			found = append(found, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestWrite(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		there    string
		data     string
		prepare  func(*hosttest.Machine)
		want     string
		changed  []string
		checked  int // how often the program ran
		mistaken string
	}{
		"a new file that its program can use":       {data: "good\n", want: "good\n", changed: []string{"/etc/c.conf"}, checked: 1},
		"one that it refuses leaves the old one":    {there: "old\n", data: "bad\n", want: "old\n", checked: 1, mistaken: "checkd refuses it: bad line in /etc/c.conf"},
		"the same content needs no process":         {there: "good\n", data: "good\n", want: "good\n"},
		"even if it would be refused":               {there: "bad\n", data: "bad\n", want: "bad\n"},
		"a program that is missing refuses nothing": {data: "bad\n", want: "bad\n", changed: []string{"/etc/c.conf"}, prepare: func(m *hosttest.Machine) { m.Lacks("checkd") }},
		"nor does one that has no check": {
			data: "bad\n", want: "bad\n", changed: []string{"/etc/c.conf"}, checked: 1,
			prepare: func(m *hosttest.Machine) {
				m.Answer("checkd", host.Result{Exit: 1, Stderr: "checkd: invalid option -- 'p'\nUsage: checkd\n"}, nil)
			},
		},
		"a program that says nothing": {
			there: "old\n", data: "good\n", want: "old\n", checked: 1, mistaken: "checkd refuses it: checkd failed with exit code 3",
			prepare: func(m *hosttest.Machine) { m.Answer("checkd", host.Result{Exit: 3}, nil) },
		},
		"a program that cannot be run is no refusal": {
			there: "old\n", data: "good\n", want: "old\n", checked: 1, mistaken: "no memory",
			prepare: func(m *hosttest.Machine) { m.Answer("checkd", host.Result{Exit: -1}, errors.New("no memory")) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			checkd(m)
			if row.there != "" {
				m.Put(t, "/etc/c.conf", row.there)
			}
			if row.prepare != nil {
				row.prepare(m)
			}
			changed, err := Write(t.Context(), m.Host, alone, File{Path: "/etc/c.conf", Data: []byte(row.data)})
			if got := text(err); got != row.mistaken {
				t.Errorf("the error is %q, want %q", got, row.mistaken)
			}
			if diff := cmp.Diff(row.changed, changed); diff != "" {
				t.Error(diff)
			}
			if got := m.Text(t, "/etc/c.conf"); got != row.want {
				t.Errorf("the file has %q, want %q", got, row.want)
			}
			if got := len(m.Calls()); got != row.checked {
				t.Errorf("the program ran %d times, want %d", got, row.checked)
			}
			if found := leftovers(t, m); len(found) > 0 {
				t.Errorf("left: %q", found)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestTheLogShowsTheFileAndNotItsCandidates(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	checkd(m)
	if _, err := Write(t.Context(), m.Host, alone, File{Path: "/etc/c.conf", Data: []byte("password x\n"), Secret: true}); err != nil {
		t.Fatal(err)
	}
	effects := m.Effects()
	if len(effects) != 1 || effects[0].Path != "/etc/c.conf" || effects[0].Diff != "" {
		t.Errorf("effects: %+v", effects)
	}
}

func TestFilesAreCheckedAsThoseThatTheMainFileIncludes(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		main  string
		there map[string]string
		files map[string]string
		read  []string // what the program got and accepted
		err   string
	}{
		"new files are read with those that are there": {
			main: "main\ninclude /etc/checkd.d/*.conf\n", there: map[string]string{"a.conf": "a\n", "c.conf": "old\n", ".h.conf": "hidden\n", "x.rpmsave": "bad\n"},
			files: map[string]string{"b.conf": "b\n", "c.conf": "c\n"}, read: []string{"main\na\nb\nc\n"},
		},
		"one that is refused is named": {
			main: "main\ninclude /etc/checkd.d/*.conf\n", files: map[string]string{"b.conf": "bad\n"},
			read: []string{"main\n"}, err: "checkd refuses it: bad line in /etc/checkd.d/b.conf",
		},
		"what was refused before is told apart": {
			main: "bad\ninclude /etc/checkd.d/*.conf\n", files: map[string]string{"b.conf": "b\n"},
			err: "checkd refuses it: bad line in /etc/checkd.conf (before)",
		},
		"a directory that is not included is not checked": {
			main: "main\ninclude /etc/other.d/*.conf\n", files: map[string]string{"b.conf": "bad\n"}, err: ErrNotIncluded.Error(),
		},
		"other files of the directory that the main file names are the real ones": {
			main: "include /etc/checkd.d/*.conf\nkey /etc/checkd.d/key\n", files: map[string]string{"b.conf": "b\n"}, read: []string{"key /etc/checkd.d/key\nb\n"},
		},
		"without a main file nothing is included": {files: map[string]string{"b.conf": "bad\n"}, err: ErrNotIncluded.Error()},
		"nothing needs no check":                  {main: "bad\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			read := checkd(m)
			if row.main != "" {
				m.Put(t, "/etc/checkd.conf", row.main)
			}
			for name, data := range row.there {
				m.Put(t, "/etc/checkd.d/"+name, data)
			}
			var files []File
			for name, data := range row.files {
				files = append(files, File{Path: "/etc/checkd.d/" + name, Data: []byte(data)})
			}
			err := Check(t.Context(), m.Host, included, files...)
			got := text(err)
			var refused *RefusedError
			if errors.As(err, &refused) && refused.Before {
				got += " (before)"
			}
			if got != row.err {
				t.Errorf("the error is %q, want %q", got, row.err)
			}
			if diff := cmp.Diff(row.read, *read, cmp.Transformer("none", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
				t.Error(diff)
			}
			if found := leftovers(t, m); len(found) > 0 || len(m.Effects()) > 0 {
				t.Errorf("left: %q, effects %+v", found, m.Effects())
			}
		})
	}
}

func TestAFileThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	checkd(m)
	if err := os.MkdirAll(filepath.Join(m.Dir, "/etc/c.conf"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(context.Background(), m.Host, alone, File{Path: "/etc/c.conf"}); err == nil {
		t.Error("there is no error")
	}
}
