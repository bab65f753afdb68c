package config

import (
	"errors"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"cloudseed/python"
)

// Layer is a configuration by its source.
type Layer struct {
	Name  string // "built-in", "/etc/cloud/cloud.cfg", "user-data"
	Value *Value
}

// Config is the outcome of layers, each over the one before.
type Config struct {
	layers   []Layer
	root     *Value
	problems []Problem
}

// New merges layers, lowest first: of two, the higher wins (see Merge). A layer that
// names rules for merging, by its key merge_how, goes by them under those above it;
// so a file of the system's can have its lists joined with the user's.
//
// Difference from cloud-init: there the rules of the system's files count among those.
func New(layers ...Layer) *Config {
	c := &Config{layers: layers}
	for _, l := range slices.Backward(layers) {
		if l.Value.Kind() == Map {
			c.put(l.Value)
		}
	}
	if c.root == nil {
		c.root = NewMap(Pos{}, nil)
	}
	return c
}

// put lays what there is over a layer.
func (c *Config) put(layer *Value) {
	rules, own, err := TakeMergers(layer)
	if err != nil {
		c.fail(err)
		own = layer.without("merge_how").without("merge_type")
	}
	if rules != nil && c.root != nil {
		merged, err := rules.Merge(c.root, own)
		if err == nil {
			c.root = merged
			return
		}
		c.fail(err)
	}
	if c.root == nil {
		c.root = own
		return
	}
	c.root = Merge(own, c.root)
}

// fail notes a problem with a layer's rules, which is then merged by the default.
func (c *Config) fail(err error) {
	var p Problem
	if !errors.As(err, &p) {
		p.Message = err.Error()
	}
	p.Message += "; it was merged as if it named no rules"
	c.problems = append(c.problems, p)
}

// Problems are what was wrong with the layers' rules for merging.
func (c *Config) Problems() []Problem { return c.problems }

// Root is the merged configuration.
func (c *Config) Root() *Value { return c.root }

// Get is the value at a path: "chpasswd.expire", "users.0.name".
func (c *Config) Get(path string) *Value { return c.root.Path(path) }

// Path follows a dotted path of keys and positions in lists.
func (v *Value) Path(path string) *Value {
	for name := range strings.SplitSeq(path, ".") {
		if i, err := strconv.Atoi(name); err == nil && v.Kind() == List {
			if i < 0 || i >= len(v.items) {
				return nil
			}
			v = v.items[i]
			continue
		}
		v = v.Get(name)
	}
	return v
}

// Where says where the value at a path stands: "user-data:12:5", or the layer's name
// when it has no place. It is "" when there is no value.
func (c *Config) Where(path string) string {
	if place := c.Get(path).Pos(); place.Line > 0 {
		return place.String()
	}
	for _, origin := range c.Origins(path) {
		return origin.Layer
	}
	return ""
}

// Origin is a layer's value for a path.
type Origin struct {
	Layer string
	Value *Value
}

// Origins are the values that layers have for a path: the one that counts, and then
// those it overrode.
func (c *Config) Origins(path string) []Origin {
	var origins []Origin
	for _, l := range slices.Backward(c.layers) {
		if v := l.Value.Path(path); v != nil {
			origins = append(origins, Origin{l.Name, v})
		}
	}
	return origins
}

// FromAny makes a value of Go's own types, as they come out of JSON. file names it in
// messages. Types that no configuration has are their text.
func FromAny(file string, x any) *Value {
	v := &Value{pos: Pos{File: file}}
	switch x := x.(type) {
	case nil:
	case bool:
		v.kind, v.any, v.text = Bool, x, strconv.FormatBool(x)
	case string:
		v.kind, v.any, v.text = String, x, x
	case int:
		v.kind, v.any, v.text = Int, int64(x), strconv.Itoa(x)
	case int64:
		v.kind, v.any, v.text = Int, x, strconv.FormatInt(x, 10)
	case float64:
		v.kind, v.any, v.text = Float, x, python.Float(x)
	case *big.Int:
		v.kind, v.any, v.text = Int, x, x.String()
	case []byte:
		v.kind, v.any, v.text = Binary, x, string(x)
	case []any:
		v.kind = List
		for _, item := range x {
			v.items = append(v.items, FromAny(file, item))
		}
	case map[string]any:
		var pairs []Pair
		for _, key := range sortedKeys(x) {
			pairs = append(pairs, Pair{key, &Value{kind: String, pos: v.pos, text: key, any: key}, FromAny(file, x[key])})
		}
		return NewMap(v.pos, pairs)
	case Ordered[any]:
		var pairs []Pair
		for _, e := range x {
			pairs = append(pairs, Pair{e.Key, &Value{kind: String, pos: v.pos, text: e.Key, any: e.Key}, FromAny(file, e.Value)})
		}
		return NewMap(v.pos, pairs)
	}
	return v
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
