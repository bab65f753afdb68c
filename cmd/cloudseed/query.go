package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// queryCommand prints instance data: what modules and templates know of the instance.
// Texts are printed as they are, all else as JSON.
func queryCommand(g *globals) *cobra.Command {
	var file, userData, vendorData string
	var all, list bool
	cmd := &cobra.Command{
		Use:   "query [--all | --list-keys] [KEY]",
		Short: "Print what is known of the instance, such as v1.instance_id or ds.meta_data",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !all && !list {
				return usageError{errors.New("which key? give one, or --all or --list-keys"), cmd.CommandPath()}
			}
			data, err := g.openState().InstanceData(file, os.Geteuid() == 0)
			if err != nil {
				return err
			}
			for from, key := range map[string]string{userData: "userdata", vendorData: "vendordata"} {
				if err := replaceByFile(data, key, from); err != nil {
					return err
				}
			}
			var value any = data
			if len(args) == 1 {
				if value, err = lookUp(data, args[0]); err != nil {
					return err
				}
			}
			return printValue(cmd.OutOrStdout(), value, list)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&file, "instance-data", "i", "", "read this `file` instead of the instance data of this boot")
	f.BoolVarP(&all, "all", "a", false, "print everything")
	f.BoolVarP(&list, "list-keys", "l", false, "print the keys only")
	f.StringVarP(&userData, "user-data", "u", "", "take the user data from this `file`")
	f.StringVarP(&vendorData, "vendor-data", "v", "", "take the vendor data from this `file`")
	return cmd
}

func replaceByFile(data map[string]any, key, file string) error {
	if file == "" {
		return nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("cannot read the %s: %w", key, err)
	}
	data[key] = string(content)
	return nil
}

// lookUp follows a path such as "ds.meta_data.uuid" or "v1.public_ssh_keys.0". The
// keys of v1 may be used without "v1.".
func lookUp(data map[string]any, path string) (any, error) {
	if value, err := follow(data, path); err == nil {
		return value, nil
	}
	if v1, ok := data["v1"].(map[string]any); ok {
		if value, err := follow(v1, path); err == nil {
			return value, nil
		}
	}
	_, err := follow(data, path)
	return nil, err
}

func follow(value any, path string) (any, error) {
	walked := ""
	for name := range strings.SplitSeq(path, ".") {
		walked = strings.TrimPrefix(walked+"."+name, ".")
		next, ok := any(nil), false
		switch at := value.(type) {
		case map[string]any:
			if next, ok = at[name]; !ok {
				next, ok = at[strings.ReplaceAll(name, "_", "-")]
			}
		case []any:
			if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(at) {
				next, ok = at[i], true
			}
		}
		if !ok {
			return nil, fmt.Errorf("there is no instance data key %q; cloudseed query --list-keys shows those that are", walked)
		}
		value = next
	}
	return value, nil
}

func printValue(w io.Writer, value any, keysOnly bool) error {
	if keysOnly {
		keys, ok := value.(map[string]any)
		if !ok {
			return errors.New("it has no keys: it is a single value")
		}
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			if _, err := fmt.Fprintln(w, key); err != nil {
				return err
			}
		}
		return nil
	}
	if text, ok := value.(string); ok {
		// What is no text is kept as base64 with this mark, as cloud-init does.
		if encoded, marked := strings.CutPrefix(text, "ci-b64:"); marked {
			if raw, err := base64.StdEncoding.DecodeString(encoded); err == nil {
				text = string(raw)
			}
		}
		_, err := fmt.Fprintln(w, text)
		return err
	}
	return printIndented(w, value, " ")
}
