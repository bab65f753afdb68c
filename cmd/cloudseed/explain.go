package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/printable"
	"cloudseed/secret"

	"github.com/spf13/cobra"
)

// explainCommand prints the merged configuration, and where each value comes from:
//
//	chpasswd.expire: false
//	    user-data:7:11
//	    instead of true, /etc/cloud/cloud.cfg:12:3
func explainCommand(g *globals) *cobra.Command {
	var showSecrets bool
	cmd := &cobra.Command{
		Use:   "explain [--show-secrets] [KEY]",
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
					return fmt.Errorf("no such key: %s; cloudseed explain lists all", path)
				}
			}
			return (&explanation{cmd.OutOrStdout(), c, showSecrets}).of(path, value)
		},
	}
	cmd.Flags().BoolVar(&showSecrets, "show-secrets", false, "show passwords, keys and logins in URLs")
	return cmd
}

// explanation prints values and where they come from.
type explanation struct {
	w           io.Writer
	config      *config.Config
	showSecrets bool
}

// of prints a value, or all values in it.
func (e *explanation) of(path string, v *config.Value) error {
	switch {
	case v.Kind() == config.Map && len(v.Keys()) > 0:
		for _, key := range v.Keys() {
			if err := e.of(join(path, key), v.Get(key)); err != nil {
				return err
			}
		}
		return nil
	case v.Kind() == config.List && len(v.Items()) > 0 && path != "":
		for i, item := range v.Items() {
			if err := e.of(join(path, strconv.Itoa(i)), item); err != nil {
				return err
			}
		}
		return nil
	}
	if _, err := printable.Fprintf(e.w, "%s: %s    %s\n", path, e.shown(path, v), v.Pos()); err != nil {
		return err
	}
	for _, origin := range overridden(e.config, path) {
		if _, err := printable.Fprintf(e.w, "    instead of %s, %s\n", e.shown(path, origin.Value), origin.Value.Pos()); err != nil {
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

// shown is a value in one line, without what is secret in it.
func (e *explanation) shown(path string, v *config.Value) string {
	text := oneLine(v)
	switch {
	case e.showSecrets || v.IsNull():
		return text
	case holdsSecret(path):
		return secret.Redacted
	}
	return secret.WithoutLogins(text)
}

// holdsSecret reports by the names on its path whether a value is a secret.
func holdsSecret(path string) bool {
	if strings.HasPrefix(path+".", "chpasswd.list.") { // names with passwords
		return true
	}
	return slices.ContainsFunc(strings.Split(path, "."), secret.IsName)
}

func oneLine(v *config.Value) string {
	if v.Kind() == config.String {
		return strconv.Quote(v.Text())
	}
	return v.PyStr()
}
