package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"time"

	"cloudseed/host"
	"cloudseed/printable"
	"cloudseed/state"

	"github.com/spf13/cobra"
)

// perName is the name by which the program runs a command once, once for an instance, or
// always: cloud-init-per, which boothooks and bootcmd call.
const perName = "cloud-init-per"

// perCommand is cloud-init-per, with its exit codes and the files that record what ran.
func perCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:    perName + " once|instance|always NAME COMMAND [ARGUMENT...]",
		Short:  "Run a command once, once for an instance, or always",
		Hidden: true, // it is called by its own name
		Long: `Run a command once in the life of the machine, once for an instance, or always, whatever
calls this and how often. NAME is what is recorded. The exit code is the command's, and 0
where it has run before, however it ended.`,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) < 3 {
				return errors.New(perName + " takes a frequency, a name and a command")
			}
			return g.per(args[0], strings.ReplaceAll(args[1], "-", "_"), args[2:])
		},
	}
	cmd.Flags().SetInterspersed(false) // what follows the frequency is the command's
	return cmd
}

func (g *globals) per(frequency, name string, argv []string) error {
	if strings.Contains(name, "/") {
		return fmt.Errorf("the name %q cannot contain a slash", name)
	}
	if err := g.needsRoot(); err != nil {
		return err
	}
	dir, known := map[string]string{
		"once": state.CloudDir, "always": state.CloudDir, "instance": state.InstanceLink,
	}[frequency]
	if !known {
		return fmt.Errorf("there is no frequency %q: it is once, instance or always", frequency)
	}
	plain := host.New(g.root, host.Options{})
	h := host.New(g.root, host.Options{Guard: state.Guard(plain)})
	record := path.Join(dir, "sem", "bootper."+name+"."+frequency)
	// Versions up to 22 wrote the name with dashes.
	old := path.Join(dir, "sem", strings.ReplaceAll(path.Base(record), "_", "-"))
	if frequency != "always" && (h.Exists(record) || h.Exists(old)) {
		return nil
	}
	code, err := runPlain(argv)
	if err != nil {
		return err
	}
	if _, err := h.WriteFile(record, fmt.Appendf(nil, "%d\t%d\n", code, time.Now().Unix()), host.File{}); err != nil {
		return err
	}
	if err := h.Sync(); err != nil {
		return err
	}
	if code != 0 {
		return exitCode(code)
	}
	return nil
}

// runPlain runs a command in this process's place: with its input, output, directory and
// environment. The exit code is a shell's where there is no such program.
func runPlain(argv []string) (code int, err error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	var ended *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &ended) && ended.Exited():
		return ended.ExitCode(), nil
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, os.ErrNotExist):
		printable.Fprintf(os.Stderr, "%s: %s: not found\n", perName, shellword(argv[0]))
		return 127, nil
	}
	return 0, fmt.Errorf("cannot run %s: %w", argv[0], err)
}
