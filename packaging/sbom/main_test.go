package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
)

// texts are words of each licence that no other of the list has.
var texts = map[string]string{
	"Apache-2.0":   "Apache License",
	"MIT":          "Permission is hereby granted, free of charge",
	"BSD-2-Clause": "Redistributions in binary form must reproduce",
	"BSD-3-Clause": "(Neither the name|The names? of).{1,100}(be used|may be used) to endorse",
}

// TestTheListOfLicencesIsThatOfTheProgram: every module that is linked, none that is not,
// and each with the licence that it has.
func TestTheListOfLicencesIsThatOfTheProgram(t *testing.T) {
	t.Parallel()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Dir}}{{end}}{{end}}", "./cmd/cloudseed")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	known := licences()
	seen := map[string]bool{"std": true}
	for line := range strings.Lines(string(out)) {
		module, dir, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || seen[module] {
			continue
		}
		seen[module] = true
		if known[module] == "" {
			t.Errorf("%s is linked, and its licence is not in licences.txt", module)
			continue
		}
		text := licenceText(t, dir)
		for _, name := range strings.Split(known[module], " AND ") {
			if texts[name] == "" || !regexp.MustCompile(texts[name]).MatchString(text) {
				t.Errorf("%s has no licence %s: %.200s", module, name, text)
			}
		}
		if known[module] == "BSD-2-Clause" && regexp.MustCompile(texts["BSD-3-Clause"]).MatchString(text) {
			t.Errorf("%s has BSD-3-Clause", module)
		}
	}
	for module := range known {
		if !seen[module] {
			t.Errorf("%s is in licences.txt and is not linked", module)
		}
	}
}

func licenceText(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(dir + "/LICENSE*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no licence: %v", dir, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

func TestTheDocumentHasTheModules(t *testing.T) {
	t.Parallel()
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Deps: []*debug.Module{{Path: "github.com/spf13/cobra", Version: "v1.10.2", Sum: "h1:x="}}}
	got, err := components(info)
	if err != nil || len(got) != 2 {
		t.Fatalf("%v: %v", got, err)
	}
	if c := got[1]; c.PURL != "pkg:golang/github.com/spf13/cobra@v1.10.2" || c.Licences[0].Expression != "Apache-2.0" || c.Properties[0].Value != "h1:x=" {
		t.Errorf("%+v", c)
	}
	info.Deps[0].Path = "example.com/unknown"
	if _, err := components(info); err == nil || !strings.Contains(err.Error(), "example.com/unknown") {
		t.Errorf("a module without a licence: %v", err)
	}

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := write(&b, self, "1.0"); err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(b.Bytes(), &d); err != nil || d.Metadata.Component.Version != "1.0" || d.Components[0].Name != "std" {
		t.Errorf("%v: %s", err, b.String())
	}
}
