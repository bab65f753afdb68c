package inputs

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/state"
	"cloudseed/template"
)

// builtIn is the lowest layer: what holds where nobody says anything.
const builtIn = `
datasource_list: [NoCloud, ConfigDrive]
vendor_data: {enabled: true, prefix: []}
vendor_data2: {enabled: true, prefix: []}
allow_userdata: true
`

// Where the system's own configuration is.
const (
	mainConfig = "/etc/cloud/cloud.cfg"
	configDir  = "/etc/cloud/cloud.cfg.d"

	// runtimeConfig is for those who look at the machine before the first stage, as
	// cloud-init's ds-identify does; this agent looks for itself.
	runtimeConfig = state.RunDir + "/cloud.cfg"
)

// systemLayers reads the configuration that is there without a seed, low to high:
// built-in, cloud.cfg, cloud.cfg.d, this boot's own, kernel command line. A file that cannot be read
// or understood is reported, once, and counts as empty: it must not cost the boot.
func (r *Reader) systemLayers() []config.Layer {
	if r.layers == nil {
		r.layers = r.readSystemLayers()
	}
	return r.layers
}

func (r *Reader) readSystemLayers() []config.Layer {
	layers := []config.Layer{r.parseLayer("built-in", []byte(builtIn))}
	if main, ok := r.fileLayer(mainConfig); ok {
		layers = append(layers, main)
	}
	dir := configDir
	if other := config.New(layers...).Get("conf_d"); !other.IsNull() {
		dir = other.Text()
	}
	entries, err := r.o.Host.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.o.Note(fmt.Errorf("cannot list %s: %w", dir, err))
	}
	for _, e := range entries { // sorted by name: later ones win
		if strings.HasSuffix(e.Name(), ".cfg") && !e.IsDir() {
			if layer, ok := r.fileLayer(path.Join(dir, e.Name())); ok {
				layers = append(layers, layer)
			}
		}
	}
	if runtime, ok := r.fileLayer(runtimeConfig); ok && !r.o.Store.HasIdentified() {
		layers = append(layers, runtime)
	}
	if text := commandLineConfig(r.o.Cmdline); text != "" {
		layers = append(layers, r.parseLayer("kernel command line", []byte(text)))
	}
	return layers
}

// fileLayer reads a file of configuration; a missing one is no layer.
func (r *Reader) fileLayer(file string) (config.Layer, bool) {
	data, err := r.o.Host.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return config.Layer{}, false
	}
	if err != nil {
		r.o.Note(fmt.Errorf("cannot read %s, it counts as empty: %w", file, err))
		return config.Layer{}, false
	}
	return r.parseLayer(file, data), true
}

func (r *Reader) parseLayer(name string, data []byte) config.Layer {
	if kind, _ := template.Kind(string(data)); kind == "jinja" {
		return r.templateLayer(name, data)
	}
	return r.yamlLayer(name, data, nil)
}

func (r *Reader) yamlLayer(name string, data []byte, lines []int) config.Layer {
	value, problems, err := yaml.ParseFilled(name, data, lines)
	r.o.Problems(problems)
	if err != nil {
		r.o.Note(fmt.Errorf("%w; the file counts as empty", err))
		return config.Layer{Name: name}
	}
	if !value.IsNull() && value.Kind() != config.Map {
		r.o.Note(value.Pos().Errorf("expected a mapping; the file counts as empty"))
		return config.Layer{Name: name}
	}
	return config.Layer{Name: name, Value: value}
}

// commandLineConfig is the YAML between "cc:" and "end_cc" on the kernel's command
// line; several such pieces are joined. A backslash and n stand for a newline, and
// the whole may be URL-encoded, since a boot loader's quoting is what it is.
func commandLineConfig(cmdline string) string {
	var pieces []string
	for rest := cmdline; ; {
		_, after, found := strings.Cut(rest, "cc:")
		if !found {
			break
		}
		piece, next, _ := strings.Cut(after, "end_cc")
		rest = next
		if decoded, err := url.PathUnescape(piece); err == nil {
			piece = decoded
		}
		pieces = append(pieces, strings.TrimSpace(strings.ReplaceAll(piece, `\n`, "\n")))
	}
	return strings.Join(pieces, "\n")
}

// withFiles puts the files named by the user on top of all layers.
func (r *Reader) withFiles(layers []config.Layer) []config.Layer {
	layers = slices.Clone(layers)
	for _, file := range r.o.Files {
		if layer, ok := r.fileLayer(file); ok {
			layers = append(layers, layer)
		} else {
			r.o.Note(fmt.Errorf("there is no file %s", file))
		}
	}
	return layers
}
