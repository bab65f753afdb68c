package main

import (
	"fmt"
	"io"
	"strconv"

	"cloudseed/config"
	"cloudseed/printable"

	"github.com/spf13/cobra"
)

// explainCommand prints the merged configuration, and where each value comes from:
//
//	chpasswd.expire: false
//	    user-data:7:11
//	    instead of true, /etc/cloud/cloud.cfg:12:3
func explainCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [KEY]",
		Short: "Tell where each value of the configuration comes from, and what it overrides",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := g.onlooker(cmd.ErrOrStderr()).Configuration(cmd.Context())
			if err != nil {
				return err
			}
			path := ""
			value := c.Root()
			if len(args) == 1 {
				path = args[0]
				if value = c.Get(path); value == nil {
					return fmt.Errorf("nothing says %s; cloudseed explain shows all that is said", path)
				}
			}
			return explain(cmd.OutOrStdout(), c, path, value)
		},
	}
}

// explain prints a value, or all values in it.
func explain(w io.Writer, c *config.Config, path string, v *config.Value) error {
	switch {
	case v.Kind() == config.Map && len(v.Keys()) > 0:
		for _, key := range v.Keys() {
			if err := explain(w, c, join(path, key), v.Get(key)); err != nil {
				return err
			}
		}
		return nil
	case v.Kind() == config.List && len(v.Items()) > 0 && path != "":
		for i, item := range v.Items() {
			if err := explain(w, c, join(path, strconv.Itoa(i)), item); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err := printable.Fprintf(w, "%s: %s    %s\n", path, oneLine(v), v.Pos()); err != nil {
		return err
	}
	for _, origin := range overridden(c, path) {
		if _, err := printable.Fprintf(w, "    instead of %s, %s\n", oneLine(origin.Value), origin.Value.Pos()); err != nil {
			return err
		}
	}
	return nil
}

// overridden are the values that lower layers have at a path.
func overridden(c *config.Config, path string) []config.Origin {
	origins := c.Origins(path)
	if len(origins) < 2 {
		return nil
	}
	return origins[1:]
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func oneLine(v *config.Value) string {
	if v.Kind() == config.String {
		return strconv.Quote(v.Text())
	}
	return v.PyStr()
}
