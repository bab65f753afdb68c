// Package template fills in templates in the language of Jinja2, in which user data and
// cloud-init's own configuration may be written.
//
// In come a text, where it stands, and variables; out come the filled-in text, what was
// missing, and an error with its line. It is an interpreter of its own because what a
// template stands for must be what Jinja2 makes of it, Python's numbers and texts
// included, and because it must end: a template can neither reach files, other templates
// or the environment, nor take more than a bounded time and memory. It never knows where
// variables come from, nor what becomes of the text.
package template

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloudseed/config"
)

// Limits are what one template may use. Whoever writes user data owns the machine, so
// they are no defence against that person, but against mistakes: a template that loops
// for ever must cost itself and not the boot.
const (
	maxTime   = 10 * time.Second
	maxSteps  = 5_000_000 // values worked out; about a second
	maxMemory = 64 << 20  // bytes of all texts and lists made, the output included
	maxSource = 16 << 20  // bytes of a template
	maxTokens = 500_000   // of a template, without the text between tags
	maxDepth  = 1000      // of what is in each other: calls, brackets, blocks, lists
	maxRange  = 100_000   // Jinja2's sandbox has the same
	maxBits   = 1 << 16   // of a whole number
)

// Missing stands in the output where a variable has no value, followed by its name, in
// cloud-init's own words: tools look for them.
const Missing = "CI_MISSING_JINJA_VAR/"

// Template is a text to be filled in.
type Template struct {
	Text string
	At   config.Pos // of its first line: file and line
}

// Filled is what a template became.
type Filled struct {
	Text    string
	Lines   []int            // where each of its lines came from, in the numbers of Template.At
	Missing []config.Problem // variables without a value; the text says so in their place
}

// Render is Fill for those who need no lines.
func (t Template) Render(ctx context.Context, variables map[string]any) (text string, missing []config.Problem, err error) {
	filled, err := t.Fill(ctx, variables)
	return filled.Text, filled.Missing, err
}

// Fill fills in a template. The error is a config.Problem with the place, and then there
// is no text.
func (t Template) Fill(ctx context.Context, variables map[string]any) (filled Filled, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, maxTime, fmt.Errorf("it was not done within %s", maxTime))
	defer cancel()
	in := &interpreter{budget: budget{ctx: ctx, steps: maxSteps, memory: maxMemory}}
	defer func() {
		if trouble := recover(); trouble != nil {
			filled, err = Filled{}, t.problem(in.at, trouble)
		}
	}()
	if len(t.Text) > maxSource {
		in.fail("a template can have %d MiB at most", maxSource>>20)
	}
	source, end := unixLines(t.Text)
	tree := parse(in, source)
	in.run(tree, variables)
	text := in.out.String() + end
	for i := range in.lines {
		in.lines[i] += max(t.At.Line, 1) - 1
	}
	return Filled{text, in.lines, t.missing(in, text)}, nil
}

// unixLines makes all line ends Unix's, as Jinja2 does. The last one is not the
// template's: a block's end there would take it, and cloud-init puts it back.
func unixLines(text string) (lines, end string) {
	if strings.HasSuffix(text, "\n") {
		end = "\n"
	}
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return strings.TrimSuffix(text, "\n"), end
}

// failure is what stops a template. It is thrown, as text/template does it, since nearly
// everything can fail, and caught by Render alone.
type failure struct {
	message string
	at      pos
}

// problem makes what was thrown an error with its place.
func (t Template) problem(at pos, trouble any) error {
	message := fmt.Sprintf("a mistake in cloudseed itself, please report it: %v", trouble)
	if f, ok := trouble.(failure); ok {
		message, at = f.message, f.at
	}
	return t.place(at).Errorf("%s", message)
}

func (t Template) place(at pos) config.Pos {
	line := max(t.At.Line, 1)
	if at.line > 0 {
		line += at.line - 1
	}
	return config.Pos{File: t.At.File, Line: line, Column: at.column}
}

// missing are the variables without a value that are in the output.
func (t Template) missing(in *interpreter, text string) []config.Problem {
	var found config.Findings
	told := map[miss]bool{} // a loop may print one often
	for _, m := range in.missing {
		if strings.Contains(text, Missing+m.name) && !told[m] {
			told[m] = true
			shown := Missing + m.name
			if strings.HasSuffix(m.path, "[…]") { // the name was worked out, perhaps of a secret
				shown = Missing + " and what is in brackets"
			}
			found.At(t.place(m.at), "").Warnf("the template's variable %s has no value; %s stands in its place", m.path, shown)
		}
	}
	problems := found.List()
	slices.SortStableFunc(problems, func(a, b config.Problem) int {
		return cmp.Or(a.Pos.Line-b.Pos.Line, a.Pos.Column-b.Pos.Column)
	})
	return problems
}

// Kind is the language that a text's first line names, "## template: jinja" or "##
// template: basic" in any case and with or without the blanks, and the text without that
// line. It is "" for a text without such a line.
func Kind(text string) (kind, rest string) {
	first, rest, _ := strings.Cut(text, "\n")
	header, isComment := strings.CutPrefix(first, "##")
	header = strings.TrimLeft(header, "\t\n\f\r ")
	const name = "template:"
	if !isComment || len(header) < len(name) || !strings.EqualFold(header[:len(name)], name) {
		return "", text
	}
	return strings.ToLower(strings.TrimSpace(header[len(name):])), rest
}

// ErrNotJinja is what RenderText has for a text without jinja's header.
var ErrNotJinja = errors.New(`it is no jinja template: its first line is not "## template: jinja"`)

// RenderText fills in a text whose first line says that it is a template.
func RenderText(ctx context.Context, file, text string, variables map[string]any) (string, []config.Problem, error) {
	kind, rest := Kind(text)
	if kind != "jinja" {
		return "", nil, ErrNotJinja
	}
	return Template{Text: rest, At: config.Pos{File: file, Line: 2}}.Render(ctx, variables)
}
