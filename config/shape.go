package config

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Shape is what a key takes, of the tag takes, for keys that no Go type describes:
//
//	takes:"text|list(text|list(text)|nothing)"
//
// The words are text (any single value: a number is its text), bool, list(...), map(...),
// keys (the struct of the field), nothing and anything. An empty shape is no statement.
type Shape []Alternative

// Alternative is one of the forms of a Shape.
type Alternative struct {
	Word string
	Of   Shape // of the items of a list, and of the values of a map
}

// ParseShape reads the tag.
func ParseShape(tag string) Shape {
	var shape Shape
	for depth, start, i := 0, 0, 0; i <= len(tag) && tag != ""; i++ {
		switch {
		case i == len(tag) || tag[i] == '|' && depth == 0:
			word, inner, _ := strings.Cut(tag[start:i], "(")
			shape = append(shape, Alternative{word, ParseShape(strings.TrimSuffix(inner, ")"))})
			start = i + 1
		case tag[i] == '(':
			depth++
		case tag[i] == ')':
			depth--
		}
	}
	return shape
}

// find is the alternative that a value is of.
func (s Shape) find(v *Value) (Alternative, bool) {
	for _, a := range s {
		fits := false
		switch v.Kind() {
		case List:
			fits = a.Word == "list"
		case Map:
			fits = a.Word == "map" || a.Word == "keys"
		case Null:
			fits = a.Word == "nothing"
		default:
			_, isBool := AsBool(v)
			fits = a.Word == "text" || a.Word == "bool" && isBool
		}
		if fits || a.Word == "anything" {
			return a, true
		}
	}
	return Alternative{}, false
}

// String says in words what is taken.
func (s Shape) String() string {
	words := make([]string, 0, len(s))
	for _, a := range s {
		if a.Word != "nothing" {
			words = append(words, a.String())
		}
	}
	return alternatives(words)
}

func (a Alternative) String() string {
	switch a.Word {
	case "text":
		return "a string"
	case "bool":
		return "a boolean"
	case "list":
		return "a list of (" + a.Of.String() + ")"
	case "map":
		return "a mapping of (" + a.Of.String() + ")"
	case "keys":
		return "a mapping"
	}
	return a.Word
}

// brief is String for a message: what stands within is told of where it is wrong.
func (s Shape) brief() string {
	var words []string
	for _, a := range s {
		switch a.Word {
		case "list":
			words = append(words, "a list")
		case "map":
			words = append(words, "a mapping")
		case "nothing":
		default:
			words = append(words, a.String())
		}
	}
	return alternatives(words)
}

// Check tells what is wrong with a document by a key struct, and changes nothing: what
// Decode tells, and what only the tag takes knows.
func (v *Value) Check(keys any, topLevel ...string) []Problem {
	into := reflect.New(reflect.TypeOf(keys))
	if into.Elem().Kind() != reflect.Struct {
		return nil
	}
	d := decoder{strict: true, topLevel: topLevel}
	d.value(v, into.Elem(), path{}, fieldRules{})
	return d.problems
}

// shaped checks a value by its shape. What stands there is not quoted: it may be a
// password.
func (d *decoder) shaped(v *Value, into reflect.Type, at path, s Shape) {
	a, ok := s.find(v)
	switch {
	case !ok:
		d.problem(v, at, "expected %s, got %s", s.brief(), kindInWords(v))
	case a.Word == "list":
		for i, item := range v.items {
			d.shaped(item, into, at.child(strconv.Itoa(i)), a.Of)
		}
	case a.Word == "map":
		for _, p := range v.pairs {
			inner := at.child(p.Name)
			if p.Value.IsNull() {
				inner = at // the key may be half of a password (see unknownKey)
			}
			d.shaped(p.Value, into, inner, a.Of)
		}
	case a.Word == "keys":
		d.structure(v, reflect.New(elementOf(into)).Elem(), at)
	}
}

// Unknown tells of the keys of a document that are none of those there are.
func (v *Value) Unknown(known []string) []Problem {
	names := make(map[string]bool, len(known))
	for _, name := range known {
		names[name] = true
	}
	var problems []Problem
	if v.Kind() != Map {
		return nil
	}
	for _, p := range v.pairs {
		if names[p.Name] {
			continue
		}
		if len(problems) == MaxProblems { // a look for what was meant costs time
			known = nil
		}
		problems = append(problems, unknownKey(p, path{}, known, nil))
	}
	return problems
}

func unknownKey(p Pair, at path, known, topLevel []string) Problem {
	if p.Value.IsNull() {
		// It is not named: in {password: a,b} the key b is half of a password.
		return Problem{
			Severity: Warning, Pos: p.Key.Pos(), Key: at.text,
			Message: "there is a key without a value here, which no module knows; it was ignored (a string with a comma in braces must be quoted)",
		}
	}
	message := "unknown key" + didYouMean(p.Name, known) + "; it was ignored"
	if slices.Contains(topLevel, p.Name) {
		message = "it is a top-level key, and was ignored here: do not indent it"
	}
	return Problem{Severity: Warning, Pos: p.Key.Pos(), Key: at.child(p.Name).text, Message: message}
}
