package boot

import (
	"errors"
	"io"

	"cloudseed/modules"
)

// env is what a module is given to work with.
func (b *Boot) env(m modules.Module, args []string) *modules.Env {
	return &modules.Env{
		TopLevel: modules.Keys(),
		Host:     b.Host.As(b.stage, m.Name), Config: b.config, Instance: b.instance(),
		Log: b.Log.With("module", m.Name), Args: args, Console: b.tell, Output: b.standardError(),
		Fetch: b.inputs.FetchSource, Post: b.inputs.Post(), Progress: b.progress, Power: b.askPower(),
	}
}

// standardError is where a stage's messages for people go.
func (b *Boot) standardError() io.Writer {
	if b.Output == nil {
		return b.Console
	}
	return outputWriter{b.Output}
}

// outputWriter opens the configured output at the first write.
type outputWriter struct{ output *Output }

func (w outputWriter) Write(text []byte) (int, error) {
	_, stderr := w.output.Files()
	return stderr.Write(text)
}

// tell writes to the console of the machine, and nowhere else: what is told may be a
// password that was made up for somebody who watches.
func (b *Boot) tell(text string) error {
	if b.Terminal == nil {
		return errors.New("this machine has no console that can be written to")
	}
	_, err := io.WriteString(b.Terminal, text)
	return err
}
