package names_test

import (
	"strings"
	"testing"

	"cloudseed/guest/names"
	"cloudseed/host/hosttest"
)

func TestWhatIsWrongWithAName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"web1": "", "web1.example.com": "", "A_b-9": "", strings.Repeat("x", 64): "",
		"":                      "is empty",
		strings.Repeat("x", 65): "has 65 characters, and a hostname can have 64",
		"my host":               "has the character ' '",
		"büro":                  "has the character 'ü'",
		"a..b":                  "has an empty part beside a dot",
		"a.":                    "has an empty part beside a dot",
		"-a":                    "has a part that begins or ends with '-'",
		"a-.b":                  "has a part that begins or ends with '-'",
	} {
		if got := names.Fault(name); (got == "") != (want == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestTheDomainOfAName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]string{
		"a": {"a", "a"}, "a.example.com": {"a", "a.example.com"}, "a.localdomain": {"a", "a"}, "a.": {"a", "a"},
	} {
		if short, full := names.Split(name); short != want[0] || full != want[1] {
			t.Errorf("%s: %s %s", name, short, full)
		}
	}
}

func TestTheNameThatAGuestHas(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ hostname, hosts, want string }{
		"none is localhost":                    {"", "", "localhost"},
		"the kernel's word for none":           {"(none)", "", "localhost"},
		"its own":                              {"a", "127.0.1.1 b.example.com b\n", "a"},
		"with its domain of /etc/hosts":        {"a", "::1 localhost\n127.0.1.1 a.example.com x a # here\n", "a.example.com"},
		"an alias without a domain gives none": {"a", "127.0.1.1 b a\n", "a"},
		"a comment gives none":                 {"a", "#127.0.1.1 a.example.com a\n", "a"},
	} {
		m := hosttest.New(t)
		if row.hostname != "" {
			m.Put(t, "/etc/hostname", row.hostname+"\n")
		}
		if row.hosts != "" {
			m.Put(t, "/etc/hosts", row.hosts)
		}
		if got := names.OfSystem(m.Host); got != row.want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestANameIsSetForNowOrForGood(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, "/etc/hostname", "old\n")
	if err := names.Set(m.Host, "now", false); err != nil || m.Text(t, "/etc/hostname") != "old\n" {
		t.Errorf("%v %q", err, m.Text(t, "/etc/hostname"))
	}
	if err := names.Set(m.Host, "good", true); err != nil || m.Text(t, "/etc/hostname") != "good\n" {
		t.Errorf("%v %q", err, m.Text(t, "/etc/hostname"))
	}
}
