package schema

import (
	"fmt"
	"strings"

	"cloudseed/config"
)

// Annotate gives a document with a mark behind each line in which something is wrong,
// # E1 or # D1, and below it what the marks stand for, in cloud-init's form. Problems of
// other files are told below with their place.
func Annotate(file, document string, problems []config.Problem) string {
	marks := map[int][]string{}
	var sections []string
	for _, kind := range []struct {
		title, letter string
		is            func(config.Severity) bool
	}{
		{"Errors", "E", IsFault},
		{"Deprecations", "D", func(s config.Severity) bool { return s == config.Deprecated }},
	} {
		var notes []string
		for _, p := range problems {
			if !kind.is(p.Severity) {
				continue
			}
			mark := fmt.Sprintf("%s%d", kind.letter, len(notes)+1)
			if p.Pos.File == file && p.Pos.Line > 0 {
				marks[p.Pos.Line] = append(marks[p.Pos.Line], mark)
				p.Pos = config.Pos{}
			}
			notes = append(notes, "# "+mark+": "+strings.ReplaceAll(p.Error(), "\n", "\n#   "))
		}
		if len(notes) > 0 {
			sections = append(sections, fmt.Sprintf("# %s: -------------\n%s\n\n", kind.title, strings.Join(notes, "\n")))
		}
	}
	if len(sections) == 0 {
		return document
	}
	lines := strings.Split(document, "\n")
	for i := range lines {
		if of := marks[i+1]; len(of) > 0 {
			lines[i] += "\t\t# " + strings.Join(of, ",")
		}
	}
	return strings.Join(append(lines, sections...), "\n")
}

// IsFault tells what makes a document invalid: all that is not applied as it is written,
// or not for certain. A spelling that is deprecated is applied.
func IsFault(s config.Severity) bool { return s == config.Error || s == config.Warning }
