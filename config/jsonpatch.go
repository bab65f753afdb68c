package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Patch applies a JSON patch (RFC 6902), a list of operations. All of them must
// succeed; the error is a Problem with the operation's place.
func (v *Value) Patch(operations *Value) (*Value, error) {
	if operations.Kind() != List {
		return nil, operations.Pos().Errorf("expected a list of operations, got %s", kindInWords(operations))
	}
	for _, op := range operations.items {
		patched, err := v.patch(op)
		if err != nil {
			return nil, op.Pos().Errorf("%v", err)
		}
		v = patched
	}
	return v, nil
}

var errNoSuchPlace = errors.New("there is nothing at the path of this operation")

func (v *Value) patch(op *Value) (*Value, error) {
	path, err := pointer(op.Get("path"))
	if err != nil {
		return nil, err
	}
	value := op.Get("value")
	name := op.Get("op").Text()
	if value == nil && (name == "add" || name == "replace" || name == "test") {
		return nil, fmt.Errorf("the operation %s needs a value", name)
	}
	switch name {
	case "add":
		return v.edit(path, value, (*Value).add)
	case "remove":
		return v.edit(path, nil, (*Value).remove)
	case "replace":
		return v.edit(path, value, (*Value).replace)
	case "test":
		if found := v.follow(path); found == nil || !reflect.DeepEqual(found.Any(), value.Any()) {
			return nil, errors.New("the test of this operation fails: there is another value")
		}
		return v, nil
	case "move", "copy":
		return v.moveOrCopy(name, path, op.Get("from"))
	}
	return nil, fmt.Errorf("there is no operation %q: there are add, remove, replace, move, copy and test", name)
}

func (v *Value) moveOrCopy(name string, to []string, source *Value) (*Value, error) {
	from, err := pointer(source)
	if err != nil {
		return nil, err
	}
	value := v.follow(from)
	if value == nil {
		return nil, errNoSuchPlace
	}
	if name == "move" {
		if v, err = v.edit(from, nil, (*Value).remove); err != nil {
			return nil, err
		}
	}
	return v.edit(to, value, (*Value).add)
}

// pointer reads a path such as "/users/0/name" (RFC 6901).
func pointer(v *Value) ([]string, error) {
	if v.Kind() != String {
		return nil, errors.New("the operation needs a path, a string")
	}
	text := v.Text()
	if text == "" {
		return nil, nil
	}
	if !strings.HasPrefix(text, "/") {
		return nil, errors.New(`a path begins with "/"`)
	}
	tokens := strings.Split(text[1:], "/")
	for i, token := range tokens {
		tokens[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
	}
	return tokens, nil
}

// follow is the value at a path, nil when there is none.
func (v *Value) follow(path []string) *Value {
	for _, token := range path {
		if v.Kind() == List {
			i, err := v.position(token, len(v.items)-1)
			if err != nil {
				return nil
			}
			v = v.items[i]
			continue
		}
		v = v.Get(token)
	}
	return v
}

// edit changes the list or map that a path leads into, and gives the whole anew.
func (v *Value) edit(path []string, value *Value, change func(in *Value, token string, value *Value) (*Value, error)) (*Value, error) {
	switch len(path) {
	case 0:
		if value == nil {
			return nil, errors.New("the whole cannot be removed")
		}
		return value, nil
	case 1:
		return change(v, path[0], value)
	}
	inner := v.follow(path[:1])
	if inner == nil {
		return nil, errNoSuchPlace
	}
	changed, err := inner.edit(path[1:], value, change)
	if err != nil {
		return nil, err
	}
	return v.replace(path[0], changed)
}

func (v *Value) position(token string, last int) (int, error) {
	i, err := strconv.Atoi(token)
	if err != nil || i < 0 || i > last {
		return 0, errNoSuchPlace
	}
	return i, nil
}

func (v *Value) add(token string, value *Value) (*Value, error) {
	switch v.Kind() {
	case Map:
		key := &Value{kind: String, pos: value.Pos(), text: token, any: token}
		return NewMap(v.pos, append(slices.Clone(v.pairs), Pair{token, key, value})), nil
	case List:
		i := len(v.items)
		if token != "-" {
			var err error
			if i, err = v.position(token, len(v.items)); err != nil {
				return nil, err
			}
		}
		return &Value{kind: List, pos: v.pos, items: slices.Insert(slices.Clone(v.items), i, value)}, nil
	}
	return nil, errNoSuchPlace
}

func (v *Value) remove(token string, _ *Value) (*Value, error) {
	if v.follow([]string{token}) == nil {
		return nil, errNoSuchPlace
	}
	if v.kind == Map {
		return v.without(token), nil
	}
	i, err := v.position(token, len(v.items)-1)
	if err != nil {
		return nil, err
	}
	return &Value{kind: List, pos: v.pos, items: slices.Delete(slices.Clone(v.items), i, i+1)}, nil
}

func (v *Value) replace(token string, value *Value) (*Value, error) {
	if v.follow([]string{token}) == nil {
		return nil, errNoSuchPlace
	}
	if v.kind == Map {
		return v.add(token, value)
	}
	removed, err := v.remove(token, nil)
	if err != nil {
		return nil, err
	}
	return removed.add(token, value)
}
