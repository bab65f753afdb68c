package modules

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/state"
)

func gzipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func base64Of(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

func TestWriteFilesDecodesContent(t *testing.T) {
	t.Parallel()
	zipped := base64Of(gzipped(t, "text\n"))
	tests := []struct{ name, entry, want, reports string }{
		{name: "text is taken as it is", entry: `content: "text\n"`, want: "text\n"},
		{name: "text may be anything", entry: `{content: "ü 'x' $y\\ \0", encoding: text/plain}`, want: "ü 'x' $y\\ \x00"},
		{name: "without content the file is empty"},
		{name: "empty content is empty", entry: "content: null"},
		{name: "a number is written as it stands", entry: "content: 007", want: "007"},
		{name: "binary content is decoded by YAML", entry: "content: !!binary dGV4dAo=", want: "text\n"},
		{name: "base64", entry: `{content: dGV4dAo=, encoding: b64}`, want: "text\n"},
		{name: "base64 by its long name, in capitals", entry: `{content: dGV4dAo=, encoding: ' Base64 '}`, want: "text\n"},
		{name: "base64 may have breaks and other characters", entry: `{content: "dGV4\n dA-o=\nignored", encoding: b64}`, want: "text\n"},
		{name: "gzip", entry: "{content: !!binary " + zipped + ", encoding: gzip}", want: "text\n"},
		{name: "gzip in base64", entry: "{content: " + zipped + ", encoding: gz+b64}", want: "text\n"},
		{name: "gzip in base64 by the long names", entry: "{content: " + zipped + ", encoding: gzip+base64}", want: "text\n"},
		{name: "nothing unzips to nothing", entry: `{content: "", encoding: gz}`},
		{
			name: "an unknown encoding is reported and none", entry: `{content: a, encoding: rot13}`, want: "a",
			reports: `warning: user-data:2:36: write_files.0.encoding: expected b64, gzip, gz+b64 or text/plain, got "rot13"; the content is written as it is`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			entry := strings.TrimSuffix(strings.TrimPrefix(test.entry, "{"), "}")
			if entry != "" {
				entry = ", " + entry
			}
			userData := "write_files:\n- {path: /x" + entry + "}\n"
			same(t, "the report", outcome(t, writeFiles, configured(t, m, userData)), test.reports)
			same(t, "the file", m.Text(t, "/x"), test.want)
			same(t, "the deferred pass's report", outcome(t, writeFilesDeferred, configured(t, m, userData)), "")
		})
	}
}

func TestBadDataCostsOnlyItsFile(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, "/old", "old\n")
	e := configured(t, m, `write_files:
- {path: /first, content: a}
- {path: /old, content: "a===", encoding: b64}
- {path: /old, content: not zipped, encoding: gz}
- {path: /old, content: [a]}
- {content: a}
- text
- {path: /etc, content: a}
- {path: /old, content: ü, encoding: b64}
- {path: /last, content: b, append: maybe}
`)
	got := outcome(t, writeFiles, e)
	for _, want := range []string{
		"error: user-data:3:25: write_files.1.content: cannot decode the content as base64: it is not complete; nothing was written",
		"error: user-data:4:25: write_files.2.content: cannot unzip the content: ",
		"error: user-data:5:25: write_files.3.content: expected a string, got a list; nothing was written",
		"warning: user-data:6:3: write_files.4: there is no path; nothing was written",
		"error: user-data:7:3: write_files.5: expected ",
		"error: user-data:8:3: write_files.6: cannot write /etc: it is a directory",
		"error: user-data:9:25: write_files.7.content: cannot decode the content as base64: it has a character that is not ASCII; nothing was written",
		"error: user-data:10:37: write_files.8.append: expected a boolean, got \"maybe\"",
	} {
		if !strings.Contains(got+"\n", want) {
			t.Errorf("the report lacks %q:\n%s", want, got)
		}
	}
	if n := len(strings.Split(got, "\n")); n != 8 {
		t.Errorf("the report has %d lines:\n%s", n, got)
	}
	same(t, "the first file", m.Text(t, "/first"), "a")
	same(t, "the old file", m.Text(t, "/old"), "old\n")
	same(t, "the last file", m.Text(t, "/last"), "b")
	same(t, "the deferred pass's report", outcome(t, writeFilesDeferred, configured(t, m, "write_files:\n- text\n")), "")
}

func TestWriteFilesThatIsNoListIsReportedOnce(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	const text = "write_files: {path: /x}\n"
	same(t, "the report", outcome(t, writeFiles, configured(t, m, text)), "error: user-data:1:14: write_files: expected a list, got a mapping")
	same(t, "the deferred pass's report", outcome(t, writeFilesDeferred, configured(t, m, text)), "")
	same(t, "the report of an empty list", outcome(t, writeFiles, configured(t, m, "write_files:\n")), "")
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, written string
		want          fs.FileMode
		reports       string
	}{
		{name: "none are 0644", written: "null", want: 0o644},
		{name: "text is octal", written: "'0600'", want: 0o600},
		{name: "without the zero too", written: "'755'", want: 0o755},
		{name: "and as Python writes it", written: "'0o640'", want: 0o640},
		{name: "set-id bits are set", written: "'4755'", want: 0o755 | fs.ModeSetuid},
		{name: "none at all is possible", written: "'0000'", want: 0},
		{name: "a number with a zero is octal by YAML 1.1", written: "0600", want: 0o600},
		{name: "a number is a number", written: "420", want: 0o644},
		{
			name: "a number without a zero is not what it seems", written: "644", want: 0o204 | fs.ModeSticky,
			reports: "warning: user-data:2:27: write_files.0.permissions: 644 is the number 644, which is mode 1204; a mode is written in quotes",
		},
		{
			name: "what is no mode is reported", written: "rw-r--r--", want: 0o644,
			reports: `warning: user-data:2:27: write_files.0.permissions: expected a mode such as '0644', got "rw-r--r--"; 0644 was used`,
		},
		{
			name: "nor is a list", written: "[6]", want: 0o644,
			reports: `warning: user-data:2:27: write_files.0.permissions: expected a mode such as '0644', got a list; 0644 was used`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			same(t, "the report", outcome(t, writeFiles, configured(t, m, "write_files:\n- {path: /x, permissions: "+test.written+"}\n")), test.reports)
			info, err := m.Stat("/x")
			if err != nil || info.Mode() != test.want {
				t.Errorf("the mode is %v (%v), want %v", info.Mode(), err, test.want)
			}
		})
	}
}

func TestOwner(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"root:root": "0:0", "cloud-user:wheel": "1000:10", "cloud-user": "1000:0", "':wheel'": "0:10", "'-1:adm'": "0:4", "None:adm": "0:4",
		"' cloud-user : adm '": "1000:4", "'1234:5678'": "1234:5678", "1234": "1234:0", "null": "0:0", "''": "0:0",
	} {
		t.Run(written, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			same(t, "the report", outcome(t, writeFiles, configured(t, m, "write_files:\n- {path: new/dir/x, owner: "+written+"}\n")), "")
			for _, path := range []string{"/new", "/new/dir", "/new/dir/x"} {
				same(t, "the owner of "+path, m.Owner(path), want)
			}
		})
	}
}

func TestAFileWhoseOwnerIsStillToBeMadeIsWrittenInTheDeferredPass(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	const text = `write_files:
- {path: /home/later/a, content: a, owner: 'later:later'}
- {path: /b, content: b}
- {path: /c, content: c, owner: 'root:nobodys'}
- {path: /d, content: d, owner: never}
- {path: /e, content: e, owner: later, defer: true}
- {path: /f, content: "f", owner: later}
- {path: f, content: "f", append: true}
`
	same(t, "the report", outcome(t, writeFiles, configured(t, m, text)), "")
	for _, path := range []string{"/home", "/c", "/d", "/e", "/f"} {
		if m.Exists(path) {
			t.Errorf("%s is there already", path)
		}
	}
	same(t, "/b", m.Text(t, "/b"), "b")
	m.Put(t, "/b", "changed since")
	m.Put(t, "/etc/passwd", hosttest.Passwd+"later:x:2000:2000::/home/later:/bin/sh\n")
	m.Put(t, "/etc/group", hosttest.Group+"later:x:2000:\n")

	same(t, "the deferred pass's report", outcome(t, writeFilesDeferred, configured(t, m, text)),
		`error: user-data:4:33: write_files.2.owner: there is no group "nobodys"; the file was written without`+"\n"+
			`error: user-data:5:33: write_files.3.owner: there is no user "never"; the file was written without`)
	for path, owner := range map[string]string{"/home/later/a": "2000:2000", "/c": "0:0", "/d": "0:0", "/e": "2000:0"} {
		same(t, "the owner of "+path, m.Owner(path), owner)
		same(t, path, m.Text(t, path), path[len(path)-1:])
	}
	same(t, "/b", m.Text(t, "/b"), "changed since")
	same(t, "/f, of two entries in their order", m.Text(t, "/f"), "ff")
	if m.Exists("/var/lib/cloud/instance/data/write-files-put-off") {
		t.Error("there is still a list of files that were put off")
	}
}

func TestAppendAddsToAFile(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, "/x", "old\n")
	same(t, "the report", outcome(t, writeFiles, configured(t, m, "write_files:\n- {path: /x, content: \"new\\n\", append: 'yes'}\n- {path: /y, content: y, append: 1}\n")), "")
	same(t, "/x", m.Text(t, "/x"), "old\nnew\n")
	same(t, "/y", m.Text(t, "/y"), "y")
}

func TestAfterAPowerCutFilesAreAsWithout(t *testing.T) {
	t.Parallel()
	const text = `write_files:
- {path: /x, content: "new\n"}
- {path: /x, content: "more\n", append: true}
- {path: /log, content: "entry\n", append: true}
- {path: /log, content: "entry\n", append: true}
`
	for limit := range 8 {
		m := hosttest.New(t)
		m.Put(t, "/x", "old\n")
		m.Put(t, "/log", "begin\n")
		steps := &memory{steps: map[string]state.Standing{}}
		cutAfter(t.Context(), writeFiles, configured(t, m, text), steps, limit)
		e := configured(t, m, text)
		steps.limit, e.Steps = 1000, steps
		same(t, "the report", outcome(t, writeFiles, e), "")
		same(t, fmt.Sprintf("/x after a power cut at %d", limit), m.Text(t, "/x"), "new\nmore\n")
		same(t, fmt.Sprintf("/log after a power cut at %d", limit), m.Text(t, "/log"), "begin\nentry\nentry\n")
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	const shown = "cannot fetch https://example.com/a: "
	tests := []struct {
		name, entry string
		fetch       func(ctx context.Context, url string, headers map[string]string) ([]byte, error)
		want        string // "" if nothing is written
		reports     string
	}{
		{name: "a path", entry: "source: {uri: /etc/issue}", want: "issue\n"},
		{name: "a file URL", entry: "source: {uri: 'file:///etc/issue'}", want: "issue\n"},
		{
			name: "a web address, with headers; the encoding is that of content", entry: "encoding: b64, source: {uri: 'https://example.com/a', headers: {X-Token: t0ken}}",
			fetch: func(_ context.Context, url string, headers map[string]string) ([]byte, error) {
				return []byte(url + " " + headers["X-Token"]), nil
			},
			want: "https://example.com/a t0ken",
		},
		{
			name: "without a network content is used", entry: "content: instead, source: {uri: 'https://example.com/a'}", want: "instead",
			reports: "warning: user-data:2:40: write_files.0.source: " + shown + "there is no way to the network here; the key content was used instead",
		},
		{
			name: "without content nothing is written", entry: "source: {uri: 'https://user:hunter2@example.com/a?key=hunter2'}",
			fetch: func(context.Context, string, map[string]string) ([]byte, error) {
				return nil, errors.New(shown + "the server was silent")
			},
			reports: "error: user-data:2:22: write_files.0.source: " + shown + "the server was silent",
		},
		{
			name: "without content and a network nothing is written", entry: "source: {uri: 'https://user:hunter2@example.com/a?key=hunter2'}",
			reports: "error: user-data:2:22: write_files.0.source: " + shown + "there is no way to the network here",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			m.Put(t, "/etc/issue", "issue\n")
			e := configured(t, m, "write_files:\n- {path: /x, "+test.entry+"}\n")
			e.Fetch = test.fetch
			same(t, "the report", outcome(t, writeFiles, e), test.reports)
			if test.want == "" {
				if m.Exists("/x") {
					t.Errorf("/x holds %q", m.Text(t, "/x"))
				}
				return
			}
			same(t, "the file", m.Text(t, "/x"), test.want)
		})
	}
}

func TestContentIsNotInTheLedger(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	outcome(t, writeFiles, configured(t, m, "write_files:\n- {path: /x, content: hunter2}\n- {path: /x, content: hunter2, append: true}\n"))
	same(t, "the file", m.Text(t, "/x"), "hunter2hunter2")
	noSecretsIn(t, m, "hunter2")
	for _, e := range m.Effects() {
		if e.Kind == host.KindFile && (e.Before != "" || e.After != "") {
			t.Errorf("a digest, by which a short secret can be guessed, is in the change log: %+v", e)
		}
	}
}
