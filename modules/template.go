package modules

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/template"
)

// render fills in a template of the kind that its first line names: "## template:
// jinja", "## template: basic", or none, which is basic.
func render(ctx context.Context, e *Env, problem config.Problem, text string, variables map[string]string) (string, error) {
	kind, rest := template.Kind(text)
	switch kind {
	case "", "basic":
		text, unknown := substitute(rest, variables)
		if unknown != "" {
			return "", fmt.Errorf("there is no variable $%s: there %s", unknown, variableNames(variables))
		}
		return text, nil
	case "jinja":
		return renderJinja(ctx, e, problem, rest, variables)
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

// renderJinja fills in a template of jinja. Places in it are told by its own lines.
func renderJinja(ctx context.Context, e *Env, at config.Problem, text string, variables map[string]string) (string, error) {
	all := map[string]any{}
	for name, value := range variables {
		all[name] = value
	}
	filled, missing, err := template.Template{Text: text, At: config.Pos{File: "template", Line: 2}}.Render(ctx, all)
	for _, p := range missing {
		at.Severity, at.Message = p.Severity, p.Error()
		e.Problem(at)
	}
	return filled, err
}

// substitute puts values in place of $name and ${name}, and tells the first name
// that it does not know. A dollar with no name after it stays.
//
// Difference from cloud-init: a dot after a name ends the sentence and not the
// message. There "$uptime." is a variable called "uptime." and an error.
func substitute(template string, variables map[string]string) (text, unknown string) {
	text = regexp.MustCompile(`\$\{[A-Za-z0-9_.]+\}|\$[A-Za-z0-9_]+`).ReplaceAllStringFunc(template, func(match string) string {
		name := strings.Trim(match, "${}")
		value, ok := variables[name]
		if !ok && unknown == "" {
			unknown = name
		}
		return value
	})
	return text, unknown
}
