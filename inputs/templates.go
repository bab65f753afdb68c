package inputs

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"cloudseed/config"
	"cloudseed/template"
)

// variables are what templates of the seed's and of the system's know of the instance.
func (r *Reader) variables() (map[string]any, error) {
	return template.Variables(r.Facts().All()), nil
}

// templateLayer is a layer of the system's configuration that is a template. Before there
// is an instance it is empty; fillIn makes it what it says then.
//
// Difference from cloud-init: it reads the template itself as YAML then.
func (r *Reader) templateLayer(name string, data []byte) config.Layer {
	if layer, ok := r.filled[name]; ok {
		return layer
	}
	if r.templates == nil {
		r.templates = map[string]string{}
	}
	r.templates[name] = string(data)
	return config.Layer{Name: name}
}

// fillIn fills in the templates among the system's configuration, now that there is an
// instance. One that cannot be filled in counts as empty.
func (r *Reader) fillIn(ctx context.Context) {
	if r.systemLayers(); len(r.templates) == 0 {
		return
	}
	r.filled = map[string]config.Layer{}
	for _, name := range slices.Sorted(maps.Keys(r.templates)) {
		_, text := template.Kind(r.templates[name])
		delete(r.templates, name)
		became, err := template.Template{Text: text, At: config.Pos{File: name, Line: 2}}.Fill(ctx, template.Variables(r.Facts().All()))
		r.o.Problems(became.Missing)
		r.filled[name] = config.Layer{Name: name}
		if err != nil {
			r.o.Note(fmt.Errorf("%w; the file counts as empty", err))
			continue
		}
		r.filled[name] = r.yamlLayer(name, []byte(became.Text), became.Lines)
	}
	for i, layer := range r.layers {
		if filled, ok := r.filled[layer.Name]; ok {
			r.layers[i] = filled
		}
	}
}
