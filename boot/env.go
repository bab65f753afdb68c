package boot

import (
	"errors"
	"io"

	"cloudseed/modules"
)

// env is what a module is given to work with.
func (run *runner) env(m modules.Module, args []string) *modules.Env {
	return &modules.Env{
		TopLevel: modules.Keys(),
		Host:     run.o.Host.As(run.stage.name, m.Name), Config: run.config, Instance: run.moduleInstance(),
		Log: run.o.Log.With("module", m.Name), Args: args, Console: run.tell, Output: run.standardError(),
		Fetch: run.inputs.FetchSource, Post: run.inputs.Post(), Progress: run.progress, Power: run.askPower(),
	}
}

// standardError is where a stage's messages for people go.
func (run *runner) standardError() io.Writer {
	if run.o.Output == nil {
		return run.o.Console
	}
	return outputWriter{run.o.Output}
}

// outputWriter writes to the configured output.
type outputWriter struct{ output *Output }

func (w outputWriter) Write(text []byte) (int, error) { return len(text), w.output.Say(string(text)) }

// tell writes to the console of the machine, and nowhere else: what is told may be a
// password that was made up for somebody who watches.
func (run *runner) tell(text string) error {
	if run.o.Terminal == nil {
		return errors.New("this machine has no console that can be written to")
	}
	_, err := io.WriteString(run.o.Terminal, text)
	return err
}
