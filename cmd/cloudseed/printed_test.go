package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// raw are the calls of fmt that print more than constants, by file and function, with the
// reason why none of it can be somebody else's string. All others go through printable.
var raw = map[string]string{
	"analyze.go dump":                "JSON, which python.JSON writes in ASCII with escapes",
	"cloud_id.go cloudIDCommand":     "JSON, which python.JSON writes in ASCII with escapes",
	"main.go run":                    "the usage of a command of ours",
	"changes.go printEffect":         "the lines of a diff, which were made printable together",
	"hotplug.go hotplugQueryCommand": "the answer is one of two words of ours",
	"make_mime.go makeMIMECommand":   "the types that this program knows",
	"query.go run":                   "query prints what the key holds, as cloud-init does",
	"try_progress.go draw":           "a frame, a time and what was made printable",
	"try_progress.go end":            "a constant",
}

// TestOnlyPrintableStringsArePrinted holds the door to the terminal: each call of fmt's
// printing functions has constants alone, or is listed.
func TestOnlyPrintableStringsArePrinted(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, name := range files(t) {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && printsForeign(call) {
					where := name + " " + f.Name.Name
					used[where] = true
					if raw[where] == "" {
						t.Errorf("%s prints what is no constant by fmt: use package printable, or list it with a reason", where)
					}
				}
				return true
			})
		}
	}
	for where := range raw {
		if !used[where] {
			t.Errorf("%s is listed and prints nothing by fmt", where)
		}
	}
}

func files(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go") {
			names = append(names, e.Name())
		}
	}
	return names
}

// printsForeign reports whether a call prints by fmt, and not only constants and what
// printable returned.
func printsForeign(call *ast.CallExpr) bool {
	function, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || fmt.Sprint(function.X) != "fmt" || !strings.Contains(function.Sel.Name, "rint") || strings.HasPrefix(function.Sel.Name, "S") {
		return false
	}
	args := call.Args
	if strings.HasPrefix(function.Sel.Name, "F") {
		args = args[1:]
	}
	return slices.ContainsFunc(args, func(arg ast.Expr) bool {
		switch arg := arg.(type) {
		case *ast.BasicLit:
			return false
		case *ast.CallExpr:
			inner, ok := arg.Fun.(*ast.SelectorExpr)
			return !ok || fmt.Sprint(inner.X) != "printable"
		}
		return true
	})
}
