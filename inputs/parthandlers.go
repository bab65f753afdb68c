package inputs

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"cloudseed/datasource"
	"cloudseed/host"
	"cloudseed/secret"
	"cloudseed/state"
	"cloudseed/userdata"
)

// Part handlers are Python programs written for cloud-init, which calls functions in
// them. Here each runs in a process of its own, by the guest's Python and a driver of
// ours. It is asked which types of parts it takes, once; then, where cloud-init runs it,
// it is given those parts.
//
// Difference from cloud-init: the object that a handler gets as "data" knows the
// instance's id and no more, and the package cloudinit is not there to be imported.

//go:embed parthandler.py
var partHandlerDriver []byte

const (
	partHandlerTime = 10 * time.Minute // for one handler, all of its parts

	// consumeMark says that the handlers have run for this instance, by cloud-init's name.
	consumeMark = "consume_data"
)

// pythons are where Python is: RHEL 8 has one for programs of the system, even where
// nobody has installed one for people.
var pythons = []string{"python3", "/usr/libexec/platform-python"}

// handlerTask is what the driver is asked, handlerAnswer what it answers.
type handlerTask struct {
	File      string        `json:"file"`
	Frequency string        `json:"frequency"` // of this run; "" only asks for the types
	Instance  string        `json:"instance"`
	Parts     []handledPart `json:"parts"`
}

type handledPart struct {
	Type     string            `json:"type"`
	Filename string            `json:"filename"`
	Content  []byte            `json:"content"`
	Headers  map[string]string `json:"headers"`
}

type handlerAnswer struct {
	Types     []string `json:"types"`
	Frequency string   `json:"frequency"`
	Faults    []struct {
		Part  string `json:"part"`
		Error string `json:"error"`
	} `json:"faults"`
}

// handlerFile is where a handler's program is: that of a part by cloud-init's name, that
// of the machine where it is.
func (r *Reader) handlerFile(h userdata.Handler) string {
	if path.IsAbs(h.Name) {
		return h.Name
	}
	return path.Join(state.InstanceDir(r.seed.InstanceID), "handlers", h.Name)
}

// answersFile keeps what handlers answered, by digests of their programs: every stage
// reads user data anew, and only that which applies it may run anything.
func (r *Reader) answersFile() string {
	return path.Join(state.InstanceDir(r.seed.InstanceID), "data", "part-handlers.json")
}

func (r *Reader) handlerAnswers() (map[string]handlerAnswer, error) {
	answers := map[string]handlerAnswer{}
	data, err := r.o.Host.ReadFile(r.answersFile())
	if errors.Is(err, fs.ErrNotExist) {
		return answers, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &answers)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read what part handlers answered: %w", err)
	}
	return answers, nil
}

// typesOf asks a part handler which types it takes, or remembers it.
func (r *Reader) typesOf(ctx context.Context, h userdata.Handler) ([]string, error) {
	answers, err := r.handlerAnswers()
	if err != nil {
		return nil, err
	}
	answer, known := answers[digestOf(h)]
	if !r.asksHandlers() {
		if !known {
			return nil, errors.New("it was not asked, or did not work, when the user data was applied")
		}
		return answer.Types, nil
	}
	if !path.IsAbs(h.Name) {
		if _, err := r.o.Host.WriteFile(r.handlerFile(h), h.Content.Reveal(), host.File{Mode: 0o600, Secret: true}); err != nil {
			return nil, err
		}
	}
	if known {
		return answer.Types, nil
	}
	err = r.o.Once("types of "+digestOf(h), func() error {
		answer, err = r.ask(ctx, handlerTask{File: r.handlerFile(h), Instance: r.seed.InstanceID})
		return err
	})
	if err != nil {
		return nil, err
	}
	answers[digestOf(h)] = answer
	data, err := json.Marshal(answers)
	if err != nil {
		return nil, err
	}
	return answer.Types, r.o.Store.Write(r.answersFile(), data)
}

// asksHandlers tells whether this stage may run handlers: that which applies user data.
func (r *Reader) asksHandlers() bool {
	return r.how.Apply && (!r.o.Early || r.seed.Mode == datasource.ModeLocal)
}

func digestOf(h userdata.Handler) string {
	sum := sha256.Sum256(h.Content.Reveal())
	return hex.EncodeToString(sum[:])
}

// systemHandlers are the handlers that the machine itself has.
func (r *Reader) systemHandlers(ctx context.Context) []userdata.Handler {
	files, err := r.o.Host.Glob(path.Join(state.CloudDir, "handlers", "*.py"))
	if err != nil {
		r.o.Note(err)
		return nil
	}
	var all []userdata.Handler
	for _, file := range files {
		content, err := r.o.Host.ReadFile(file)
		if err != nil {
			r.o.Note(fmt.Errorf("cannot read the part handler %s: %w", file, err))
			continue
		}
		h := userdata.Handler{Name: file, Content: secret.NewBytes(content)}
		if h.Types, err = r.typesOf(ctx, h); err != nil {
			if r.asksHandlers() {
				r.o.Note(fmt.Errorf("the part handler %s cannot be used: %w", file, err))
			}
			continue
		}
		all = append(all, h)
	}
	return all
}

// ask runs the driver with a task. What the handler prints goes where the output of
// scripts goes.
func (r *Reader) ask(ctx context.Context, task handlerTask) (handlerAnswer, error) {
	python := ""
	for _, candidate := range pythons {
		if _, err := r.o.Host.LookPath(candidate); err == nil {
			python = candidate
			break
		}
	}
	if python == "" {
		return handlerAnswer{}, errors.New("this machine has no python3 to run it")
	}
	driver := path.Join(state.RunDir, "part-handler-driver.py")
	if _, err := r.o.Host.Quietly().WriteFile(driver, partHandlerDriver, host.File{Mode: 0o600}); err != nil {
		return handlerAnswer{}, err
	}
	input, err := json.Marshal(task)
	if err != nil {
		return handlerAnswer{}, err
	}
	result, err := r.o.Host.Run(ctx, host.Command{
		Argv: []string{python, driver, path.Base(task.File)}, Stdin: secret.NewBytes(input), Timeout: partHandlerTime, Secretive: true,
	})
	if w := r.o.Stderr; w != nil && result.Stderr != "" {
		if _, err := w.Write([]byte(result.Stderr)); err != nil {
			r.o.Log.Debug("cannot write what a part handler says: " + err.Error())
		}
	}
	if err != nil {
		return handlerAnswer{}, handlerFault(err)
	}
	var answer handlerAnswer
	if err := json.Unmarshal([]byte(result.Stdout), &answer); err != nil {
		return handlerAnswer{}, fmt.Errorf("it ended without an answer: %w", err)
	}
	if answer.Types == nil && len(answer.Faults) > 0 {
		return answer, errors.New(answer.Faults[0].Error)
	}
	return answer, nil
}

// handlerFault is how the process of a handler failed, without what it said: that is in
// the output, and may be anything.
func handlerFault(err error) error {
	var exit *host.ExitError
	if errors.As(err, &exit) && exit.Exit >= 0 {
		return fmt.Errorf("its process ended with exit code %d", exit.Exit)
	}
	return err
}

// RunHandlers gives handlers their parts. Those that are for the instance get them in
// its first boot, and the others at each: frequency is what this boot is to them.
func (r *Reader) RunHandlers(ctx context.Context, source string, handlers []userdata.Handler, frequency state.Frequency) {
	if len(handlers) == 0 {
		return
	}
	answers, err := r.handlerAnswers()
	if err != nil {
		r.o.Note(err)
		return
	}
	for _, h := range handlers {
		its := answers[digestOf(h)].Frequency
		if its != string(state.Always) && its != string(frequency) {
			continue
		}
		task := handlerTask{File: r.handlerFile(h), Frequency: string(frequency), Instance: r.seed.InstanceID}
		for _, part := range h.Parts {
			task.Parts = append(task.Parts, handledPart{part.Type, part.Filename, part.Content.Reveal(), part.Headers})
		}
		var answer handlerAnswer
		err := r.o.Once("parts of "+source+" for "+digestOf(h), func() (err error) {
			answer, err = r.ask(ctx, task)
			return err
		})
		if err != nil {
			r.o.Note(fmt.Errorf("%s: part handler %s: %w", source, path.Base(h.Name), err))
			continue
		}
		for _, f := range answer.Faults {
			r.o.Note(fmt.Errorf("%s: part handler %s: %s: %s", source, path.Base(h.Name), f.Part, f.Error))
		}
	}
}

// Handled frames the running of all handlers: once for the instance, as far as they are
// for that.
func (r *Reader) Handled(sources []Source, run func(state.Frequency)) {
	none := true
	for _, s := range sources {
		none = none && len(s.Result.Handlers) == 0
	}
	if none {
		run(state.Always)
		return
	}
	standing, err := r.o.Store.Standing(consumeMark, state.PerInstance)
	if err != nil {
		r.o.Note(err)
	}
	if standing != state.NotRun || err != nil {
		if standing == state.Interrupted {
			r.o.Note(errors.New("the part handlers were interrupted in an earlier boot; those that run once for an instance were not run again"))
			r.o.Note(r.o.Store.End(consumeMark, state.PerInstance))
		}
		run(state.Always)
		return
	}
	r.o.Note(r.o.Store.Begin(consumeMark, state.PerInstance))
	run(state.PerInstance)
	r.o.Note(r.o.Store.End(consumeMark, state.PerInstance))
}
