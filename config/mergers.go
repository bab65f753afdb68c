package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Mergers are the rules by which one configuration is laid over another, in
// cloud-init's little language: "dict(replace)+list(append)+str()". The first that is
// for a type handles it; the type is the old value's, and what no rule is for stays.
type Mergers []merger

type merger struct {
	kind    Kind // of the values that it handles: Map, List or String
	options []string
}

// DefaultMergers are those for parts of user data that name none: a key of the later
// part replaces the earlier's whole.
func DefaultMergers() Mergers {
	return Mergers{{Map, []string{"replace"}}, {List, nil}, {String, nil}}
}

// ParseMergers reads rules from text.
func ParseMergers(text string) (Mergers, error) {
	var rules Mergers
	for call := range strings.SplitSeq(text, "+") {
		call = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(call)), "-", "_")
		if call == "" {
			continue
		}
		name, list, ok := strings.Cut(strings.TrimSuffix(call, ")"), "(")
		if !ok || !strings.HasSuffix(call, ")") {
			return nil, fmt.Errorf("%q is no rule for merging: expected the like of list(append)", call)
		}
		var options []string
		for option := range strings.SplitSeq(list, ",") {
			if option = strings.TrimSpace(option); option != "" {
				options = append(options, option)
			}
		}
		m, err := newMerger(name, options)
		if err != nil {
			return nil, err
		}
		rules = append(rules, m)
	}
	return rules, nil
}

func newMerger(name string, options []string) (merger, error) {
	kinds := map[string]Kind{"dict": Map, "list": List, "str": String}
	kind, ok := kinds[strings.TrimPrefix(name, "m_")]
	if !ok {
		return merger{}, fmt.Errorf("there are no rules for merging %q: expected dict, list or str", name)
	}
	return merger{kind, options}, nil
}

// TakeMergers gives a part's own rules, from its key merge_how or else merge_type, and
// the part without that key. There are none when it names none. The error is a Problem.
func TakeMergers(part *Value) (Mergers, *Value, error) {
	for _, key := range []string{"merge_how", "merge_type"} {
		how := part.Get(key)
		if how.IsNull() {
			part = part.without(key)
			continue
		}
		list, err := mergersOf(how)
		if err != nil {
			return nil, nil, Problem{Pos: how.Pos(), Key: key, Message: err.Error()}
		}
		return list, part.without(key), nil
	}
	return nil, part, nil
}

// mergersOf reads rules as text, or as a list of {name, settings} or of lists.
func mergersOf(how *Value) (Mergers, error) {
	if how.Kind() == String {
		return ParseMergers(how.Text())
	}
	if how.Kind() != List {
		return nil, fmt.Errorf("expected rules for merging as text or a list, got %s", kindInWords(how))
	}
	var list Mergers
	for _, item := range how.Items() {
		name, settings := item.Get("name").Text(), item.Get("settings")
		options := texts(settings.Items())
		if settings.Kind() == String {
			options = strings.FieldsFunc(settings.Text(), func(r rune) bool { return r == ',' || r == ' ' })
		}
		if items := item.Items(); len(items) > 0 {
			name, options = items[0].Text(), texts(items[1:])
		}
		m, err := newMerger(strings.TrimSpace(strings.ReplaceAll(name, "-", "_")), options)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

func texts(values []*Value) []string {
	var list []string
	for _, v := range values {
		list = append(list, v.Text())
	}
	return list
}

// without is a map without one of its keys.
func (v *Value) without(key string) *Value {
	if v.Get(key) == nil {
		return v
	}
	return NewMap(v.pos, slices.DeleteFunc(slices.Clone(v.pairs), func(p Pair) bool { return p.Name == key }))
}

// Handle tells whether there is a rule for old values of a kind.
func (m Mergers) Handle(kind Kind) bool {
	return slices.ContainsFunc(m, func(rule merger) bool { return rule.kind == kind })
}

// Merge lays new values over old ones by the rules.
func (m Mergers) Merge(old, fresh *Value) (*Value, error) {
	for _, rule := range m {
		if rule.kind != old.Kind() {
			continue
		}
		switch rule.kind {
		case Map:
			return m.mergeMaps(rule, old, fresh)
		case List:
			return m.mergeLists(rule, old, fresh)
		default:
			return mergeTexts(rule, old, fresh)
		}
	}
	return old, nil
}

func (r merger) has(options ...string) bool {
	return slices.ContainsFunc(options, func(o string) bool { return slices.Contains(r.options, o) })
}

// first is the one of the methods that is among the options; the order of the
// options does not count.
func (r merger) first(methods []string, otherwise string) string {
	for _, method := range methods {
		if r.has(method) {
			return method
		}
	}
	return otherwise
}

func (m Mergers) mergeMaps(rule merger, old, fresh *Value) (*Value, error) {
	if fresh.Kind() != Map {
		return old, nil
	}
	replace := rule.first([]string{"replace", "no_replace"}, "no_replace") == "replace"
	pairs := slices.Clone(old.pairs)
	deleted := map[string]bool{}
	for _, p := range fresh.pairs {
		before := old.Get(p.Name)
		switch {
		case before == nil:
		case p.Value.IsNull() && rule.has("allow_delete"):
			deleted[p.Name] = true
			continue
		case replace:
		case p.Value.Kind() == List && rule.has("recurse_array", "recurse_list"),
			p.Value.Kind() == String && rule.has("recurse_str"),
			p.Value.Kind() == Map:
			merged, err := m.Merge(before, p.Value)
			if err != nil {
				return nil, within(p.Name, err)
			}
			p.Value = merged
		default:
			continue
		}
		pairs = append(pairs, p)
	}
	pairs = slices.DeleteFunc(pairs, func(p Pair) bool { return deleted[p.Name] })
	return NewMap(fresh.pos, pairs), nil
}

// mergeLists lays a list over one.
//
// Difference from cloud-init: it takes apart a text or a map that is to be added to one.
func (m Mergers) mergeLists(rule merger, old, fresh *Value) (*Value, error) {
	method := rule.first([]string{"append", "prepend", "replace", "no_replace"}, "replace")
	if fresh.Kind() != List {
		switch method {
		case "replace":
			return fresh, nil
		case "no_replace":
			return old, nil
		}
		return nil, fresh.Pos().Errorf("expected a list, as it is to be added to one")
	}
	out := &Value{kind: List, pos: fresh.pos}
	switch method {
	case "append":
		out.items = slices.Concat(old.items, fresh.items)
		return out, nil
	case "prepend":
		out.items = slices.Concat(fresh.items, old.items)
		return out, nil
	case "no_replace":
		return old, nil
	}
	// By position, and never longer than the old list: so cloud-init has it.
	out.items = slices.Clone(old.items)
	for i := range min(len(old.items), len(fresh.items)) {
		item := fresh.items[i]
		if item.Kind() == List && rule.has("recurse_array", "recurse_list") || item.Kind() == String && rule.has("recurse_str") ||
			item.Kind() == Map && rule.has("recurse_dict") {
			merged, err := m.Merge(old.items[i], item)
			if err != nil {
				return nil, within(fmt.Sprint(i), err)
			}
			item = merged
		}
		out.items[i] = item
	}
	return out, nil
}

func mergeTexts(rule merger, old, fresh *Value) (*Value, error) {
	if !rule.has("append") {
		return fresh, nil
	}
	if fresh.Kind() != String {
		return nil, fresh.Pos().Errorf("expected a string, as it is to be added to one")
	}
	text := old.text + fresh.text
	return &Value{kind: String, pos: fresh.pos, text: text, any: text}, nil
}

// within names the key in which something went wrong.
func within(key string, err error) error {
	var p Problem
	if errors.As(err, &p) {
		p.Key = strings.TrimSuffix(key+"."+p.Key, ".")
		return p
	}
	return err
}
