package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"cloudseed/host"
	"cloudseed/printable"
	"cloudseed/python"
	"cloudseed/state"
	"cloudseed/template"
)

// read is all that can be asked for: instance data with user data, vendor data and the
// configuration that modules got. Who is not root is told where these are.
func (q query) read(cmd *cobra.Command) (map[string]any, error) {
	data, err := q.instanceData(cmd)
	if err != nil {
		return nil, err
	}
	files := map[string]struct{ file, given string }{
		"userdata":   {path.Join(state.InstanceLink, "user-data.txt"), q.userData},
		"vendordata": {path.Join(state.InstanceLink, "vendor-data.txt"), q.vendorData},
	}
	for key, f := range files {
		if !q.root {
			data[key] = state.Elsewhere(orElse(f.given, f.file))
			continue
		}
		if data[key], err = q.content(f.file, f.given); err != nil {
			return nil, err
		}
	}
	if !q.root {
		data["combined_cloud_config"] = state.Elsewhere(state.CombinedConfigFile)
		return data, nil
	}
	data["combined_cloud_config"], err = q.openState().CombinedConfig()
	return data, err
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// instanceData reads the file that was given, or that of this boot.
func (q query) instanceData(cmd *cobra.Command) (map[string]any, error) {
	data, file, err := readInstanceData(q.globals, q.file, q.root)
	if err == nil && q.file == "" && q.root && file != state.SensitiveFile {
		printable.Fprintf(cmd.ErrOrStderr(), "warning: there is no %s; %s is read, which holds no secrets\n", state.SensitiveFile, file)
	}
	return data, err
}

// readInstanceData reads a file of instance data; "" is that of this boot, of which only
// root has all. whence is the file that was read.
func readInstanceData(g *globals, file string, root bool) (data map[string]any, whence string, err error) {
	if file == "" {
		data, whence, err = g.openState().InstanceData(root)
	} else {
		data, err = instanceDataFile(file)
	}
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w; root may", err)
	}
	return data, whence, err
}

func instanceDataFile(file string) (map[string]any, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the instance data: %w", err)
	}
	return state.ParseInstanceData(file, content)
}

// content is user data or vendor data: a text if it is one, else bytes. Without a file it
// is empty.
func (q query) content(file, given string) (any, error) {
	read := host.New(q.globals.root, host.Options{}).ReadFile
	if given != "" {
		file, read = given, os.ReadFile
	}
	data, err := read(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read %s: %w", file, err)
	}
	if utf8.Valid(data) {
		return string(data), nil
	}
	if text, err := python.Gunzip(data, maxUnzipped); err == nil {
		data = text
	}
	if utf8.Valid(data) {
		return string(data), nil
	}
	return state.Binary(data), nil
}

// maxUnzipped is how much of compressed data is looked at.
const maxUnzipped = 64 << 20

// lookUp follows a path such as "ds.meta_data.uuid" or "v1.public_ssh_keys.0".
//
// Difference from cloud-init: the items of lists have numbers; there that is an error.
func lookUp(value any, path string) (any, error) {
	walked := ""
	for name := range strings.SplitSeq(path, ".") {
		next, ok := member(value, name)
		switch {
		case ok:
		case walked == "":
			return nil, fmt.Errorf("there is no instance-data key %q; cloudseed query --list-keys shows those that there are", path)
		default:
			return nil, fmt.Errorf("instance-data %q has no %q", walked, name)
		}
		value, walked = next, strings.TrimPrefix(walked+"."+name, ".")
	}
	return value, nil
}

// member is what a name leads to: a key, a key that has the name as its alias, or an item.
func member(value any, name string) (any, bool) {
	switch at := value.(type) {
	case map[string]any:
		if next, ok := at[name]; ok {
			return next, true
		}
		for _, key := range slices.Sorted(maps.Keys(at)) {
			if template.Alias(key) == name {
				return at[key], true
			}
		}
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(at) {
			return at[i], true
		}
	}
	return nil, false
}

// printed is a value as it is printed, or its keys.
func printed(value any, key string, keysOnly bool) (string, error) {
	if keysOnly {
		keys, ok := value.(map[string]any)
		if !ok {
			return "", fmt.Errorf("--list-keys needs a key with keys below it, and %q has none", key)
		}
		return strings.Join(slices.Sorted(maps.Keys(keys)), "\n"), nil
	}
	if text, ok := value.(string); ok {
		return text, nil
	}
	return string(python.JSON(value)), nil
}
