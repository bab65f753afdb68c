package modules_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shared are the files whose declarations every module's file may use.
var shared = []string{"module.go", "registry.go", "gaps.go"}

// A module knows no other module: what two need is a trade of guest, or in module.go.
func TestAModulesFileUsesNothingThatAnotherModulesFileDeclares(t *testing.T) {
	t.Parallel()
	for _, use := range usesBetweenFiles(t) {
		t.Error(use)
	}
}

// usesBetweenFiles returns what each file of a module uses of another's, a line each.
func usesBetweenFiles(t *testing.T) []string {
	t.Helper()
	fset := token.NewFileSet()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	pkg, err := (&types.Config{Importer: exportData(t, fset)}).Check("cloudseed/modules", fset, files, info)
	if err != nil {
		t.Fatal(err)
	}
	fileOf := func(pos token.Pos) string { return filepath.Base(fset.Position(pos).Filename) }
	var uses []string
	for ident, object := range info.Uses {
		from, declared := fileOf(ident.Pos()), fileOf(object.Pos())
		if object.Pkg() != pkg || from == declared || slices.Contains(shared, declared) || from == "registry.go" {
			continue
		}
		uses = append(uses, fmt.Sprintf("%s uses %s, which %s declares", fset.Position(ident.Pos()), object.Name(), declared))
	}
	slices.Sort(uses)
	return uses
}

// exportData returns an importer of what the compiler exported of the packages that modules imports.
func exportData(t *testing.T, fset *token.FileSet) types.Importer {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		exports[path] = file
	}
	return importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
}
