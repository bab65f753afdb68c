package secret_test

import (
	"testing"

	"cloudseed/secret"
)

func TestAURLIsShownWithoutWhatMayBeSecret(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"http://h/a/b":            "http://h/a/b",
		"http://h":                "http://h",
		"https://h:8443/?token=x": "https://h:8443/",
		"http://h?token=x":        "http://h",
		"http://h/a#x":            "http://h/a",
		"http://me:pw@h:80/a":     "http://h:80/a",
		"http://me:p@w@h/a":       "http://h/a",
		"http://token@h/a":        "http://h/a",
		"http://me:p/w@h/a":       "http://[redacted]",
		"http://me:p?w@h/a":       "http://[redacted]",
		"http://me:1/w@h/a":       "http://[redacted]",
		"http://[fe80::1]:80/a":   "http://[fe80::1]:80/a",
		"http://[fe80::1]/a":      "http://[fe80::1]/a",
		"http://h/@scope/package": "http://h/@scope/package",
		"http://h/%s.txt":         "http://h/%s.txt",
		"h/a?token=x":             "h/a",
		"/a/path?with#all":        "/a/path?with#all",
		"file:///etc/x":           "file:///etc/x",
		"":                        "",
	} {
		if got := secret.URL(from); got != want {
			t.Errorf("%q: got %q, want %q", from, got, want)
		}
	}
}
