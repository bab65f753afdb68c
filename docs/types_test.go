package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Limits of a type: with more it does more than one thing. Host has more methods, since each way to
// act on the machine is one.
const (
	maxTypeMethods   = 45
	maxHostMethods   = 60
	maxMutableFields = 6
)

// TestTypesDoOneThing: no type of the rooms that tell a boot's story has more methods, or more
// fields that its methods change, than a reader can hold in mind.
func TestTypesDoOneThing(t *testing.T) {
	t.Parallel()
	types := 0
	for _, pattern := range []string{"boot", "host", "inputs", "netconf", "modules", "modules/*", "guest/*", "network", "network/*", "network/*/*"} {
		dirs, err := filepath.Glob(filepath.Join("..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		limit := maxTypeMethods
		if pattern == "host" {
			limit = maxHostMethods
		}
		for _, dir := range dirs {
			for name, of := range typesIn(t, dir) {
				types++
				if of.methods > limit {
					t.Errorf("%s: %s has %d methods, at most %d are right", dir, name, of.methods, limit)
				}
				if len(of.mutable) > maxMutableFields {
					t.Errorf("%s: methods of %s change %d of its fields, at most %d are right: %s", dir, name, len(of.mutable), maxMutableFields, strings.Join(of.mutable, " "))
				}
			}
		}
	}
	if types < 50 {
		t.Fatalf("only %d types were looked at", types)
	}
}

// methodsOf is how many methods a type has, and which fields they change.
type methodsOf struct {
	methods int
	mutable []string
}

// typesIn returns the types of a package that have methods.
func typesIn(t *testing.T, dir string) map[string]*methodsOf {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]*methodsOf{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			of := types[receiverType(f)]
			if of == nil {
				of = &methodsOf{}
				types[receiverType(f)] = of
			}
			of.methods++
			for _, field := range changedFields(f) {
				if !slices.Contains(of.mutable, field) {
					of.mutable = append(of.mutable, field)
				}
			}
		}
	}
	return types
}

// receiverType returns the name of the type that a method is of, without its type parameters.
func receiverType(f *ast.FuncDecl) string {
	of := f.Recv.List[0].Type
	for {
		switch inner := of.(type) {
		case *ast.StarExpr:
			of = inner.X
		case *ast.IndexExpr:
			of = inner.X
		default:
			return of.(*ast.Ident).Name
		}
	}
}

// changedFields returns the fields of a method's receiver that it assigns to, be it to a part of one.
func changedFields(f *ast.FuncDecl) []string {
	if _, pointer := f.Recv.List[0].Type.(*ast.StarExpr); !pointer || len(f.Recv.List[0].Names) == 0 {
		return nil // it changes a copy
	}
	self := f.Recv.List[0].Names[0].Name
	var fields []string
	ast.Inspect(f.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				fields = append(fields, fieldOf(left, self)...)
			}
		case *ast.IncDecStmt:
			fields = append(fields, fieldOf(n.X, self)...)
		}
		return true
	})
	return fields
}

// fieldOf returns the field of self that an expression is a part of.
func fieldOf(e ast.Expr, self string) []string {
	for {
		switch inner := e.(type) {
		case *ast.SelectorExpr:
			if id, ok := inner.X.(*ast.Ident); ok && id.Name == self {
				return []string{inner.Sel.Name}
			}
			e = inner.X
		case *ast.IndexExpr:
			e = inner.X
		case *ast.StarExpr:
			e = inner.X
		default:
			return nil
		}
	}
}
