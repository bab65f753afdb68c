package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// runs are the packages that may start processes.
var runs = map[string]string{
	"host":             "the door to the machine",
	"sandbox":          "the copy of the machine that try makes",
	"cmd/cloudseed":    "cloud-init-per becomes the command that it was given; try starts itself",
	"datasource/media": "starts the confined child that reads a medium, which is this program",
	"boot":             "starts the filter of the key output, which takes what the stage itself writes",
}

// looks are the packages that may look at the machine by package os: at /sys, /proc, /run and
// devices, which are read and never changed.
var looks = map[string]string{
	"datasource": "lists block devices",
	"network":    "lists network devices in /sys",
	"udev":       "listens to the kernel's events",
	"state":      "reads the id of this boot",
}

// writes are the packages that write files of whoever calls them, on no guest.
var writes = map[string]string{
	"datasource/media/image": "the image that seed build makes",
	"docs/man":               "the manual pages, when the package is built",
	"packaging/sbom":         "the list of what a program was built from, when it is released",
}

// changes are functions of os that change files.
var changes = map[string]bool{
	"Chmod": true, "Chown": true, "Chtimes": true, "Create": true, "CreateTemp": true, "Lchown": true, "Link": true, "Mkdir": true, "MkdirAll": true,
	"MkdirTemp": true, "OpenFile": true, "Remove": true, "RemoveAll": true, "Rename": true, "Symlink": true, "Truncate": true, "WriteFile": true,
}

// TestTheMachineIsChangedThroughItsDoor holds who starts processes, who imports package os at
// all, and that those who only look call none of its functions that change anything.
func TestTheMachineIsChangedThroughItsDoor(t *testing.T) {
	t.Parallel()
	ran, looked := map[string]bool{}, map[string]bool{}
	for _, line := range list(t, `{{.ImportPath}} {{.Dir}} {{join .GoFiles ","}} {{join .Imports ","}}`, "./...") {
		fields := strings.Split(line, " ")
		room := strings.TrimPrefix(fields[0], "cloudseed/")
		if strings.HasPrefix(room, "test/") || strings.HasSuffix(room, "test") {
			continue
		}
		imports := "," + fields[3] + ","
		if strings.Contains(imports, ",os/exec,") {
			ran[room] = true
			if runs[room] == "" {
				t.Errorf("%s imports os/exec: processes are started by package host", room)
			}
		}
		if !strings.Contains(imports, ",os,") || runs[room] != "" || writes[room] != "" {
			continue
		}
		looked[room] = true
		if looks[room] == "" {
			t.Errorf("%s imports os: the machine is reached by package host", room)
		}
		for _, name := range strings.Split(fields[2], ",") {
			for _, call := range changing(t, filepath.Join(fields[1], name)) {
				t.Errorf("%s: %s calls os.%s: the machine is changed by package host", room, name, call)
			}
		}
	}
	for room := range runs {
		if !ran[room] {
			t.Errorf("%s is listed and starts no process", room)
		}
	}
	for room := range looks {
		if !looked[room] {
			t.Errorf("%s is listed and does not import os", room)
		}
	}
}

// changing are the functions of os that a file calls and that change files.
func changing(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	ast.Inspect(file, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok || !changes[selector.Sel.Name] {
			return true
		}
		if of, ok := selector.X.(*ast.Ident); ok && of.Name == "os" && of.Obj == nil {
			calls = append(calls, selector.Sel.Name)
		}
		return true
	})
	return calls
}
