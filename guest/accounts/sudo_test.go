package accounts

import (
	"io/fs"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"

	"github.com/google/go-cmp/cmp"
)

func TestSudoRulesAreAddedOnceAndSudoReadsThem(t *testing.T) {
	t.Parallel()
	for sudoers, want := range map[string]string{
		"Defaults x\n":                  "Defaults x\n\n# Added by cloudseed\n#includedir /etc/sudoers.d\n",
		"#includedir /etc/sudoers.d\n":  "#includedir /etc/sudoers.d\n",
		"@includedir /etc/sudoers.d/\n": "@includedir /etc/sudoers.d/\n",
	} {
		m := hosttest.New(t)
		m.Put(t, "/etc/sudoers", sudoers)
		for range 2 {
			for user, rules := range map[string][]string{"ann": {"ALL=/bin/a", "ALL=/bin/b"}, "bob": nil} {
				if err := AddSudoRules(t.Context(), m.Host, "/run/tmp", user, rules); err != nil {
					t.Fatal(err)
				}
			}
		}
		if diff := cmp.Diff(rulesHeader+"\n# User rules for ann\nann ALL=/bin/a\nann ALL=/bin/b\n", m.Text(t, sudoRulesPath)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(want, m.Text(t, "/etc/sudoers")); diff != "" {
			t.Error(diff)
		}
		for at, mode := range map[string]fs.FileMode{sudoRulesPath: 0o440, "/etc/sudoers.d": 0o750} {
			if info, err := m.Stat(at); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %v, %v", at, info.Mode(), err)
			}
		}
	}
}

func TestRulesThatVisudoRefusesAreNotWritten(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Answer("visudo", host.Result{Exit: 1}, &host.ExitError{Argv: []string{"visudo"}, Exit: 1, Reason: "syntax error"})
	err := AddSudoRules(t.Context(), m.Host, "/run/tmp", "ann", []string{"ALL=(ALL) NOPASWD:ALL"})
	if want := "the sudo rules are not written, since visudo refuses them: visudo failed with exit code 1: syntax error"; err == nil || err.Error() != want {
		t.Error(err)
	}
	if m.Exists(sudoRulesPath) || m.Exists("/run/tmp/sudo-rules") {
		t.Error("the rules are there")
	}
	m.Lacks("visudo")
	if err := AddSudoRules(t.Context(), m.Host, "/run/tmp", "ann", []string{"ALL=(ALL) ALL"}); err != nil || !m.Exists(sudoRulesPath) {
		t.Errorf("without visudo: %v", err)
	}
}

func TestTheFormOfASudoRule(t *testing.T) {
	t.Parallel()
	for rule, good := range map[string]bool{"ALL=(ALL) ALL": true, "ALL": false, "=(ALL) ALL": false, "ALL= ": false} {
		if err := CheckSudoRule(rule); (err == nil) != good {
			t.Errorf("%q: %v", rule, err)
		}
	}
}

func TestDoasRulesAreAddedOnce(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	for range 2 {
		if err := AddDoasRules(m.Host, "ann", []string{"permit ann", "deny ann cmd su"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.Text(t, doasRulesPath); got != rulesHeader+"\n# User rules for ann\npermit ann\ndeny ann cmd su\n" {
		t.Errorf("%q", got)
	}
}

func TestDoasRulesMustBeAboutTheUser(t *testing.T) {
	t.Parallel()
	for rule, good := range map[string]bool{
		"permit ann": true,
		"permit nopass persist ann as root cmd ls": true,
		"deny ann":                    true,
		"permit setenv { A=b C } ann": true,
		"permit setenv {A=b} keepenv ann as operator": true,
		"permit bob":               false,
		"permit :wheel":            false,
		"permit":                   false,
		"ann":                      false,
		"permit nopass bob as ann": false,
	} {
		if err := CheckDoasRule(rule, "ann"); (err == nil) != good {
			t.Errorf("%q: %v", rule, err)
		}
	}
}
