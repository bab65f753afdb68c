package yaml

import (
	"errors"
	"strings"

	"cloudseed/config"
	"cloudseed/python"

	library "gopkg.in/yaml.v3"
)

// scalar reads a single value. In quotes it is a string; else PyYAML's resolver tells.
func (b *builder) scalar(n *library.Node) (*config.Value, error) {
	const quoted = library.DoubleQuotedStyle | library.SingleQuotedStyle | library.LiteralStyle | library.FoldedStyle
	switch {
	case n.Style&library.TaggedStyle != 0:
		return b.tagged(n)
	case n.Style&quoted != 0:
		return config.NewScalar(b.at(n), config.String, n.Value, n.Value), nil
	case n.Value == "=" || n.Value == "<<":
		return nil, b.fail(n, "a lone %q has a meaning of its own in YAML: put it in quotes", n.Value)
	}
	kind, value, err := resolve(n.Value)
	if err != nil {
		return nil, b.fail(n, "%v", err)
	}
	return config.NewScalar(b.at(n), kind, n.Value, value), nil
}

// tagged reads a scalar whose type is given, by the rules of PyYAML's constructors:
// they take what Python's int() and float() take.
func (b *builder) tagged(n *library.Node) (*config.Value, error) {
	kind, value, err := config.String, any(n.Value), error(nil)
	switch tag := n.ShortTag(); tag {
	case "!!str", "!":
	case "!!null":
		kind, value = config.Null, nil
	case "!!binary":
		return b.binary(n), nil
	case "!!bool":
		kind, value, err = resolve(strings.ToLower(n.Value))
		if kind != config.Bool {
			err = errors.New("no bool")
		}
	case "!!int":
		kind = config.Int
		value, err = integer(n.Value)
	case "!!float":
		kind = config.Float
		value, err = pythonFloat(n.Value)
	case "!!timestamp":
		kind, value, err = resolve(n.Value)
		if kind != config.Timestamp {
			err = errors.New("no date")
		}
	default:
		return nil, b.unknownTag(n)
	}
	if err != nil {
		return nil, b.fail(n, "what is marked as %s is not valid: remove the mark", n.ShortTag())
	}
	return config.NewScalar(b.at(n), kind, n.Value, value), nil
}

// binary reads base64.
//
// Difference from cloud-init: what is not base64 is an error of this value alone.
func (b *builder) binary(n *library.Node) *config.Value {
	data, err := python.Base64([]byte(n.Value))
	if err != nil {
		b.found.At(b.at(n), strings.Join(b.path, ".")).Errorf("this is not valid base64: %v", err)
		return config.NewScalar(b.at(n), config.Binary, "", nil)
	}
	return config.NewScalar(b.at(n), config.Binary, string(data), data)
}

// unknownTag does not show the tag: it may be a password that begins with "!".
func (b *builder) unknownTag(n *library.Node) error {
	return b.fail(n, `"!" at the start of a value marks its type, and there is no such type for it: put it in quotes if it is a string`)
}
