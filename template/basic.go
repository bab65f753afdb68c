package template

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cloudseed/config"
)

// Fill fills in a template of the language that its first line names: "## template:
// jinja", "## template: basic", or none, which is basic. Variables that are missing in jinja
// are reported at a cursor.
func Fill(ctx context.Context, at config.Cursor, text string, variables map[string]string) (string, error) {
	kind, rest := Kind(text)
	switch kind {
	case "", "basic":
		filled, unknown := substitute(rest, variables)
		if unknown != "" {
			return "", fmt.Errorf("there is no variable $%s: there %s", unknown, variableNames(variables))
		}
		return filled, nil
	case "jinja":
		return fillJinja(ctx, at, rest, variables)
	}
	return "", fmt.Errorf("there is no template language %q: there are jinja and basic", kind)
}

// variableNames are the names in small letters, of those that have both: "are $a and $b".
func variableNames(variables map[string]string) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if _, small := variables[strings.ToLower(name)]; !small || name == strings.ToLower(name) {
			names = append(names, "$"+name)
		}
	}
	if len(names) == 1 {
		return "is " + names[0]
	}
	return "are " + strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// fillJinja fills in a template of jinja. Places in it are told by its own lines.
func fillJinja(ctx context.Context, at config.Cursor, text string, variables map[string]string) (string, error) {
	all := map[string]any{}
	for name, value := range variables {
		all[name] = value
	}
	filled, missing, err := Template{Text: text, At: config.Pos{File: "template", Line: 2}}.Render(ctx, all)
	for _, p := range missing {
		at.Reportf(p.Severity, "%s", p.Error())
	}
	return filled, err
}

// substitute puts values in place of $name and ${name}, and tells the first name
// that it does not know. A dollar with no name after it stays.
//
// Difference from cloud-init: a dot after a name ends the sentence and not the
// message. There "$uptime." is a variable called "uptime." and an error.
func substitute(template string, variables map[string]string) (filled, unknown string) {
	filled = regexp.MustCompile(`\$\{[A-Za-z0-9_.]+\}|\$[A-Za-z0-9_]+`).ReplaceAllStringFunc(template, func(match string) string {
		name := strings.Trim(match, "${}")
		value, ok := variables[name]
		if !ok && unknown == "" {
			unknown = name
		}
		return value
	})
	return filled, unknown
}
