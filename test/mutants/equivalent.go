package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const equivalentFile = "test/mutants/equivalent.txt"

// equivalents are conditions whose negation no test can tell, each with the reason: a line is
// file, condition and reason, with tabs between.
type equivalents map[[2]string]bool // whether it was found in the sources

func readEquivalent(dir string) (equivalents, error) {
	data, err := os.ReadFile(filepath.Join(dir, equivalentFile))
	if err != nil {
		return nil, err
	}
	list := equivalents{}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(line, "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("%s: expected file, condition and reason with tabs between: %q", equivalentFile, line)
		}
		list[[2]string(fields[:2])] = false
	}
	return list, nil
}

func (e equivalents) has(c condition) bool {
	name := [2]string{c.file, strings.Join(strings.Fields(c.text), " ")}
	if _, listed := e[name]; !listed {
		return false
	}
	e[name] = true
	return true
}

func (e equivalents) unused() []string {
	var names []string
	for _, name := range slices.SortedFunc(maps.Keys(e), func(a, b [2]string) int { return slices.Compare(a[:], b[:]) }) {
		if !e[name] {
			names = append(names, name[0]+": "+name[1])
		}
	}
	return names
}
