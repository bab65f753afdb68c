package modules

import (
	"context"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/state"
	"cloudseed/template"
)

type finalMessageKeys struct {
	FinalMessage string `key:"final_message" doc:"the message, a template with $version, $timestamp, $datasource and $uptime"`
}

var finalMessage = Of[finalMessageKeys]{
	Name:       "final_message",
	Stage:      FinalStage,
	Frequency:  state.Always,
	Repeatable: true,
	Doc: "Says that the boot's configuration is finished, in the output and the log, and writes the time " +
		"to boot-finished in the instance's directory, which others wait for.",
	Example: "final_message: The machine is ready after $uptime seconds\n",
	Run:     runFinalMessage,
}.Module()

const defaultFinalMessage = "Cloud-init v. $version finished at $timestamp. Datasource $datasource.  Up $uptime seconds"

func runFinalMessage(ctx context.Context, e *Env, keys *finalMessageKeys) error {
	uptime := fmt.Sprintf("%.2f", e.Host.Uptime().Seconds())
	timestamp := e.Host.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700")
	message := finalText(ctx, e, keys.FinalMessage, map[string]string{
		"version": e.Instance.Version, "timestamp": timestamp, "datasource": e.Instance.Datasource, "uptime": uptime,
	})
	e.Log.Debug(message)
	if e.Output != nil {
		if _, err := io.WriteString(e.Output, message+"\n"); err != nil {
			e.Warn("cannot print the final message: %v", err)
		}
	}
	finished := fmt.Sprintf("%s - %s - v. %s\n", uptime, timestamp, e.Instance.Version)
	_, err := e.Host.Quietly().WriteFile(path.Join(e.Instance.Dir, "boot-finished"), []byte(finished), host.File{})
	return err
}

// finalText is the message that the module's argument or the key asks for. One that
// cannot be rendered is a problem, and the default takes its place.
func finalText(ctx context.Context, e *Env, text string, variables map[string]string) string {
	problem := config.Problem{Severity: config.Error, Pos: e.Config.Get("final_message").Pos(), Key: "final_message"}
	if len(e.Args) > 0 {
		text, problem.Pos, problem.Key = e.Args[0], config.Pos{}, ""
	}
	text = strings.TrimSpace(text)
	if text == "" {
		text = defaultFinalMessage
	}
	for name, value := range variables {
		variables[strings.ToUpper(name)] = value
	}
	message, err := render(ctx, e, problem, text, variables)
	if err == nil {
		return message
	}
	problem.Message = err.Error() + "; the default message was given"
	e.Problem(problem)
	message, _ = substitute(defaultFinalMessage, variables) // it has no unknown names
	return message
}

// render fills in a template of the kind that its first line names: "## template:
// jinja", "## template: basic", or none, which is basic.
func render(ctx context.Context, e *Env, problem config.Problem, text string, variables map[string]string) (string, error) {
	kind, rest := template.Kind(text)
	switch kind {
	case "", "basic":
		text, unknown := substitute(rest, variables)
		if unknown != "" {
			return "", fmt.Errorf("there is no variable $%s: there are $version, $timestamp, $datasource and $uptime", unknown)
		}
		return text, nil
	case "jinja":
		return renderJinja(ctx, e, problem, rest, variables)
	}
	return "", fmt.Errorf("there is no template language %q: there are jinja and basic", kind)
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
