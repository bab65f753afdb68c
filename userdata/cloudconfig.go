package userdata

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/config/yaml"
)

// cloudConfig merges a part over those before, or applies it to them when it is a
// JSON patch.
func (p *processor) cloudConfig(part *Part) {
	before := p.result.CloudConfig
	if before == nil {
		before = config.FromAny(p.name, map[string]any{})
	}
	apply := p.merge
	if part.Type == TypeJSONPatch {
		apply = p.patch
	}
	after, err := apply(part, before)
	if err == nil {
		part.Handler = "cloud-config"
		p.result.CloudConfig = after
		p.result.merged = append(p.result.merged, part.Filename)
		return
	}
	// Difference from cloud-init: it names those alone that it cannot read, and not those
	// that it cannot merge.
	p.result.ignored = append(p.result.ignored, part.Filename)
	if errors.Is(err, errEmpty) {
		part.Problem = err.Error()
		p.at(part.top()).Notef("%s", part.Problem)
		return
	}
	p.refuse(part, err)
}

// errEmpty is worth a note only: producers write the header alone when there is
// nothing to say.
var errEmpty = errors.New("it holds nothing but its header")

func (p *processor) merge(part *Part, before *config.Value) (*config.Value, error) {
	fresh, problems, err := part.yaml()
	p.found.Add(problems...)
	switch {
	case err != nil:
		return nil, err
	case fresh.IsNull():
		return nil, errEmpty
	case fresh.Kind() != config.Map:
		if key, ok := yaml.KeyWithoutBlank(fresh.Text()); ok {
			return nil, fresh.Pos().Errorf("a space is missing behind %q", key)
		}
		return nil, fresh.Pos().Errorf(`expected a mapping after #cloud-config, such as "hostname: web1", got %s`, config.KindInWords(fresh))
	}
	rules, fresh, err := config.TakeMergers(fresh)
	if err != nil {
		return nil, err
	}
	fromHeader, err := p.headerRules(part)
	if err != nil {
		return nil, err
	}
	if rules = append(rules, fromHeader...); len(rules) == 0 {
		rules = config.DefaultMergers()
	}
	if !rules.Handle(config.Map) {
		part.Problem = `its rules for merging have none for "dict", so that nothing of it counts`
		p.at(fresh.Pos()).Warnf("%s", part.Problem)
	}
	return rules.Merge(before, fresh)
}

// headerRules are the rules for merging that a MIME part's header gives, behind those
// of the part itself.
func (p *processor) headerRules(part *Part) (config.Mergers, error) {
	for _, name := range []string{"Merge-Type", "X-Merge-Type"} {
		if text := part.header.Get(name); text != "" {
			rules, err := config.ParseMergers(text)
			if err != nil {
				return nil, fmt.Errorf("header %s: %w", name, err)
			}
			return rules, nil
		}
	}
	return nil, nil
}

func (p *processor) patch(part *Part, before *config.Value) (*config.Value, error) {
	const mark = "#cloud-config-jsonp"
	content := bytes.TrimLeft(part.Content.Reveal(), " \t\r\n")
	if hasPrefixFold(content, mark) {
		// Blanks in the mark's place, so that columns stay.
		content = append(bytes.Repeat([]byte(" "), len(mark)), content[len(mark):]...)
	}
	if !json.Valid(content) {
		return nil, errors.New("after #cloud-config-jsonp there must be a JSON patch, and this is no JSON")
	}
	// In JSON a tab can only stand where a blank can, and YAML has no tabs there.
	content = bytes.ReplaceAll(content, []byte("\t"), []byte(" "))
	operations, _, err := yaml.ParseFilled(part.place, yamlNumbers(content), part.lines)
	if err != nil {
		return nil, err
	}
	return before.Patch(operations)
}

// yamlNumbers writes numbers of JSON's that are none for YAML 1.1, 1e3 and 1E-2, as those
// are written there. Columns behind them move.
func yamlNumbers(data []byte) []byte {
	tokens := regexp.MustCompile(`"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?[eE][-+]?[0-9]+`)
	return tokens.ReplaceAllFunc(data, func(token []byte) []byte {
		if token[0] == '"' {
			return token // a text
		}
		f, err := strconv.ParseFloat(string(token), 64)
		if err != nil {
			return token // it is too large
		}
		text := strconv.FormatFloat(f, 'e', -1, 64)
		if !strings.Contains(text, ".") {
			text = strings.Replace(text, "e", ".0e", 1)
		}
		return []byte(text)
	})
}
