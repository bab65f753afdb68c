// Package schema checks documents by which nothing is done:
// cloud-config by the key structs of all modules, and network configuration by the
// parser that the boot has.
//
// In comes a document, out come problems with their places, or a JSON Schema for
// editors. It never knows a machine, a seed or a stage.
package schema

import (
	"cmp"
	"slices"

	"cloudseed/config"
	"cloudseed/modules"
	"cloudseed/network/read"
)

// CloudConfig tells what is wrong with a cloud-config document, in the order of its
// lines. nil is a document of nothing.
func CloudConfig(v *config.Value) []config.Problem {
	if v.IsNull() {
		return nil
	}
	if v.Kind() != config.Map {
		return []config.Problem{v.Pos().Errorf("expected a mapping, such as hostname: web1; nothing of it was applied")}
	}
	var found findings
	topLevel := modules.Keys()
	found.add(v.Unknown(topLevel))
	var misplaced config.Findings
	reportMisplaced(v.At(&misplaced))
	found.add(misplaced.List())
	all := modules.All()
	whole := environment(v, topLevel)
	for _, m := range all {
		e := whole
		m.Check(&e)
		found.add(e.Problems())
	}
	for _, m := range all {
		found.add(v.Check(m.Keys, topLevel...))
	}
	return found.sorted()
}

// reportMisplaced reports the keys that have no effect in a seed.
func reportMisplaced(root config.Cursor) {
	for key, hint := range modules.Misplaced {
		if at := root.AtKey(key); at.Value() != nil {
			at.Warnf("it has no effect in user data, and is ignored: %s", hint)
		}
	}
}

// environment is what modules check by: the document over what the system's own
// configuration says on any image, on a machine of which nothing shall be wrong.
func environment(v *config.Value, topLevel []string) modules.Env {
	system := config.FromAny("system", map[string]any{"users": []any{"default"}})
	return modules.Env{
		TopLevel: topLevel,
		Config:   config.New(config.Layer{Name: "system", Value: system}, config.Layer{Name: v.Pos().File, Value: v}),
		Instance: modules.Instance{
			Hostname:    "machine",
			DefaultUser: config.FromAny("system", map[string]any{"name": "cloud-user"}),
		},
	}
}

// NetworkConfig tells what is wrong with a network configuration. Which interfaces a
// machine has is no part of it: those that it names are taken to be there.
func NetworkConfig(v *config.Value) []config.Problem {
	var found findings
	_, problems := read.YAML(v, nil)
	found.add(problems)
	return found.sorted()
}

// findings are problems of several sources, of which the first that tells of a value
// is heard: two modules have keys in common, and a module's own words say more than
// the types of its keys do.
type findings struct {
	list []config.Problem
	told map[place]bool
}

type place struct {
	at  config.Pos
	key string
}

func (f *findings) add(problems []config.Problem) {
	if f.told == nil {
		f.told = map[place]bool{}
	}
	var told []place
	for _, p := range problems {
		at := place{p.Pos, p.Key}
		if !f.told[at] {
			f.list = append(f.list, p)
			told = append(told, at)
		}
	}
	for _, at := range told {
		f.told[at] = true
	}
}

func (f *findings) sorted() []config.Problem {
	slices.SortStableFunc(f.list, func(a, b config.Problem) int {
		return cmp.Or(cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return f.list
}
