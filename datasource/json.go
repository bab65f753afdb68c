package datasource

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/python"
)

// parse returns data as a value: they are YAML, or JSON, of which some is no YAML.
func parse(file string, data []byte) (*config.Value, []config.Problem, error) {
	text := data
	if looksLikeJSON(file, data) {
		// JSON may be indented by tabs, which YAML may not; inside of its texts no tab
		// can stand as it is.
		text = bytes.ReplaceAll(data, []byte("\t"), []byte(" "))
	}
	value, problems, err := yaml.Parse(file, text)
	if err != nil {
		value, err = fromJSON(file, data, err)
	}
	return value, problems, err
}

// fromJSON reads the JSON that is no YAML: with a colon at the beginning of a line, a
// key of more than 1024 characters, or a DEL as it is. Such a value has no positions.
// notYAML is why it is no YAML. It is the error of what is no JSON either, unless it
// should be: then JSON knows the place better.
func fromJSON(file string, data []byte, notYAML error) (*config.Value, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	x, notJSON := python.ParseJSON(data)
	if notJSON == nil {
		return config.FromAny(file, x), nil
	}
	var syntax *json.SyntaxError
	if looksLikeJSON(file, data) && errors.As(notJSON, &syntax) {
		return nil, position(file, data, int(syntax.Offset)-1).Errorf("it is no JSON: %v", syntax)
	}
	return nil, notYAML
}

func looksLikeJSON(file string, data []byte) bool {
	data = bytes.TrimSpace(data)
	return (strings.HasSuffix(file, ".json") || strings.HasSuffix(file, ".js")) && len(data) > 0 && (data[0] == '{' || data[0] == '[')
}

// position is the place of a byte.
func position(file string, data []byte, offset int) config.Pos {
	before := data[:max(0, min(offset, len(data)))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return config.Pos{File: file, Line: bytes.Count(before, []byte("\n")) + 1, Column: utf8.RuneCount(before[start:]) + 1}
}
