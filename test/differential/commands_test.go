package differential

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// commands are command lines, and the states of a machine in which each is compared: what it
// prints on its standard output, its exit code, and the files that it leaves. An answer that
// differs has its reason in commandDifferences. LOG is a log of a boot.
var commands = []struct {
	lines  string
	states string // "" is all of them
	how    compare
}{
	{how: codes, lines: `
		|nosuch|nosuch --help|status nosuch|--nosuch|help|-h|status --help|status --nosuch|status --format nosuch|status --format
		single|single --name x --frequency nosuch|modules --mode nosuch|init --nosuch|devel|devel nosuch|devel nosuch --help
		analyze|analyze nosuch|analyze show --help|clean nosuch|clean --configs|clean --configs nosuch|clean --re --nosuch
		collect-logs --nosuch|schema --nosuch|query --nosuch|features nosuch|devel net-convert|devel make-mime --nosuch
		devel render|devel hotplug-hook|devel hotplug-hook -s net|devel hotplug-hook -s nosuch query
		schema|schema -c /nosuch|schema -c GOOD|schema --conf BAD|schema -c GOOD --system|query|query nosuch
		single -n nosuch|analyze show -i /nosuch|analyze boot -i LOG|devel render /nosuch|devel render GOOD`, states: "done"},
	{how: output, lines: `--version|features|devel make-mime --list-types`, states: "done"},
	{how: output, lines: `status|status --long|status --form=json|status --format yaml`},
	{how: output, lines: `status --wait|status -w -l`, states: "done error degraded disabled"},
	{how: output, lines: `cloud-id|cloud-id -j|cloud-id --lo`, states: "fresh done running disabled"},
	{how: output, lines: `cloud-id -i INSTANCE|cloud-id -l -i INSTANCE`, states: "done"},
	{how: codes, lines: `cloud-id -i /nosuch|cloud-id --nosuch|cloud-id x`, states: "done"},
	{how: output, lines: `analyze show -i LOG|analyze blame -i LOG|analyze dump -i LOG|analyze blame --inf LOG
		analyze show -f %I-%n-%d-%e-%o-%r-%E-%t -i LOG|analyze dump -i LOG -o /dev/stdout`, states: "done"},
	{how: output, lines: `devel hotplug-hook -s net query`, states: "fresh done"},
	{how: files, lines: `clean|clean --logs|clean --seed|clean --logs --seed|clean --machine-id|clean --mach -l -s|clean -c all|clean -c network
		clean --configs ssh_config fstab|clean --configs datasource|clean -l -c network ssh_config`, states: "done"},
	{how: files, lines: `cloud-init-per once a-b true|cloud-init-per instance x sh -c exit~3|cloud-init-per always x false|cloud-init-per once seen false
		cloud-init-per|cloud-init-per nosuch x true|cloud-init-per once a/b true`, states: "done"},
	{how: codes, lines: `collect-logs -t /mnt/tmp/x.tar.gz|collect-logs --red --tar /mnt/tmp/x.tar.gz|collect-logs -t /nosuch/x.tar.gz`, states: "done"},
}

// compare is what of an answer is compared: of the exit code alone where each program has its own
// words, the output, or also the files.
type compare int

const (
	codes compare = iota
	output
	files
)

// commandDifferences are the answers that differ, as "state: command line", each with its reason. A
// star stands for every state.
var commandDifferences = map[string]string{
	"done: --version":               "the version and release of the package, as on RHEL; Debian's build of this version says no release",
	"no seed: status --long":        noSeed,
	"no seed: status --form=json":   noSeed,
	"no seed: status --format yaml": noSeed,
}

const noSeed = "the detail is the reason for which the agent does not run in this boot"

// lastUpdate is a time in a status. cloud-init takes the seconds since the boot for those since 1970; the other
// program has the time of the clock.
var lastUpdate = regexp.MustCompile(`(last_update"?: ['"]?)[A-Z][a-z]{2}, [^'"\n]*`)

// bootLog is a log of two boots.
const bootLog = `2026-08-21 17:15:34,123 - main.py[INFO]: Cloud-init v. 26.2-1 running 'init-local' at Fri, 21 Aug 2026 17:15:34 +0000. Up 1.56 seconds.
2026-08-21 17:15:34,200 - handlers.py[DEBUG]: start: init-local/check-cache: attempting to read from cache [check]
2026-08-21 17:15:34,223 - handlers.py[DEBUG]: finish: init-local/check-cache: SUCCESS: no cache found (duration: 0.023s)
2026-08-21 17:15:34,300 - util.py[DEBUG]: another line
2026-08-21 17:15:34,500 - handlers.py[DEBUG]: finish: init-local: SUCCESS: searching for local datasources (duration: 0.377s)
2026-08-21 17:15:36,123 - main.py[INFO]: Cloud-init v. 26.2-1 running 'modules:final' at Fri, 21 Aug 2026 17:15:36 +0000. Up 3.56 seconds.
2026-08-21 17:15:37,000 - handlers.py[DEBUG]: start: modules-final/config-a: running config-a with frequency always
2026-08-21 17:15:37,010 - handlers.py[DEBUG]: finish: modules-final/config-a: FAIL: running config-a with frequency always (duration: 0.010s)
2026-08-21 17:15:38,400 - util.py[DEBUG]: Cloud-init v. 26.2-1 finished at Fri, 21 Aug 2026 17:15:38 +0000. Datasource DataSourceNoCloud.  Up 5.00 seconds
2026-08-21 17:15:38,500 - handlers.py[DEBUG]: finish: modules-final: SUCCESS: running modules for final (duration: 2.377s)
2026-08-22 17:15:34,123 - main.py[INFO]: Cloud-init v. 26.2-1 running 'init-local' at Fri, 22 Aug 2026 17:15:34 +0000. Up 1.56 seconds.
2026-08-22 17:15:34,200 - handlers.py[DEBUG]: start: init-local/search-NoCloud: searching for local data from DataSourceNoCloud
2026-08-22 17:15:34,223 - handlers.py[DEBUG]: finish: init-local/search-NoCloud: SUCCESS: found local data from DataSourceNoCloud (duration: 0.023s)
2026-08-22 17:15:35,123 - handlers.py[DEBUG]: finish: init-local: SUCCESS: searching for local datasources (duration: 1.000s)
`

// stage is what status.json says of one.
func stageStatus(finished bool, errs, recoverable string) string {
	end := "null"
	if finished {
		end = "12.5"
	}
	return fmt.Sprintf(`{"errors": [%s], "finished": %s, "recoverable_errors": {%s}, "start": 11.25}`, errs, end, recoverable)
}

// noDatasource is a status.json from before one was found.
func noDatasource(status string) string {
	return strings.Replace(status, `"DataSourceNoCloud [seed=/dev/sr0]"`, "null", 1)
}

// commandStates are the states of a machine, by their names: files, and links that begin with "->".
func commandStates() map[string]map[string]string {
	base := map[string]string{
		"etc/cloud/cloud.cfg":                                             "datasource_list: [NoCloud]\n",
		"etc/cloud/cloud.cfg.d/05_logging.cfg":                            "output: {all: '| tee -a /var/log/cloud-init-output.log'}\n",
		"etc/fstab":                                                       "# by hand\n\n/dev/vda1 / xfs defaults 0 0\n/dev/vdb1 /data xfs defaults,comment=cloudconfig 0 2\n",
		"etc/machine-id":                                                  "0123456789abcdef0123456789abcdef\n",
		"run/systemd/system/x":                                            "",
		"etc/ssh/sshd_config.d/50-cloud-init.conf":                        "PasswordAuthentication no\n",
		"etc/ssh/sshd_config.d/60-other.conf":                             "",
		"etc/systemd/network/10-cloud-init-a.network":                     "",
		"etc/systemd/network/20-a.network":                                "",
		"etc/NetworkManager/system-connections/cloud-init-a.nmconnection": "",
		"etc/NetworkManager/system-connections/a.nmconnection":            "",
		"etc/NetworkManager/conf.d/99-cloud-init.conf":                    "",
		"etc/netplan/50-cloud-init.yaml":                                  "",
		"etc/network/interfaces.d/50-cloud-init.cfg":                      "",
		"var/log/cloud-init.log":                                          bootLog,
		"var/log/cloud-init.log.1":                                        "",
		"var/log/cloud-init-output.log":                                   "",
		"var/log/other.log":                                               "",
	}
	with := func(more map[string]string) map[string]string {
		all := map[string]string{}
		for _, some := range []map[string]string{base, more} {
			for name, content := range some {
				all[name] = content
			}
		}
		return all
	}
	booted := func(status, result string) map[string]string {
		all := map[string]string{
			"run/cloud-init/enabled":                      "",
			"run/cloud-init/status.json":                  "->../../var/lib/cloud/data/status.json",
			"run/cloud-init/instance-data.json":           `{"v1": {"cloud_name": "unknown", "platform": "nocloud", "region": null, "instance_id": "i-1", "x": "ü"}}`,
			"run/cloud-init/instance-data-sensitive.json": `{"v1": {"cloud_name": "unknown", "platform": "nocloud", "region": null, "instance_id": "i-1", "x": "ü"}}`,
			"var/lib/cloud/data/status.json":              status,
			"var/lib/cloud/data/instance-id":              "i-1\n",
			"var/lib/cloud/instance":                      "->/var/lib/cloud/instances/i-1",
			"var/lib/cloud/instances/i-1/user-data.txt":   "#cloud-config\n",
			"var/lib/cloud/seed/nocloud/meta-data":        "instance-id: i-1\n",
			"var/lib/cloud/seed/nocloud/user-data":        "#cloud-config\n",
			"var/lib/cloud/sem/bootper.seen.once":         "0\t1\n",
			"var/lib/cloud/scripts/per-boot/x":            "",
		}
		if result != "" {
			all["run/cloud-init/result.json"] = "->../../var/lib/cloud/data/result.json"
			all["var/lib/cloud/data/result.json"] = result
		}
		return all
	}
	status := func(stage, local, final string) string {
		return fmt.Sprintf(`{"v1": {"datasource": "DataSourceNoCloud [seed=/dev/sr0]", "init": %s, "init-local": %s, "modules-config": %s, "modules-final": %s, "stage": %s}}`,
			stageStatus(true, "", ""), local, stageStatus(true, "", ""), final, stage)
	}
	good := stageStatus(true, "", "")
	const result = `{"v1": {"datasource": "DataSourceNoCloud [seed=/dev/sr0]", "errors": []}}`
	return map[string]map[string]string{
		"fresh":    with(nil),
		"done":     with(booted(status("null", good, good), result)),
		"degraded": with(booted(status("null", stageStatus(true, "", `"DEPRECATED": ["three"], "WARNING": ["one", "two"]`), good), result)),
		"error":    with(booted(status("null", good, stageStatus(true, `"('x', RuntimeError('y'))", "z"`, `"ERROR": ["y"]`)), result)),
		"running":  with(booted(status(`"modules-final"`, good, stageStatus(false, "", "")), "")),
		"disabled": with(map[string]string{"etc/cloud/cloud-init.disabled": ""}),
		"no seed":  with(map[string]string{"run/cloud-init/disabled": ""}),

		"enabled":   with(map[string]string{"run/cloud-init/enabled": ""}),
		"searching": with(booted(noDatasource(status(`"init-local"`, stageStatus(false, "", ""), good)), "")),
		"between":   with(booted(noDatasource(status("null", good, good)), "")),
		"failing":   with(booted(status(`"modules-final"`, stageStatus(true, `"no"`, ""), stageStatus(false, "", "")), "")),
		"worse":     with(booted(status(`"modules-final"`, stageStatus(true, "", `"WARNING": ["one"]`), stageStatus(false, "", "")), "")),
	}
}

// answered is what a command did.
type answered struct {
	code   int
	stdout string
	files  string
	stderr string // not compared: each has its own words
}

// askCommand has a program run a command line on a machine of its own: in a mount namespace in which /etc,
// /run and /var are those of the state. Nothing of it reaches this machine.
func askCommand(t *testing.T, programs string, state map[string]string, line string) answered {
	t.Helper()
	dir := t.TempDir()
	for name, content := range state {
		path := filepath.Join(dir, "state", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, link := strings.CutPrefix(content, "->"); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	argv := append([]string{"-c", enter, "sh", dir, programs}, commandWords(line)...)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // that of a command that waits for ever
	defer cancel()
	cmd := exec.CommandContext(ctx, "unshare", append([]string{"--mount", "--fork", "--pid", "--kill-child", "sh"}, argv...)...)
	cmd.WaitDelay = time.Second
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root"}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v: %s", line, err, stderr.String())
	}
	if ctx.Err() != nil {
		t.Errorf("%s does not end", line)
	}
	tree, err := os.ReadFile(filepath.Join(dir, "tree"))
	if err != nil {
		t.Errorf("%s: the machine could not be entered: %s", line, stderr.String())
	}
	return answered{cmd.ProcessState.ExitCode(), stdout.String(), string(tree), stderr.String()}
}

// enter makes the machine and runs the command in it. The files of the program itself (its records, and those
// that systemd makes) are not compared.
const enter = `set -e
dir=$1 programs=$2
shift 2
mount --make-rprivate /
mount -t tmpfs none /mnt
mkdir -p /mnt/upper/etc /mnt/upper/var /mnt/work/etc /mnt/work/var /mnt/bin
cp -a "$programs"/. /mnt/bin/
cp -a "$dir"/state/etc/. /mnt/upper/etc/
cp -a "$dir"/state/var/. /mnt/upper/var/
for d in etc var; do mount -t overlay none -o lowerdir=/$d,upperdir=/mnt/upper/$d,workdir=/mnt/work/$d /$d; done
mount -t tmpfs none /run
cp -a "$dir"/state/run/. /run/
mkdir /mnt/tmp && mount -t tmpfs none /mnt/tmp && cd /mnt/tmp
case $1 in cloud-*|ds-*) program=$1; shift ;; *) program=cloud-init ;; esac
set +e
PATH=/mnt/bin:$PATH /mnt/bin/"$program" "$@" </dev/null
code=$?
{ find /etc/NetworkManager /etc/netplan /etc/network /etc/ssh/sshd_config.d /etc/systemd/network /var/lib/cloud /var/log -xdev 2>/dev/null |
    grep -v '/ledger\|/var/log/apt\|/var/log/journal\|/var/lib/cloud/data/python-version' | sort; cat /etc/fstab /etc/machine-id; } >"$dir"/tree
for f in /var/lib/cloud/sem/bootper* /var/lib/cloud/instance/sem/bootper*; do
    [ -e "$f" ] && echo "$f: $(cut -f1 "$f")" >>"$dir"/tree
done
exit $code
`

// commandWords are a line's, with the files that it names. A tilde is a blank.
func commandWords(line string) []string {
	var all []string
	for _, word := range strings.Fields(line) {
		if file, ok := map[string]string{
			"LOG": "/mnt/bin/log", "INSTANCE": "/mnt/bin/instance.json", "GOOD": "/mnt/bin/good", "BAD": "/mnt/bin/bad",
		}[word]; ok {
			word = file
		}
		all = append(all, strings.ReplaceAll(word, "~", " "))
	}
	return all
}

// systemctl answers as that of a machine that has booted.
const systemctl = `#!/bin/sh
case $1 in
show-environment) ;;
show) printf 'UnitFileState=enabled\nActiveState=active\nSubState=exited\nMainPID=0\n' ;;
*) exit 1 ;;
esac
`

// programFolders are the folders of the real programs and of ours, with the files that command lines name.
func programFolders(t *testing.T) (theirs, ours string) {
	t.Helper()
	theirs, ours = t.TempDir(), t.TempDir()
	for _, dir := range []string{theirs, ours} {
		for name, content := range map[string]string{
			"systemctl": systemctl, "log": bootLog, "good": "#cloud-config\nhostname: h\n", "bad": "#cloud-config\nhostname: [1]\n",
			"instance.json": `{"v1": {"cloud_name": "aws", "region": "us-gov-west-1", "platform": "ec2"}}`,
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{"cloud-init", "cloud-id"} {
		module := map[string]string{"cloud-init": "cloudinit.cmd.main", "cloud-id": "cloudinit.cmd.cloud_id"}[name]
		script := fmt.Sprintf("#!/usr/bin/python3\nimport sys\nsys.path.insert(0, %q)\nfrom %s import main\nsys.exit(main())\n",
			filepath.Join(built.package_, "usr/lib/python3/dist-packages"), module)
		if err := os.WriteFile(filepath.Join(theirs, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(t, filepath.Join(built.package_, "usr/bin/cloud-init-per"), filepath.Join(theirs, "cloud-init-per"))
	copyFile(t, built.cloudseed, filepath.Join(ours, "cloudseed"))
	for _, name := range []string{"cloud-init", "cloud-id", "cloud-init-per"} {
		if err := os.Symlink("cloudseed", filepath.Join(ours, name)); err != nil {
			t.Fatal(err)
		}
	}
	return theirs, ours
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, data, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCommandsAnswerAsCloudInits runs each command line of both programs in each state.
func TestCommandsAnswerAsCloudInits(t *testing.T) {
	theirs, ours := programFolders(t)
	states, listed := commandStates(), map[string]bool{}
	for _, group := range commands {
		for name, state := range states {
			if group.states != "" && !strings.Contains(" "+group.states+" ", " "+name+" ") {
				continue
			}
			for line := range strings.FieldsFuncSeq(group.lines, func(r rune) bool { return r == '|' || r == '\n' }) {
				line = strings.TrimSpace(line)
				compareCommand(t, name+": "+line, listed, group.how, askCommand(t, theirs, state, line), askCommand(t, ours, state, line))
			}
		}
	}
	for name := range commandDifferences {
		if !listed[name] {
			t.Errorf("%s is listed as a difference, and there is none", name)
		}
	}
}

// shown is an output without the time of a status, and without the lines that are empty after a YAML document.
func shown(output string) string {
	return strings.TrimRight(lastUpdate.ReplaceAllString(output, "${1}TIME"), "\n")
}

// compareCommand compares two answers to a command line.
func compareCommand(t *testing.T, name string, listed map[string]bool, how compare, their, our answered) {
	t.Helper()
	same := their.code == our.code
	if how >= output {
		same = same && shown(their.stdout) == shown(our.stdout)
	}
	if how >= files {
		same = same && their.files == our.files
	}
	_, line, _ := strings.Cut(name, ": ")
	for _, key := range []string{name, "*: " + line} {
		if _, is := commandDifferences[key]; is && !same {
			listed[key] = true
			return
		}
	}
	if !same {
		t.Errorf("%s\ncloud-init ends with %d: %s\n%s\ncloudseed ends with %d: %s\n%s", name, their.code, their.stdout, their.stderr, our.code, our.stdout, our.stderr)
		if how >= files && their.files != our.files {
			t.Errorf("%s: cloud-init leaves\n%s\ncloudseed leaves\n%s", name, their.files, our.files)
		}
	}
}
