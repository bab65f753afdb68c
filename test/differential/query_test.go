package differential

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cloudseed/test/differential/cloudinit"
)

// queried are files below a root that queries are about.
func queried(t *testing.T) (root string) {
	t.Helper()
	root = openFolder(t)
	const data = `{"base64_encoded_keys": ["ds/meta_data/b"], "sensitive_keys": ["merged_cfg"], "merged_cfg": %s,
 "ds": {"_doc": "d", "meta_data": {"a.b": {"c-d": 1}, "b": "AAEC", "hyphen-ated": "h", "both-ways": 1, "both_ways": 2, "none": null,
  "float": 1.50, "big": 123456789012345678901234567890, "list": [1, {"k": "v"}], "empty": {}, "true": true, "umlaut": "\u00fc\ud83d\ude00<&>"}},
 "v1": {"instance-id": "i-1", "instance_id": "i-1", "cloud-name": "x", "public_ssh_keys": ["ssh-rsa A", "ssh-rsa B"], "region": null, "zz": "from v1"},
 "v2": {"zz": "from v2", "cloud_name": "y"}, "aa": "before v1", "v1x": {"no": "lift"}, "zz": "after"}`
	for file, content := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"run/cloud-init/instance-data.json":           {fmt.Sprintf(data, `"redacted for non-root user"`), 0o644},
		"run/cloud-init/instance-data-sensitive.json": {fmt.Sprintf(data, `{"password": "s3cret"}`), 0o600},
		"run/cloud-init/combined-cloud-config.json":   {`{"hostname": "h", "n": 1.0}`, 0o600},
		"var/lib/cloud/instance/user-data.txt":        {"#cloud-config\nhostname: h\n", 0o600},
		"var/lib/cloud/instance/vendor-data.txt":      {string(zipped([]byte("#!/bin/sh\n"))), 0o600},
		"other.json":                                  {`{"v1": {"k": "other"}}`, 0o644},
		"other.txt":                                   {"other user data", 0o644},
		"broken":                                      {"{", 0o644},
		"binary":                                      {"\xff\xfe", 0o644},
	} {
		file = filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content.text), content.mode); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// queries are compared; each word of a line is an argument, ROOT the folder and ~ a blank. Those that
// begin with a star are known to differ as the documentation says.
var queries = []string{
	"", "-a", "--all", "-l", "--list-keys", "-a -l",
	"v1", "v2", "ds", "zz", "aa", "ds.meta_data", "v1.zz", "v1x.no", "no",
	"instance_id", "instance-id", "v1.instance_id", "v1.instance-id", "cloud_name", "cloud-name", "region", "v1.region", "public_ssh_keys",
	"ds.meta_data.a_b", "ds.meta_data.a_b.c_d", "ds.meta_data.a_b.c-d", "ds.meta_data.a.b", "ds.meta_data.b", "ds.meta_data.hyphen_ated",
	"ds.meta_data.hyphen-ated", "ds.meta_data.both_ways", "ds.meta_data.both-ways", "ds.meta_data.none", "ds.meta_data.float", "ds.meta_data.big",
	"ds.meta_data.list", "ds.meta_data.empty", "ds.meta_data.true", "ds.meta_data.umlaut", "ds._doc", "ds.", ".ds", "ds..meta_data",
	"*public_ssh_keys.0", "*ds.meta_data.list.1.k", "public_ssh_keys.2", "public_ssh_keys.x", "ds.meta_data.float.x", "ds.meta_data.none.x", "aa.x",
	"nothing", "ds.nothing", "ds.meta_data.nothing.more", "v3",
	"-l ds", "-l ds.meta_data", "-l ds.meta_data.a_b", "-l ds.meta_data.empty", "-l v1", "-l v1.region", "-l instance_id", "-l public_ssh_keys", "-l nothing",
	"userdata", "vendordata", "combined_cloud_config", "combined_cloud_config.hostname", "merged_cfg", "merged_cfg.password", "sensitive_keys",
	"-i ROOT/other.json k", "--instance-data ROOT/other.json -a", "-i ROOT/nothing.json k", "-i ROOT/broken k",
	"-u ROOT/other.txt userdata", "--user-data ROOT/other.txt vendordata", "-v ROOT/other.txt vendordata", "--vendor-data ROOT/nothing vendordata",
	"*-u ROOT/binary userdata",
	"-f {{instance_id}}", "--format {{v1.region}}-{{ds.meta_data.a_b.c_d}}", "-f {{userdata}}", "-f {{public_ssh_keys[0]}}", "-f {{nothing}}",
	"-f {{nothing.more}}", "-f {{ds.nothing}}", "-f {%", "-f {%if", "-f text", "-f {#none#}", "-f {{zz}} zz", "-f {{ds.meta_data.umlaut}}",
	"-f {{ds.meta_data.list}}", "-f {{ds.meta_data.float}}", "-f {%~for~k~in~v1.public_ssh_keys~%}{{k}}{%~endfor~%}",
}

// TestQueryPrintsWhatCloudInitPrints compares what the command prints on its standard
// output, and its exit code, for root and for others.
func TestQueryPrintsWhatCloudInitPrints(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("only root can ask as another user")
	}
	program := filepath.Join(openFolder(t), "cloudseed")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "cloudseed/cmd/cloudseed").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	root, answered := queried(t), 0
	for _, uid := range []int{0, 65534} {
		for _, line := range queries {
			line, differs := strings.CutPrefix(line, "*")
			args := words(strings.ReplaceAll(line, "ROOT", root))
			their, err := real.Query(cloudinit.Query{Root: root, UID: uid, Args: args})
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			our := ask(t, program, root, uid, args)
			if line == "" {
				their.Stdout, our.Stdout = "", "" // each has its own help
			}
			if their.Code == 0 && their.Stdout != "" {
				answered++
			}
			same := their.Code == our.Code && their.Stdout == our.Stdout
			switch {
			case differs && uid == 0 && same:
				t.Errorf("uid %d: query %s: it is listed as a difference, and there is none any more", uid, line)
			case !differs && !same:
				t.Errorf("uid %d: query %s: cloud-init ends with %d and prints %q (%s), cloudseed with %d and %q (%s)",
					uid, line, their.Code, their.Stdout, their.Error, our.Code, our.Stdout, our.Error)
			}
		}
	}
	t.Logf("%d queries by two users: cloud-init answered %d", len(queries), answered)
	if answered < len(queries) {
		t.Errorf("cloud-init answered %d of %d only: it was asked wrongly", answered, 2*len(queries))
	}
}

// words are the arguments of a line.
func words(line string) []string {
	all := strings.Fields(line)
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], "~", " ")
	}
	return all
}

// openFolder is a folder that everybody can look into.
func openFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func ask(t *testing.T, program, root string, uid int, args []string) cloudinit.Answered {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append([]string{"--root", root, "query"}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cloudinit.Answered{
		Code: cmd.ProcessState.ExitCode(), Stdout: strings.ReplaceAll(stdout.String(), root, ""), Error: stderr.String(),
	}
}
