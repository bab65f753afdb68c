package userdata_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"cloudseed/config/yaml"
	"cloudseed/userdata"

	"github.com/google/go-cmp/cmp"
)

func zipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return out.String()
}

// oVirt's engine appends the custom script to its own cloud-config as it is.
const ovirt = `#cloud-config
ssh_pwauth: true
disable_root: 0
user: root
password: abc123
chpasswd:
  expire: false
runcmd:
- 'sed -i ''/^datasource_list: /d'' /etc/cloud/cloud.cfg; echo ''datasource_list:
  ["NoCloud", "ConfigDrive"]'' >> /etc/cloud/cloud.cfg'
`

const message = `Content-Type: multipart/mixed; boundary=XX
MIME-Version: 1.0

--XX
Content-Type: text/cloud-config

#cloud-config
a: 1
b: 1
--XX
Content-Type: text/x-shellscript; charset="us-ascii"
Content-Disposition: attachment; filename="../run me!.sh"

#!/bin/sh
echo hi
--XX
Content-Type: multipart/mixed; boundary=YY

--YY
Content-Type: text/plain
Content-Transfer-Encoding: base64

I2Nsb3VkLWNvbmZpZwpiOiAyCg==
--YY--
--XX
Content-Type: text/x-shellscript-per-boot

#!/bin/sh
--XX--
`

func multipart(parts ...string) string {
	return "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n--XX\n" + strings.Join(parts, "\n--XX\n") + "\n--XX--\n"
}

func TestProcess(t *testing.T) {
	t.Parallel()
	known := userdata.Options{
		KnownKeys: []string{"runcmd", "password"},
		Fetch: func(_ context.Context, url string, once bool) ([]byte, error) {
			switch url {
			case "http://h/config":
				return []byte("#cloud-config\nfrom: " + url), nil
			case "http://h/script":
				return []byte(fmt.Sprintf("#!/bin/sh\n# once: %v\n", once)), nil
			case "http://h/loop":
				return []byte("#include http://h/loop"), nil
			}
			return nil, errors.New("not found")
		},
		Variables: func() (map[string]any, error) { return map[string]any{"v1": map[string]any{"x": "X"}}, nil },
	}
	tests := []struct {
		name     string
		data     string
		config   string // as Python prints it
		scripts  []string
		hooks    []string
		problems []string
	}{
		{name: "nothing is nothing"},
		{name: "blank lines are nothing", data: "\n \n"},
		{name: "cloud-config", data: "#cloud-config\na: 1\n", config: "{'a': 1}"},
		{name: "cloud-config in any case, after blank lines", data: "\n  #Cloud-Config\na: 1\n", config: "{'a': 1}"},
		{name: "compressed cloud-config", data: zipped("#cloud-config\na: 1\n"), config: "{'a': 1}"},
		{name: "JSON after the header", data: "#cloud-config\n{\"a\": \"b\\/c\"}", config: "{'a': 'b/c'}"},
		{name: "Windows line ends", data: "#cloud-config\r\na: b\r\n", config: "{'a': 'b'}"},
		{name: "a script", data: "#!/bin/sh\necho\n", scripts: []string{"part-001  #!/bin/sh\necho\n"}},
		{name: "a script with Windows line ends", data: "#!/bin/sh\r\necho\r\n", scripts: []string{"part-001  #!/bin/sh\necho\n"}},
		{name: "a boothook", data: "#cloud-boothook\n#!/bin/sh\necho\n", hooks: []string{"part-001  #!/bin/sh\necho\n"}},
		{
			name: "oVirt's user data", data: ovirt,
			config: `{'ssh_pwauth': True, 'disable_root': 0, 'user': 'root', 'password': 'abc123', 'chpasswd': {'expire': False}, ` +
				`'runcmd': ['sed -i \'/^datasource_list: /d\' /etc/cloud/cloud.cfg; echo \'datasource_list: ["NoCloud", "ConfigDrive"]\' >> /etc/cloud/cloud.cfg']}`,
		},
		{
			name: "oVirt's user data with a custom script of keys it has already", data: "#cloud-config\npassword: a\nruncmd: [x]\n\n#cloud-config\r\nruncmd: [y]\r\n",
			config:   "{'password': 'a', 'runcmd': ['y']}",
			problems: []string{"warning user-data:6:1: runcmd: duplicate key; first defined on line 3; the last one counts"},
		},
		{
			name: "oVirt's user data with a shell script behind it", data: "#cloud-config\npassword: a\n#!/bin/sh\nif true; then\n  echo x\nfi\n",
			problems: []string{`error user-data:3:1: a script follows the YAML, and its lines are no mapping: put its commands below "runcmd:"; nothing of it was applied`},
		},
		{
			name: "a MIME message with parts in parts", data: message, config: "{'a': 1, 'b': 2}",
			scripts: []string{".._runme.sh  #!/bin/sh\necho hi", "part-004 boot #!/bin/sh"},
		},
		{
			name: "a MIME message that lacks its end", data: "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n--XX\n\n#cloud-config\na: 1\n",
			config: "{'a': 1}",
		},
		{
			name:     "a part that is broken costs that part only",
			data:     "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n--XX\nContent-Type: text/cloud-config\n\n#cloud-config\na: [\n--XX\nContent-Type: text/cloud-config\n\n#cloud-config\nb: 1\n--XX--\n",
			config:   "{'b': 1}",
			problems: []string{"error user-data part-001:2:4: the '[' that opens here is never closed; nothing of it was applied"},
		},
		{
			name: "a header that is missing", data: "runcmd: [x]\n", config: "{'runcmd': ['x']}",
			problems: []string{`warning user-data:1:1: it has no header; it was taken as cloud-config: make the first line "#cloud-config"`},
		},
		{
			name: "a header that is misspelt", data: "#cloud config\na: 1\n", config: "{'a': 1}",
			problems: []string{`warning user-data:1:1: its first line is "#cloud config", which is no known header; it was taken as cloud-config: make the first line "#cloud-config"`},
		},
		{
			name: "a header that names a program", data: "#!cloud-config\na: 1\n", config: "{'a': 1}",
			problems: []string{`warning user-data:1:1: its first line is "#!cloud-config", which names a program; it was taken as cloud-config: make the first line "#cloud-config"`},
		},
		{
			name: "a header that names a path", data: "#!/cloud-config\na: 1\n", config: "{'a': 1}",
			problems: []string{`warning user-data:1:1: its first line is "#!/cloud-config", which names a program; it was taken as cloud-config: make the first line "#cloud-config"`},
		},
		{
			name: "URL-encoded", data: "%23cloud-config%0A" + strings.Repeat("%20", 100),
			problems: []string{`error user-data:1:1: it is URL-encoded (%23 in the place of #): give the decoded text; nothing of it was applied`},
		},
		{
			name: "a marker before the header", data: "---\n#cloud-config\na: 1\n", config: "{'a': 1}",
			problems: []string{`warning user-data:1:1: a line "---" stands before the header; it was taken as cloud-config: make the first line "#cloud-config"`},
		},
		{
			name: "a byte order mark", data: "\xef\xbb\xbf#cloud-config\na: 1\n", config: "{'a': 1}",
			problems: []string{`warning user-data:1:1: it begins with a byte order mark, as some editors on Windows write one; it was taken as cloud-config: save it as UTF-8 without one`},
		},
		{
			name: "a web page", data: "<!DOCTYPE html>\n<html>404", problems: []string{"error user-data:1:1: it is a web page, perhaps an error page that was saved as user data; nothing of it was applied"},
		},
		{
			name: "base64", data: "I2Nsb3VkLWNvbmZpZwphOiAxCg==\n", problems: []string{"error user-data:1:1: it looks like text in base64: give the decoded text; nothing of it was applied"},
		},
		{
			name: "Ignition", data: `{"ignition": {"version": "3.1.0"}}`,
			problems: []string{"warning user-data:1:1: it is an Ignition configuration, which is not for this program; it was skipped"},
		},
		{
			name: "something else", data: "hello\n", problems: []string{`error user-data:1:1: its first line is no known header, such as "#cloud-config" or "#!/bin/sh"; nothing of it was applied`},
		},
		{
			name: "compressed data that is cut short", data: zipped(strings.Repeat("#cloud-config\na: 1\n", 50))[:30],
			problems: []string{"error user-data:1:1: it is compressed, and cannot be unpacked: unexpected EOF; all of it was skipped"},
		},
		{
			name: "UTF-16, as PowerShell writes it", data: "\xff\xfe#\x00c\x00l\x00o\x00u\x00d\x00-\x00c\x00o\x00n\x00f\x00i\x00g\x00\n\x00a\x00:\x00 \x001\x00\n\x00",
			config:   "{'a': 1}",
			problems: []string{"warning user-data:1:1: it is UTF-16 text; it was taken as cloud-config: save it as UTF-8"},
		},
		{
			name: "a byte order mark before a script", data: "\xef\xbb\xbf#!/bin/sh\n", scripts: []string{"part-001  #!/bin/sh\n"},
			problems: []string{"warning user-data:1:1: it begins with a byte order mark, as some editors on Windows write one; it was taken as a script: save it as UTF-8 without one"},
		},
		{
			name: "a byte order mark before nothing known", data: "\xef\xbb\xbfhello",
			problems: []string{"error user-data:1:1: it begins with a byte order mark, as some editors on Windows write one, and no known header comes after that: save it as UTF-8 without one; nothing of it was applied"},
		},
		{name: "a header with more letters behind it", data: "#cloud-configfoo\na: 1\n", config: "{'a': 1}"},
		{name: "a header alone", data: "#cloud-config\n", problems: []string{"note user-data:1:1: it holds nothing but its header"}},
		{name: "compressed data with a medium's padding", data: zipped("#cloud-config\na: 1\n") + "\x00\x00\x00", config: "{'a': 1}"},
		{name: "compressed data in two pieces", data: zipped("#cloud-config\n") + zipped("a: 1\n"), config: "{'a': 1}"},
		{
			name: "compressed data with something else behind it", data: zipped("#cloud-config\na: 1\n") + "xx",
			problems: []string{"error user-data:1:1: it is compressed, and cannot be unpacked: unexpected EOF; all of it was skipped"},
		},
		{
			name: "cloud-config that writes a mail is no mail", data: "#cloud-config\nwrite_files:\n- content: |\n    MIME-Version: 1.0\n",
			config: "{'write_files': [{'content': 'MIME-Version: 1.0\\n'}]}",
		},
		{
			name: "a message of one part", data: "MIME-Version: 1.0\nContent-Type: text/cloud-config\n\n#cloud-config\na: 1\n",
			config: "{'a': 1}",
		},
		{
			name: "a message with Windows line ends", data: strings.ReplaceAll("MIME-Version: 1.0\nContent-Type: multipart/mixed;\n boundary=\"X Y\"\n\nwhat stands before\n--X Y\nContent-Type: text/cloud-config\n\na: 1\n--X Y--\nand behind\n", "\n", "\r\n"),
			config: "{'a': 1}",
		},
		{
			name: "parts in base64, quoted-printable and compressed", data: multipart(
				"Content-Transfer-Encoding: base64\n\nI2Nsb3VkLWNvbmZpZwpi\nOiAyCg",
				"Content-Type: text/cloud-config\nContent-Transfer-Encoding: quoted-printable\n\nc: =61=\nb\n",
				"Content-Type: application/gzip\nContent-Disposition: attachment; filename=z.sh\nContent-Transfer-Encoding: base64\n\n"+base64.StdEncoding.EncodeToString([]byte(zipped("#!/bin/sh\n"))),
			),
			config: "{'b': 2, 'c': 'ab'}", scripts: []string{"z.sh  #!/bin/sh\n"},
		},
		{
			name: "a part that cannot be decoded", data: multipart("Content-Transfer-Encoding: base64\n\nA", "\n#cloud-config\na: 1"), config: "{'a': 1}",
			problems: []string{"error user-data part-001:1:1: it cannot be decoded: it is not base64, or is cut short: illegal base64 data at input byte 0; it was skipped"},
		},
		{
			name: "base64 ends with its padding, and quoted-printable keeps blanks", data: multipart(
				"Content-Type: text/cloud-config\nContent-Transfer-Encoding: base64\n\nYTog\n=MQ==YjogMQ==",
				"Content-Type: text/x-shellscript\nContent-Transfer-Encoding: quoted-printable\n\n#!/bin/sh  \r\na=20=\r\nb=3d=zz==61=4",
			),
			config: "{'a': 1}", scripts: []string{"part-002  #!/bin/sh  \na b==zz=61=4"},
		},
		{
			name: "a message in a message", data: multipart("Content-Type: message/rfc822\n\nContent-Type: text/cloud-config\n\na: 1", "\n#!/bin/sh"),
			config: "{'a': 1}", scripts: []string{"part-003  #!/bin/sh"},
		},
		{
			name: "a header without a name, and a message that begins with an empty line", data: multipart(": x\nContent-Type: text/cloud-config\n\na: 1"),
			config: "{'a': 1}",
		},
		{
			name: "a message without a boundary", data: "MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n--X\n",
			problems: []string{"error user-data:1:1: a multipart message names no boundary; its parts were skipped"},
		},
		{
			name: "a part of an unknown type", data: multipart("Content-Type: text/upstart-job\n\nx", "Content-Type: text/part-handler\n\n#part-handler\n"),
			problems: []string{
				"warning user-data part-001:1:1: nothing here can handle a part of type text/upstart-job; it was skipped",
				"note user-data part-002: it is a Python program that is run at boot, and gets the parts of the types that it names then",
			},
		},
		{
			name: "a later part replaces whole keys", data: multipart("\n#cloud-config\na: {x: 1}\nb: 1\n", "\n#cloud-config\na: {y: 2}\n"), config: "{'a': {'y': 2}, 'b': 1}",
		},
		{
			name: "a later part with rules for merging of its own", data: multipart("\n#cloud-config\nl: [1]\n", "\n#cloud-config\nmerge_how: dict(recurse_array)+list(append)\nl: [2]\n"),
			config: "{'l': [1, 2]}",
		},
		{
			name: "rules for merging in a header", data: multipart("\n#cloud-config\nl: [1]\n", "Merge-Type: dict(recurse_array)+list(prepend)\n\n#cloud-config\nl: [2]\n"),
			config: "{'l': [2, 1]}",
		},
		{
			name: "rules for merging that are none", data: multipart("\n#cloud-config\nl: [1]\n", "\n#cloud-config\nmerge_how: append\nl: [2]\n"), config: "{'l': [1]}",
			problems: []string{`error user-data part-002:2:12: merge_how: "append" is no rule for merging: expected the like of list(append); nothing of it was applied`},
		},
		{
			name: "a JSON patch", data: multipart("\n#cloud-config\nl: [1]\n", "\n#cloud-config-jsonp\n[{\"op\": \"add\",\t\"path\": \"/l/-\", \"value\": 2}]\n"), config: "{'l': [1, 2]}",
		},
		{
			name: "a JSON patch that does not fit", data: multipart("\n#cloud-config\nl: [1]\n", "\n#cloud-config-jsonp\n[{\"op\": \"remove\", \"path\": \"/q\"}]\n"), config: "{'l': [1]}",
			problems: []string{"error user-data part-002:2:2: there is nothing at the path of this operation; nothing of it was applied"},
		},
		{
			name: "a JSON patch with exponents", data: multipart("\n#cloud-config\nl: []\n", "\n#cloud-config-jsonp\n[{\"op\": \"add\", \"path\": \"/n\", \"value\": [1e3, -1E-2, 1.5e+2, \"1e3 \\\" 1e3\"]}]\n"),
			config: `{'l': [], 'n': [1000.0, -0.01, 150.0, '1e3 " 1e3']}`,
		},
		{
			name: "an archive whose keys are no headers of the part", data: "#cloud-config-archive\n- {content: 'a: 1', Launch-Index: 7, Content-Type: text/x-shellscript, filename: 010}\n",
			config: "{'a': 1}",
		},
		{
			name: "names of scripts that run by frequency lose their directories, others keep them", data: multipart(
				"Content-Type: text/x-shellscript-per-boot\nContent-Disposition: attachment; filename=/a/b c.sh\n\n#!/bin/sh",
				"Content-Type: text/x-shellscript\nContent-Disposition: attachment; filename=\"/a/b c.sh\"\n\n#!/bin/sh",
			),
			scripts: []string{"bc.sh boot #!/bin/sh", "_a_bc.sh  #!/bin/sh"},
		},
		{
			name: "empty parts keep their numbers and are no problem", data: multipart("\n", "\n#!/bin/sh", "Content-Type: text/plain\n\n  \n"),
			scripts: []string{"part-002  #!/bin/sh"},
		},
		{
			name: "an archive", data: "#cloud-config-archive\n- |\n  #!/bin/sh\n- {content: 'a: 1'}\n- {type: text/x-shellscript-per-once, filename: once.sh, content: x}\n- 5\n",
			config: "{'a': 1}", scripts: []string{"part-001  #!/bin/sh\n", "once.sh once x"},
			problems: []string{"error user-data:6:3: expected a string, or a mapping with keys such as content; part 4 of the archive was skipped"},
		},
		{
			name: "an include", data: "#include\n# a comment\nhttp://h/config\n\n#include-once http://h/script\nhttp://u:pw@h/404?token=x\n",
			config: "{'from': 'http://h/config'}", scripts: []string{"part-002  #!/bin/sh\n# once: true\n"},
			problems: []string{"error user-data:6:1: it includes what cannot be fetched: not found; the rest was used"},
		},
		{
			name: "includes without an end", data: "#include http://h/loop\n",
			problems: []string{"error user-data http://h/loop:1:1: what is included includes more, 10 times; the rest was skipped"},
		},
		{
			name: "a template", data: "## template: jinja\n#cloud-config\na: {{ v1.x }}\nb: [\n", config: "",
			problems: []string{"error user-data:4:4: the '[' that opens here is never closed; nothing of it was applied"},
		},
		{
			name: "lines that a template does not print keep their numbers", data: "\n## template: jinja\n#cloud-config\n{% for i in range(2) %}\na{{ i }}: '{{ i }}\n  {{ i }}'\n{% endfor %}\n{# a\ncomment #}\n{% if v1.x %}\na1: twice\n{% endif %}\nb: [\n",
			problems: []string{"error user-data:13:4: the '[' that opens here is never closed; nothing of it was applied"},
		},
		{
			name: "what comes out of a template is a second time at its line", data: "## template: jinja\n#cloud-config\n{% if v1.x %}\na: once\n{% endif %}\na: twice\n", config: "{'a': 'twice'}",
			problems: []string{"warning user-data:6:1: a: duplicate key; first defined on line 4; the last one counts"},
		},
		{
			name: "a template without a value", data: "## template: jinja\n#cloud-config\na: {{ v1.y }}\n", config: "{'a': 'CI_MISSING_JINJA_VAR/y'}",
			problems: []string{"warning user-data:3:9: the template's variable v1.y has no value; CI_MISSING_JINJA_VAR/y stands in its place"},
		},
		{name: "a template of a script", data: "## template: jinja\n#!/bin/sh\n{{ v1.x }}\n", scripts: []string{"part-001  #!/bin/sh\nX\n"}},
		{
			name: "a template's header with other blanks", data: "##template:jinja\n#cloud-config\na: {{ v1.x }}\n", config: "{'a': 'X'}",
			problems: []string{`warning user-data:1:1: its first line is "##template:jinja", which is no known header; it was taken as a template: make the first line "## template: jinja"`},
		},
		{
			name: "a template of nothing", data: "## template: jinja\nhello\n",
			problems: []string{`error user-data:1:1: after the line "## template: jinja" there must be "#cloud-config", "#!" or "#cloud-boothook"; it was skipped`},
		},
		{
			name: "a list after the header", data: "#cloud-config\n- a\n", problems: []string{`error user-data:2:1: expected a mapping after #cloud-config, such as "hostname: web1", got a list; nothing of it was applied`},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := userdata.Process(t.Context(), "user-data", []byte(test.data), known)
			got := ""
			if r.CloudConfig != nil {
				got = r.CloudConfig.PyStr()
			}
			if diff := cmp.Diff(test.config, got); diff != "" {
				t.Errorf("cloud-config differs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.scripts, show(r.Scripts)); diff != "" {
				t.Errorf("scripts differ (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.hooks, show(r.Boothooks)); diff != "" {
				t.Errorf("boothooks differ (-want +got):\n%s", diff)
			}
			var problems []string
			for _, p := range r.Problems {
				problems = append(problems, p.Severity.String()+" "+p.Error())
			}
			if diff := cmp.Diff(test.problems, problems); diff != "" {
				t.Errorf("problems differ (-want +got):\n%s", diff)
			}
		})
	}
}

func show(scripts []userdata.Script) []string {
	var list []string
	for _, s := range scripts {
		list = append(list, fmt.Sprintf("%s %s %s", s.Name, s.Frequency, s.Content.Reveal()))
	}
	return list
}

func TestWithoutHooksIncludesAndTemplatesAreProblems(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"#include http://h/x\n":               "user-data:1:1: it includes other data, and nothing can be fetched here; it was skipped",
		"## template: jinja\n#cloud-config\n": "user-data:1:1: it is a jinja template, and none can be filled in here; it was skipped",
	} {
		r := userdata.Process(t.Context(), "user-data", []byte(data), userdata.Options{})
		if len(r.Problems) != 1 || r.Problems[0].Error() != want {
			t.Errorf("problems are %v, want %s", r.Problems, want)
		}
	}
}

func FuzzProcess(f *testing.F) {
	for _, seed := range []string{
		message, ovirt, "#!/bin/sh", zipped("x"), "MIME-Version: 1.0\n\nx", "#cloud-boothook\nx",
		"#cloud-config-archive\n- x\n- {content: y, type: text/plain}", "#include http://x", "## template: jinja\n#cloud-config\na: 1",
		multipart("\n#cloud-config\na: 1", "\n#cloud-config-jsonp\n[{\"op\": \"remove\", \"path\": \"/a\"}]", "Merge-Type: list(append)+dict()\n\n#cloud-config\na: [1]"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := userdata.Process(t.Context(), "user-data", data, userdata.Options{
			KnownKeys: []string{"a"}, Variables: func() (map[string]any, error) { return map[string]any{"x": "a: {{"}, nil },
			Fetch: func(context.Context, string, bool) ([]byte, error) { return data, nil },
		})
		again := userdata.Process(t.Context(), "user-data", r.MIME(), userdata.Options{})
		if len(r.Parts) > 0 && len(again.Parts) == 0 {
			t.Errorf("the message of %d parts reads back as none", len(r.Parts))
		}
		if text := r.CloudConfigText(); len(text) > 0 {
			if _, _, err := yaml.Parse("cloud-config.txt", text); err != nil {
				t.Errorf("cloud-config.txt does not read back: %v", err)
			}
		}
		for _, s := range append(r.Scripts, r.Boothooks...) {
			if strings.ContainsAny(s.Name, "/\x00") || s.Name == "" || s.Name == "." || s.Name == ".." {
				t.Errorf("the file name %q is none", s.Name)
			}
		}
	})
}
