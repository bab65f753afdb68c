package main

import (
	"os/exec"
	"strings"
	"testing"
)

func TestArgumentListsCanBePastedIntoAShell(t *testing.T) {
	t.Parallel()
	for _, argv := range [][]string{
		{"ssh-keygen", "-q", "-N", "", "-C", "root@host"},
		{"echo", "two words", "it's", `a "quote"`, "$HOME", "`id`", "a;b", "*", "~", "new\nline", `\`},
	} {
		shown := shellwords(argv)
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf '%s\\0' "+shown).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSuffix(string(out), "\x00"); got != strings.Join(argv, "\x00") {
			t.Errorf("%s is %q in a shell, not %q", shown, got, argv)
		}
	}
	if got := shellwords([]string{"useradd", "--comment", "Cloud User", "alice"}); got != "useradd --comment 'Cloud User' alice" {
		t.Errorf("got %s", got)
	}
}
