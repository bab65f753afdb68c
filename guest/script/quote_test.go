package script

import (
	"os/exec"
	"strings"
	"testing"
)

func TestQuotedWordsReachTheCommandAsTheyAre(t *testing.T) {
	t.Parallel()
	words := []string{
		"", " ", "a b", "'", "''", `"`, `\`, `\'`, `'\''`, "$HOME", "`id`", "$(id)", "a\nb", "\n", "a\tb", "*", "~", "!x",
		"-n", "#x", "ü – 漢 🚀", "\xff\xfe", ";", "&&", "a=b", "\r", "\x01",
	}
	for _, shell := range []string{"/bin/sh", "bash"} {
		if _, err := exec.LookPath(shell); err != nil {
			t.Logf("there is no %s here", shell)
			continue
		}
		var script strings.Builder
		for _, word := range words {
			script.WriteString("printf '%s\\001\\001' " + Quote(word) + "\n")
		}
		out, err := exec.CommandContext(t.Context(), shell, "-c", script.String()).Output()
		if want := strings.Join(words, "\x01\x01") + "\x01\x01"; err != nil || string(out) != want {
			t.Errorf("%s: got %q, want %q, %v", shell, out, want, err)
		}
	}
}

func FuzzQuote(f *testing.F) {
	for _, seed := range []string{"a", "'", "a'b\\", "$x\n", "''\"`"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if strings.Contains(word, "\x00") {
			return // no argument can hold it
		}
		// By argument and not by file: a fuzzer should not wait for disks.
		out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", "printf %s "+Quote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q came back as %q, %v", word, out, err)
		}
	})
}
