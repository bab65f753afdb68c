package docs

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is generated in the documentation")

// TestThePackagesAreListed holds the table of packages in architecture.md to go list.
func TestThePackagesAreListed(t *testing.T) {
	t.Parallel()
	const file, begin, end = "architecture.md", "<!-- packages -->\n", "<!-- end of packages -->\n"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(data), begin)
	_, tail, ends := strings.Cut(rest, end)
	if !found || !ends {
		t.Fatalf("%s has no place for the packages", file)
	}
	want := head + begin + packages(t) + end + tail
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != string(data) {
		t.Errorf("the packages are not those that %s lists: go test ./docs -run TestThePackagesAreListed -update", file)
	}
}

// packages is a table of the packages of the program: files, exported names, and what of ours
// they import.
func packages(t *testing.T) string {
	t.Helper()
	var table strings.Builder
	table.WriteString("| package | files | exported | imports of ours |\n|---|---|---|---|\n")
	for _, line := range list(t, `{{.ImportPath}} {{.Dir}} {{join .GoFiles ","}} {{join .Imports ","}}`, "./...") {
		fields := strings.Split(line, " ")
		name := strings.TrimPrefix(fields[0], "cloudseed/")
		if strings.HasPrefix(name, "test/") || strings.HasSuffix(name, "test") || name == "docs" || fields[2] == "" {
			continue
		}
		files := strings.Split(fields[2], ",")
		var ours []string
		for _, i := range strings.Split(fields[3], ",") {
			if i, ok := strings.CutPrefix(i, "cloudseed/"); ok {
				ours = append(ours, "`"+i+"`")
			}
		}
		slices.Sort(ours)
		fmt.Fprintf(&table, "| `%s` | %d | %d | %s |\n", name, len(files), exported(t, fields[1], files), strings.Join(ours, " "))
	}
	return table.String()
}

// exported is the number of exported names of a package, without methods and fields.
func exported(t *testing.T, dir string, files []string) int {
	t.Helper()
	count := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.IsExported() {
					count++
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						if spec.Name.IsExported() {
							count++
						}
					case *ast.ValueSpec:
						for _, n := range spec.Names {
							if n.IsExported() {
								count++
							}
						}
					}
				}
			}
		}
	}
	return count
}
