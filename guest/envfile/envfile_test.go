package envfile

import (
	"os/exec"
	"strings"
	"testing"
)

func TestSet(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		text string
		set  []Variable
		want string
	}{
		"a variable is added at the end":           {"# ours\nA=1\n", []Variable{{"B", "2"}}, "# ours\nA=1\nB=2\n"},
		"a variable is changed in its place":       {"A=1\nB=1\nC=1\n", []Variable{{"B", "2"}}, "A=1\nB=2\nC=1\n"},
		"the same value stays as it is written":    {"A = '1' \n", []Variable{{"A", "1"}}, "A = '1' \n"},
		"a variable is removed":                    {"A=1\nB=1\n", []Variable{{"A", ""}, {"C", ""}}, "B=1\n"},
		"lines of the same variable become one":    {"A=1\nB=1\nA=3\n", []Variable{{"A", "2"}}, "A=2\nB=1\n"},
		"a file without a last line end":           {"A=1", []Variable{{"B", "2"}}, "A=1\nB=2\n"},
		"no file":                                  {"", []Variable{{"A", "1"}}, "A=1\n"},
		"nothing is left":                          {"A=1\n", []Variable{{"A", ""}}, ""},
		"a comment that looks like a variable":     {"#A=1\n", []Variable{{"A", "1"}}, "#A=1\nA=1\n"},
		"what is no variable":                      {"export\n= \n\n", []Variable{{"A", "1"}}, "export\n= \n\nA=1\n"},
		"what a shell would read is put in quotes": {"", []Variable{{"A", "us(intl)"}, {"B", "a b"}}, "A=\"us(intl)\"\nB=\"a b\"\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := Set(row.text, row.set)
			if got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
			if again := Set(got, row.set); again != got {
				t.Errorf("set again it is %q", again)
			}
			for _, v := range row.set {
				if value := Value(got, v.Name); value != v.Value {
					t.Errorf("%s is %q, want %q", v.Name, value, v.Value)
				}
			}
		})
	}
}

func TestAShellReadsTheValues(t *testing.T) {
	t.Parallel()
	values := []string{"de_DE.UTF-8", "us,de", "de(neo)", "grp:alt_shift_toggle,terminate:ctrl_alt_bksp", "pc105+inet", "a b", "#a", "~", "*", "{a,b}", "a;reboot"}
	for _, want := range values {
		out, err := exec.Command("sh", "-c", Set("", []Variable{{"A", want}})+`printf %s "$A"`).Output()
		if got := string(out); got != want || err != nil {
			t.Errorf("it reads %q as %q, %v", want, got, err)
		}
	}
}

func TestTheLastValueCounts(t *testing.T) {
	t.Parallel()
	if got := Value(strings.Repeat("A=1\n", 2)+"A=\"2\"\n#A=3\n", "A"); got != "2" {
		t.Errorf("got %q", got)
	}
}
