package boot

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"cloudseed/config"
	"cloudseed/template"
)

// variables are what templates of the seed's and of the system's know of the instance.
func (b *Boot) variables() (map[string]any, error) {
	return template.Variables(b.facts().All()), nil
}

// templateLayer is a layer of the system's configuration that is a template. Before there
// is an instance it is empty; fillIn makes it what it says then.
//
// Difference from cloud-init: it reads the template itself as YAML then.
func (b *Boot) templateLayer(name string, data []byte) config.Layer {
	if layer, ok := b.filled[name]; ok {
		return layer
	}
	if b.unfilled == nil {
		b.unfilled = map[string]string{}
	}
	b.unfilled[name] = string(data)
	return config.Layer{Name: name}
}

// fillIn fills in the templates among the system's configuration, now that there is an
// instance. One that cannot be filled in counts as empty.
func (b *Boot) fillIn(ctx context.Context) {
	if b.systemLayers(); len(b.unfilled) == 0 {
		return
	}
	b.filled = map[string]config.Layer{}
	for _, name := range slices.Sorted(maps.Keys(b.unfilled)) {
		_, text := template.Kind(b.unfilled[name])
		delete(b.unfilled, name)
		became, err := template.Template{Text: text, At: config.Pos{File: name, Line: 2}}.Fill(ctx, template.Variables(b.facts().All()))
		b.problems(became.Missing)
		b.filled[name] = config.Layer{Name: name}
		if err != nil {
			b.note(fmt.Errorf("%w; the file counts as empty", err))
			continue
		}
		b.filled[name] = b.yamlLayer(name, []byte(became.Text), became.Lines)
	}
	for i, layer := range b.layers {
		if filled, ok := b.filled[layer.Name]; ok {
			b.layers[i] = filled
		}
	}
	b.config = b.systemConfig()
}
