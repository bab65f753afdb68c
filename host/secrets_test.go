package host_test

import (
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/secret"
)

func TestWhatACommandSaysIsNotShownWhenItSaysItsSecrets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, stdin, said, want string
		args                    []int
	}{
		{"a complaint without the secret is shown", "root:pw1\n", "line 1: no such user root", "line 1: no such user root", nil},
		{"a whole line of its input is not", "key\n", "bad key", "[redacted]", nil},
		{"nor a password behind a name", "root:p:w\nann:pw2\n", "cannot set pw2", "[redacted]", nil},
		{"nor a secret argument", "", "bad argument two", "[redacted]", []int{1}},
		{"an argument that is no secret is", "", "bad argument two", "bad argument two", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			m.Answer("x", host.Result{Exit: 1, Stderr: "first line\n" + test.said + "\n"}, nil)
			_, err := m.Run(t.Context(), host.Command{Argv: []string{"x", "two"}, Stdin: secret.NewBytes([]byte(test.stdin)), SecretArgs: test.args})
			if want := "x failed with exit code 1: " + test.want; err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}
