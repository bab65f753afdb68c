package config

import (
	"errors"
	"strings"

	"cloudseed/python"

	"gopkg.in/yaml.v3"
)

// scalar reads a single value. In quotes it is a text; else PyYAML's resolver tells.
func (b *builder) scalar(n *yaml.Node) (*Value, error) {
	v := &Value{pos: b.at(n), text: n.Value, kind: String, any: n.Value}
	tagged := n.Style&yaml.TaggedStyle != 0
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	if !tagged {
		if quoted {
			return v, nil
		}
		if n.Value == "=" || n.Value == "<<" {
			return nil, b.fail(n, "a lone %q has a meaning of its own in YAML: put it in quotes", n.Value)
		}
		var err error
		if v.kind, v.any, err = resolve(n.Value); err != nil {
			return nil, b.fail(n, "%v", err)
		}
		return v, nil
	}
	return b.tagged(n, v)
}

// tagged reads a scalar whose type is given, by the rules of PyYAML's constructors:
// they take what Python's int() and float() take.
func (b *builder) tagged(n *yaml.Node, v *Value) (*Value, error) {
	var err error
	switch tag := n.ShortTag(); tag {
	case "!!str", "!":
		return v, nil
	case "!!null":
		v.kind, v.any = Null, nil
	case "!!binary":
		// Difference from cloud-init: what is not base64 is an error of this value alone.
		v.kind, v.any, v.text = Binary, nil, ""
		if data, wrong := python.Base64([]byte(n.Value)); wrong != nil {
			b.found.Add(Problem{Severity: Error, Pos: v.pos, Key: strings.Join(b.path, "."), Message: "this is not valid base64: " + wrong.Error()})
		} else {
			v.any, v.text = data, string(data)
		}
	case "!!bool":
		v.kind, v.any, err = resolve(strings.ToLower(n.Value))
		if v.kind != Bool {
			err = errors.New("no bool")
		}
	case "!!int":
		v.kind = Int
		v.any, err = integer(n.Value)
	case "!!float":
		v.kind = Float
		v.any, err = pythonFloat(n.Value)
	case "!!timestamp":
		v.kind = Timestamp
		if kind, _, wrong := resolve(n.Value); kind != Timestamp || wrong != nil {
			err = errors.New("no date")
		}
	default:
		return nil, b.unknownTag(n)
	}
	if err != nil {
		return nil, b.fail(n, "what is marked as %s is none: remove the mark", n.ShortTag())
	}
	return v, nil
}

// unknownTag does not show the tag: it may be a password that begins with "!".
func (b *builder) unknownTag(n *yaml.Node) error {
	return b.fail(n, `"!" at the start of a value marks its type, and there is no such type for it: put it in quotes if it is a text`)
}
