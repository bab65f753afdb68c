// Package templates has the templates of configuration files: those of /etc/cloud/templates,
// which the package ships and an administrator may change, and the same built in for where
// they are missing.
package templates

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"cloudseed/host"
)

// Dir is where an administrator finds them, by cloud-init's name.
const Dir = "/etc/cloud/templates"

//go:embed *.tmpl
var builtIn embed.FS

// Template is a template that was not filled in yet.
type Template struct {
	Path string // for messages: its file, or that which it would be
	Text string
}

// Read returns the first of these templates that the guest has in Dir, else the first that is
// built in. A name has the ending ".tmpl" added.
func Read(h *host.Host, names ...string) (Template, error) {
	for _, name := range names {
		file := path.Join(Dir, path.Base(name)+".tmpl")
		text, err := h.ReadFile(file)
		if err == nil {
			return Template{Path: file, Text: string(text)}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return Template{}, err
		}
	}
	for _, name := range names {
		if text, err := builtIn.ReadFile(path.Base(name) + ".tmpl"); err == nil {
			return Template{Path: path.Join(Dir, name+".tmpl"), Text: string(text)}, nil
		}
	}
	return Template{}, fmt.Errorf("there is no template %s/%s.tmpl", Dir, names[0])
}
