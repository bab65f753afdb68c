// Package templatetest holds the templates of our own by which package template is
// tested, for its own tests and for those that ask the real cloud-init.
//
// In come the files beside it, out come templates, variables and what is expected. It
// never knows how a template is filled in.
package templatetest

import (
	"bytes"
	"embed"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

//go:embed *.txtar
var files embed.FS

//go:embed instance-data.json
var instanceData []byte

// Case is a template, and what becomes of it.
type Case struct {
	Subject string // the file that it is in
	Name    string // a sentence that says what it shows
	Text    string // without the first line that makes it a template
	Gives   string
	Refused string // the error's message with its place; "": it is filled in
}

const (
	gives   = ": gives"
	refused = ": is refused"
	cut     = " (cut)" // the text has no line end at its end
)

// Cases reads the templates. Each file is a subject; a part is a template, and what is
// expected comes after it.
func Cases(t testing.TB) []Case {
	t.Helper()
	names, err := fs.Glob(files, "*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var all []Case
	seen := map[string]bool{}
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range txtar.Parse(data).Files {
			text := string(part.Data)
			partName, isCut := strings.CutSuffix(part.Name, cut)
			if isCut {
				text = strings.TrimSuffix(text, "\n")
			}
			if of, ok := strings.CutSuffix(partName, gives); ok && len(all) > 0 && all[len(all)-1].Name == of {
				all[len(all)-1].Gives = text
				continue
			}
			if of, ok := strings.CutSuffix(partName, refused); ok && len(all) > 0 && all[len(all)-1].Name == of {
				all[len(all)-1].Refused = strings.TrimSuffix(text, "\n")
				continue
			}
			if strings.HasSuffix(partName, gives) || strings.HasSuffix(partName, refused) || seen[partName] {
				t.Fatalf("%s: %q stands where it cannot", name, part.Name)
			}
			seen[partName] = true
			all = append(all, Case{Subject: strings.TrimSuffix(name, ".txtar"), Name: partName, Text: text})
		}
	}
	return all
}

// Archive is the files' form of the cases of one subject.
func Archive(cases []Case) []byte {
	var a txtar.Archive
	add := func(name, text string) {
		if !strings.HasSuffix(text, "\n") {
			name += cut
		}
		a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)})
	}
	for _, c := range cases {
		add(c.Name, c.Text)
		if c.Refused != "" {
			add(c.Name+refused, c.Refused+"\n")
		} else {
			add(c.Name+gives, c.Gives)
		}
	}
	return txtar.Format(&a)
}

// InstanceData are the variables of all cases before package template has prepared them.
func InstanceData(t testing.TB) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(instanceData))
	decoder.UseNumber() // as instance data is read at boot: numbers keep all their digits
	var data map[string]any
	if err := decoder.Decode(&data); err != nil {
		t.Fatal(err)
	}
	return data
}
