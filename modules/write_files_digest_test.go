package modules

import (
	"context"
	"strings"
	"testing"

	"cloudseed/host/hosttest"
)

// What is fetched may have been changed on its way, or since somebody wrote down what it is.
func TestWhatIsFetchedIsWrittenWithItsDigestAlone(t *testing.T) {
	t.Parallel()
	const (
		digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" // sha256sum of "hello"
		other  = "0000000000000000000000000000000000000000000000000000000000000000"
		wrong  = "http://h/x has the SHA-256 digest " + digest + ", which is not the one expected"
	)
	for name, row := range map[string]struct{ source, more, want, reports string }{
		"the digest is right":           {"{uri: 'http://h/x?t0ken', sha256: " + digest + "}", "", "hello", ""},
		"in capitals":                   {"{uri: 'http://h/x', sha256: " + strings.ToUpper(digest) + "}", "", "hello", ""},
		"of a file of this machine":     {"{uri: /srv/x, sha256: " + digest + "}", "", "hello", ""},
		"another":                       {"{uri: 'http://h/x?t0ken', sha256: '" + other + "'}", "", "", "error: user-data:3:11: write_files.0.source: " + wrong},
		"another, with content instead": {"{uri: 'http://h/x', sha256: '" + other + "'}", "  content: mine", "mine", "warning: user-data:3:11: write_files.0.source: " + wrong + "; the key content was used instead"},
		"no digest":                     {"{uri: 'http://h/x'}", "", "hello", ""},
		"what is no digest": {
			"{uri: 'http://h/x', sha256: abc}", "", "", "error: user-data:3:39: write_files.0.source.sha256: expected 64 hexadecimal digits, got \"abc\"; what is fetched is not written\n" +
				"error: user-data:3:11: write_files.0.source: http://h/x is not fetched: its digest is not valid",
		},
		"a digest of nothing": {"{sha256: " + digest + "}", "  content: mine", "mine", "warning: user-data:3:20: write_files.0.source.sha256: there is no uri, so nothing is fetched that could have it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			m.Put(t, "/srv/x", "hello")
			e := configured(t, m, "write_files:\n- path: /etc/x\n  source: "+row.source+"\n"+row.more+"\n")
			e.Fetch = func(context.Context, string, map[string]string) ([]byte, error) { return []byte("hello"), nil }
			same(t, "the report", outcome(t, writeFiles, e), row.reports)
			got := ""
			if m.Exists("/etc/x") {
				got = m.Text(t, "/etc/x")
			}
			same(t, "the file", got, row.want)
		})
	}
}
