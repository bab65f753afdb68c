package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// product is a package of the program, or one that tests it.
type product struct {
	Dir        string
	ImportPath string
	GoFiles    []string
	Deps       []string

	TestGoFiles, XTestGoFiles []string
	TestImports, XTestImports []string
	Module                    *struct{ Path string }

	testers []string // the packages whose tests hold it, the nearest first
}

// packages returns the packages of the program, each with those that test it.
func packages(ctx context.Context, dir string) ([]*product, error) {
	own, err := list(ctx, dir, "./...")
	if err != nil {
		return nil, err
	}
	linked, err := list(ctx, dir, "-deps", "./cmd/cloudseed")
	if err != nil {
		return nil, err
	}
	var program []*product
	for _, p := range linked {
		if p.Module != nil && p.Module.Path == own[0].Module.Path {
			p.testers = testers(p, own)
			program = append(program, p)
		}
	}
	return program, nil
}

func list(ctx context.Context, dir string, args ...string) ([]*product, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-json"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("cannot list the packages: %w", err)
	}
	var all []*product
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p product
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("cannot read what go list prints: %w", err)
		}
		all = append(all, &p)
	}
}

// testers returns the packages whose tests run code of p: its own, then those that import the fewest
// others, as their tests are the quickest.
func testers(p *product, own []*product) []string {
	var above []*product
	for _, other := range own {
		hasTests := len(other.TestGoFiles)+len(other.XTestGoFiles) > 0
		if hasTests && other.ImportPath != p.ImportPath && !notOfBehaviour.MatchString(other.ImportPath) && uses(other, p.ImportPath) {
			above = append(above, other)
		}
	}
	slices.SortStableFunc(above, func(a, b *product) int { return len(a.Deps) - len(b.Deps) })
	var paths []string
	if len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 {
		paths = append(paths, p.ImportPath)
	}
	for _, other := range above {
		paths = append(paths, other.ImportPath)
	}
	return paths
}

func uses(p *product, path string) bool {
	return slices.Contains(p.Deps, path) || slices.Contains(p.TestImports, path) || slices.Contains(p.XTestImports, path)
}

// notOfBehaviour matches packages whose tests boot other machines, or look at the sources and the package.
var notOfBehaviour = regexp.MustCompile(`^cloudseed/(test/.*|docs|packaging)$`)
