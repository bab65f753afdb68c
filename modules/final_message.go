package modules

import (
	"context"
	"fmt"
	"io"
	"path"
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
	at := e.At("final_message")
	if len(e.Args) > 0 {
		text, at = e.Args[0], e.findings.At(config.Pos{}, "")
	}
	text = strings.TrimSpace(text)
	if text == "" {
		text = defaultFinalMessage
	}
	for name, value := range variables {
		variables[strings.ToUpper(name)] = value
	}
	message, err := template.Fill(ctx, at, text, variables)
	if err != nil {
		at.Errorf("%v; the default message was given", err)
		message, _ = template.Fill(ctx, at, defaultFinalMessage, variables) // it has no unknown names
	}
	return message
}
