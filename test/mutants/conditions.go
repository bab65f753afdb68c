package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
)

// condition is an expression of a source file that can be negated.
type condition struct {
	pkg        *product
	file       string // below the sources
	line       int
	start, end int // offsets in the file
	text       string
}

// place returns the condition's file and line.
func (c condition) place() string { return fmt.Sprintf("%s:%d", c.file, c.line) }

// negated returns the file with the condition negated.
func (c condition) negated(dir string) ([]byte, error) {
	source, err := os.ReadFile(filepath.Join(dir, c.file))
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%s!(%s)%s", source[:c.start], source[c.start:c.end], source[c.end:]), nil
}

var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

// conditions returns what can be negated in a package.
func (p *product) conditions(dir string) ([]condition, error) {
	var all []condition
	for _, name := range p.GoFiles {
		file, err := filepath.Rel(dir, filepath.Join(p.Dir, name))
		if err != nil {
			return nil, err
		}
		source, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return nil, err
		}
		if generated.Match(source) {
			continue
		}
		places := token.NewFileSet()
		tree, err := parser.ParseFile(places, file, source, 0)
		if err != nil {
			return nil, err
		}
		for _, e := range conditionsOf(tree) {
			start, end := places.Position(e.Pos()), places.Position(e.End())
			all = append(all, condition{p, file, start.Line, start.Offset, end.Offset, string(source[start.Offset:end.Offset])})
		}
	}
	return all, nil
}

// conditionsOf returns the conditions of if, for and case, the operands of && and ||, and
// comparisons, each once and in the order of the file. A negation is no condition beside the one that it
// negates.
func conditionsOf(tree ast.Node) []ast.Expr {
	var found []ast.Expr
	seen := map[ast.Expr]bool{}
	add := func(e ast.Expr) {
		for e != nil {
			if inner, is := e.(*ast.ParenExpr); is {
				e = inner.X
				continue
			}
			if inner, is := e.(*ast.UnaryExpr); is && inner.Op == token.NOT {
				e = inner.X
				continue
			}
			if !seen[e] {
				seen[e] = true
				found = append(found, e)
			}
			return
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			add(n.Cond)
		case *ast.ForStmt:
			add(n.Cond)
		case *ast.SwitchStmt:
			if n.Tag == nil {
				for _, clause := range n.Body.List {
					for _, e := range clause.(*ast.CaseClause).List {
						add(e)
					}
				}
			}
		case *ast.BinaryExpr:
			switch n.Op {
			case token.LAND, token.LOR:
				add(n)
				add(n.X)
				add(n.Y)
			case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
				add(n)
			}
		}
		return true
	})
	return found
}
