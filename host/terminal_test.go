package host_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloudseed/host"
	"cloudseed/secret"
	"cloudseed/test/needs"
)

// asks is a program that reads a password as programs do, and then wants to know more.
const asks = `[ -t 0 ] || { echo 'not interactive'; exit 64; }
printf 'Password: ' >/dev/tty
IFS= read -r password </dev/tty
echo "password $password"
if read -r more; then echo "more $more"; else echo 'no more'; fi
echo to-stderr >&2
exit 3`

func TestACommandIsAnsweredOnItsTerminal(t *testing.T) {
	t.Parallel()
	var effects []host.Effect
	h := host.New("/", host.Options{Record: func(e host.Effect) { effects = append(effects, e) }})
	r, err := h.Run(t.Context(), host.Command{
		Argv: []string{"sh", "-c", asks}, Prompt: "assword:", Stdin: secret.NewBytes([]byte(" s3cret 'x' ")), OK: []int{3},
	})
	if err != nil || r.Exit != 3 || r.Stdout != "password  s3cret 'x' \nno more\n" || r.Stderr != "to-stderr\n" {
		t.Errorf("got %+v, %v", r, err)
	}
	if len(effects) != 1 || strings.Contains(fmt.Sprint(effects), "s3cret") {
		t.Errorf("recorded: %+v", effects)
	}
}

func TestACommandThatDoesNotAskGetsNoAnswer(t *testing.T) {
	t.Parallel()
	h := host.New("/", host.Options{})
	for script, want := range map[string]string{
		"echo done": "done\n",
		"printf 'Name: ' >/dev/tty; sleep 2; echo late": "late\n",
	} {
		r, err := h.Run(t.Context(), host.Command{Argv: []string{"sh", "-c", script}, Prompt: "assword:", Stdin: secret.NewBytes([]byte("s3cret"))})
		if err != nil || r.Stdout != want {
			t.Errorf("%s: got %+v, %v", script, r, err)
		}
	}
}

func TestACommandThatWaitsOnItsTerminalIsEnded(t *testing.T) {
	t.Parallel()
	start := time.Now()
	_, err := host.New("/", host.Options{}).Run(t.Context(), host.Command{
		Argv: []string{"sh", "-c", "read -r x"}, Prompt: "assword:", Stdin: secret.NewBytes([]byte("s3cret")), Timeout: time.Second,
	})
	if err == nil || !strings.Contains(err.Error(), "it took longer than 1s") || time.Since(start) > 20*time.Second {
		t.Errorf("after %s: %v", time.Since(start), err)
	}
}

func TestAMissingProgramWithATerminalIsMissing(t *testing.T) {
	t.Parallel()
	_, err := host.New("/", host.Options{}).Run(t.Context(), host.Command{Argv: []string{"no-such-program"}, Prompt: "x", Stdin: secret.NewBytes([]byte("y"))})
	var missing *host.MissingError
	if !errors.As(err, &missing) {
		t.Errorf("got %v", err)
	}
}

// Python's getpass discards what was typed before it asks.
func TestPythonsGetpassIsAnswered(t *testing.T) {
	t.Parallel()
	needs.Programs(t, "python3")
	const script = `import getpass, sys
if not sys.stdin.isatty(): sys.exit(64)
print("got", repr(getpass.getpass("Password: ").strip()))
try: print(input("Organization: "))
except EOFError: print("no organization")`
	r, err := host.New("/", host.Options{}).Run(t.Context(), host.Command{
		Argv: []string{"python3", "-c", script}, Prompt: "assword:", Stdin: secret.NewBytes([]byte("s3cret")), Timeout: time.Minute,
	})
	if err != nil || r.Stdout != "got 's3cret'\nOrganization: no organization\n" || strings.Contains(r.Stderr, "Warning") {
		t.Errorf("got %+v, %v", r, err)
	}
}
