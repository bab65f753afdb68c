package schema

import (
	"fmt"
	"strings"

	"cloudseed/config"
	"cloudseed/modules"
)

//go:generate go test . -run TestWhatFollowsFromTheRegistryIsCurrent -update

// Reference is a page, in Markdown, of all modules and their keys.
func Reference() string {
	var page strings.Builder
	page.WriteString("# Modules and their keys\n\n" +
		"This page is made of the modules' own key structs by `go generate ./schema`. A module that runs\n" +
		"\"once-per-instance\" runs at the first boot of an instance, \"always\" at every boot. A string may be any\n" +
		"single value: a number is taken as it is written. A key without a value counts as absent.\n")
	for _, m := range modules.All() {
		fmt.Fprintf(&page, "\n## %s\n\n%s\n\nIt runs: %s.", m.Name, m.Doc, m.Frequency)
		if len(m.ActiveIf) > 0 {
			fmt.Fprintf(&page, " Only with: `%s`.", strings.Join(m.ActiveIf, "`, `"))
		}
		if m.OffByDefault {
			fmt.Fprintf(&page, " It is not in the default lists of modules: add it to `%s`.", m.Stage)
		}
		page.WriteString("\n")
		if m.Example != "" {
			fmt.Fprintf(&page, "\n```yaml\n#cloud-config\n%s```\n", m.Example)
		}
		if docs := config.Describe(m.Keys); len(docs) > 0 {
			page.WriteString("\n| key | takes | meaning |\n|---|---|---|\n")
			rows(&page, docs, "")
		}
	}
	return page.String()
}

// rows writes a line for each key, its children below it.
func rows(page *strings.Builder, docs []config.KeyDoc, above string) {
	for _, d := range docs {
		name := above + d.Key
		takes := d.Type
		if len(d.Enum) > 0 {
			takes += ": " + strings.Join(d.Enum, ", ")
		}
		meaning := strings.TrimSuffix(d.Doc, ".") + "."
		if d.Default != "" {
			meaning += " Default: " + d.Default + "."
		}
		for _, spelling := range append([]string{d.Key}, d.Aliases...) {
			if why := d.Deprecated[spelling]; why != "" {
				meaning += " `" + spelling + "` is " + why + "."
			}
		}
		fmt.Fprintf(page, "| `%s` | %s | %s |\n", name, cell(takes), cell(meaning))
		rows(page, d.Children, name+".")
	}
}

// cell keeps a text from ending its column.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
