package userdata_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"

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

func TestProcess(t *testing.T) {
	t.Parallel()
	known := userdata.Options{KnownKeys: []string{"runcmd", "password"}}
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
			problems: []string{"warning user-data:6:1: runcmd: it stands here for the second time, first in line 3; the last one counts"},
		},
		{
			name: "oVirt's user data with a shell script behind it", data: "#cloud-config\npassword: a\n#!/bin/sh\nif true; then\n  echo x\nfi\n",
			problems: []string{`error user-data:3:1: a script stands here behind the YAML, and its lines are no keys with values: put its commands below "runcmd:"; none of this cloud-config was applied`},
		},
		{
			name: "a MIME message with parts in parts", data: message, config: "{'a': 1, 'b': 2}",
			scripts: []string{".._run me.sh  #!/bin/sh\necho hi", "part-004 boot #!/bin/sh"},
		},
		{
			name: "a MIME message that lacks its end", data: "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n--XX\n\n#cloud-config\na: 1\n",
			config: "{'a': 1}",
		},
		{
			name:     "a part that is broken costs that part only",
			data:     "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n--XX\nContent-Type: text/cloud-config\n\n#cloud-config\na: [\n--XX\nContent-Type: text/cloud-config\n\n#cloud-config\nb: 1\n--XX--\n",
			config:   "{'b': 1}",
			problems: []string{"error user-data part-001:2:4: the '[' that opens here is never closed; none of this cloud-config was applied"},
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
			name: "a marker before the header", data: "---\n#cloud-config\na: 1\n", config: "{'a': 1}",
			problems: []string{`warning user-data:1:1: a line "---" stands before the header; it was taken as cloud-config: make the first line "#cloud-config"`},
		},
		{
			name: "a byte order mark", data: "\xef\xbb\xbf#cloud-config\na: 1\n", config: "{'a': 1}",
			problems: []string{`warning user-data:1:1: it begins with a byte order mark, as some editors on Windows write one; it was taken as cloud-config: make the first line "#cloud-config"`},
		},
		{
			name: "a web page", data: "<!DOCTYPE html>\n<html>404", problems: []string{"error user-data:1:1: it is a web page, perhaps an error page that was saved as user data; nothing of it was applied"},
		},
		{
			name: "base64", data: "I2Nsb3VkLWNvbmZpZwphOiAxCg==\n", problems: []string{"error user-data:1:1: it looks like text in base64: give the decoded text; nothing of it was applied"},
		},
		{
			name: "Ignition", data: `{"ignition": {"version": "3.1.0"}}`,
			problems: []string{"warning user-data:1:1: it is an Ignition configuration, which is not for this program; it was left alone"},
		},
		{
			name: "something else", data: "hello\n", problems: []string{`error user-data:1:1: its first line is no known header, such as "#cloud-config" or "#!/bin/sh"; nothing of it was applied`},
		},
		{
			name: "compressed data that is cut short", data: zipped(strings.Repeat("#cloud-config\na: 1\n", 50))[:30],
			problems: []string{"error user-data: it is compressed, and cannot be unpacked: unexpected EOF; all of it was left out"},
		},
		{
			name: "a list after the header", data: "#cloud-config\n- a\n", problems: []string{"error user-data:2:1: expected keys with values after #cloud-config; none of this cloud-config was applied"},
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

func TestPartsForAnotherLaunchIndexAreLeftOut(t *testing.T) {
	t.Parallel()
	data := "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XX\n\n" +
		"--XX\nLaunch-Index: 0\n\n#cloud-config\na: 0\n--XX\nLaunch-Index: 1\n\n#cloud-config\na: 1\n--XX--\n"
	r := userdata.Process(t.Context(), "user-data", []byte(data), userdata.Options{LaunchIndex: "0"})
	if got := r.CloudConfig.PyStr(); got != "{'a': 0}" {
		t.Errorf("got %s", got)
	}
}

func TestABombIsNotUnpacked(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 100 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	r := userdata.Process(t.Context(), "user-data", bomb.Bytes(), userdata.Options{})
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Error(), "more than 64 MiB") {
		t.Errorf("problems are %v", r.Problems)
	}
}

func TestCloudConfigTextIsAsCloudInitKeepsIt(t *testing.T) {
	t.Parallel()
	r := userdata.Process(t.Context(), "user-data", []byte("#cloud-config\nb: [x]\na: 1\n"), userdata.Options{})
	want := "#cloud-config\n\n# from 1 files\n# part-001\n\n---\na: 1\nb:\n- x\n...\n"
	if diff := cmp.Diff(want, string(r.CloudConfigText())); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func FuzzProcess(f *testing.F) {
	for _, seed := range []string{message, ovirt, "#!/bin/sh", zipped("x"), "MIME-Version: 1.0\n\nx", "#cloud-boothook\nx"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := userdata.Process(t.Context(), "user-data", data, userdata.Options{KnownKeys: []string{"a"}})
		_ = r.MIME()
		_ = r.CloudConfigText()
		for _, s := range append(r.Scripts, r.Boothooks...) {
			if strings.ContainsAny(s.Name, "/\x00") || s.Name == "" || s.Name == "." || s.Name == ".." {
				t.Errorf("the file name %q is none", s.Name)
			}
		}
	})
}
