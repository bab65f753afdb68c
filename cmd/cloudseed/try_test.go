package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloudseed/datasource/media/image"
	"cloudseed/test/needs"
	"cloudseed/test/seed"
)

// try runs "cloudseed try" as a process of its own.
func try(t *testing.T, args ...string) (stdout []byte, exit int) {
	t.Helper()
	cmd := tryProcess(t, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if stderr.Len() > 0 {
		t.Logf("stderr: %s", stderr.String())
	}
	return stdout, cmd.ProcessState.ExitCode()
}

func tryProcess(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	// testscript.Main has put the program under its own name into PATH.
	return exec.CommandContext(t.Context(), "cloudseed", append([]string{"try"}, args...)...)
}

func TestTryTellsWhatASeedDoesAndDoesItNot(t *testing.T) {
	needs.Root(t)
	iso := filepath.Join(t.TempDir(), "ovirt.iso")
	if err := image.WriteISO(iso, "config-2", seed.OVirtFS()); err != nil {
		t.Fatal(err)
	}
	before := machineState(t)
	out, exit := try(t, "--seed", iso, "--format", "json")
	if after := machineState(t); after != before {
		t.Errorf("the machine was changed:\nbefore\n%s\nafter\n%s", before, after)
	}

	var got tried
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	var keys map[string]any
	if err := json.Unmarshal(out, &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"datasource", "instance_id", "hostname", "status", "modules", "changes", "commands", "errors"} {
		if _, ok := keys[key]; !ok {
			t.Errorf("the key %s is missing", key)
		}
	}
	if got.Datasource != "ConfigDrive" || got.InstanceID != seed.OVirtUUID || got.Hostname != "abc123" {
		t.Errorf("%s, %s, %s", got.Datasource, got.InstanceID, got.Hostname)
	}
	if want := map[string]int{"done": 0, "error": 1, "degraded": 2}[got.Status]; exit != want || got.Status == "" {
		t.Errorf("exit code %d with status %q", exit, got.Status)
	}
	if !slices.ContainsFunc(got.Changes, func(c triedChange) bool { return c.Path == "/etc/hostname" && c.Change == "modified" }) {
		t.Errorf("the hostname's file is not among the changes: %+v", got.Changes)
	}
	if !slices.ContainsFunc(got.Commands, func(c triedCommand) bool {
		return c.Module == "scripts_user" && slices.Equal(c.Argv, []string{"/bin/sh", "/run/cloud-init/runcmd.sh"}) && *c.Exit == 0
	}) {
		t.Errorf("runcmd is not among the commands: %+v", got.Commands)
	}
	if bytes.Contains(out, []byte(`"abc123:`)) || bytes.Contains(out, []byte("root:abc123")) {
		t.Error("the password is shown")
	}
}

func TestTryTakesADirectoryAndTellsOfErrors(t *testing.T) {
	needs.Root(t)
	dir := filepath.Join(t.TempDir(), "seed")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	seed.NoCloud("i-1", "#cloud-config\nruncmd: [exit 3]\n").Dir(t, dir)
	out, exit := try(t, "--seed", dir, "--format", "json")
	var got tried
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if exit != exitError || got.Status != "error" || !strings.Contains(strings.Join(got.Errors, "\n"), "exit code 3") {
		t.Errorf("exit code %d, %s, %q", exit, got.Status, got.Errors)
	}
	if out, exit := try(t, "--seed", t.TempDir()); exit != exitError || !bytes.Contains(out, []byte("there is no seed here")) {
		t.Errorf("a directory that is no seed: exit code %d, %s", exit, out)
	}
}

func TestCtrlCEndsATryAndLeavesNothing(t *testing.T) {
	needs.Root(t)
	dir := filepath.Join(t.TempDir(), "seed")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const mark = "sleep 98765"
	seed.NoCloud("i-1", "#cloud-config\nbootcmd: [echo begun, "+mark+"]\n").Dir(t, dir)
	before := machineState(t)
	cmd := tryProcess(t, "--seed", dir, "--verbose")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for text, piece := "", make([]byte, 4096); !strings.Contains(text, "begun"); {
		n, err := stderr.Read(piece)
		text += string(piece[:n])
		if err != nil {
			t.Fatalf("%v after %s", err, text)
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = stderr.Read(make([]byte, 1<<20)) }()
	if err := cmd.Wait(); err == nil {
		t.Error("it ended well")
	}
	for range 100 { // the kernel ends what was in the namespace
		if !running(t, mark) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if running(t, mark) {
		t.Error("the command still runs")
	}
	if after := machineState(t); after != before {
		t.Errorf("the machine was changed:\nbefore\n%s\nafter\n%s", before, after)
	}
}

// running tells whether a process with that command line exists.
func running(t *testing.T, line string) bool {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		data, err := os.ReadFile(file)
		return err == nil && strings.TrimSpace(strings.ReplaceAll(string(data), "\x00", " ")) == line
	})
}

// machineState is what a try must leave as it is: hostname, mounts, and the names,
// modes, sizes and contents below /etc, /root/.ssh and the agent's own directories.
func machineState(t *testing.T) string {
	t.Helper()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	lasting := sha256.New()
	for line := range strings.Lines(string(mounts)) {
		// Mounts in /tmp and /run come and go with the tests of other packages.
		if point := strings.Fields(line)[4]; !strings.HasPrefix(point, "/tmp/") && !strings.HasPrefix(point, "/run/") {
			lasting.Write([]byte(line))
		}
	}
	sum := sha256.New()
	for _, dir := range []string{"/etc", "/root/.ssh", "/var/lib/cloud", "/run/cloud-init", "/var/log/cloud-init.log"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			fmt.Fprintln(sum, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
			if info.Mode().IsRegular() {
				data, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				sum.Write(data)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return fmt.Sprintf("hostname %s\nmounts %x\nfiles %x\n", name, lasting.Sum(nil), sum.Sum(nil))
}

func TestTryTakesAFileWithUserDataAlone(t *testing.T) {
	needs.Root(t)
	dir := t.TempDir()
	userData := filepath.Join(dir, "user.yaml")
	network := filepath.Join(dir, "net.yaml")
	metadata := filepath.Join(dir, "meta.yaml")
	for file, text := range map[string]string{
		userData: "#cloud-config\nwrite_files: [{path: /etc/tried, content: a}]\n",
		network:  "{version: 2, ethernets: {eth7: {addresses: [192.0.2.7/24]}}}\n",
		metadata: "{instance-id: i-bare, local-hostname: bare}\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	changed := func(got tried, path string) bool {
		return slices.ContainsFunc(got.Changes, func(c triedChange) bool { return strings.HasPrefix(c.Path, path) })
	}
	var got tried
	out, _ := try(t, userData, "--format", "json")
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if got.InstanceID != "try" || !changed(got, "/etc/tried") {
		t.Errorf("%s: %+v", got.InstanceID, got.Changes)
	}
	out, _ = try(t, userData, "--network-config", network, "--meta-data", metadata, "--format", "json")
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if got.InstanceID != "i-bare" || got.Hostname != "bare" || !changed(got, "/etc/NetworkManager/system-connections/cloud-init-eth7") {
		t.Errorf("%s: %+v", got.InstanceID, got.Changes)
	}
}

func TestTryShowsStagesAndModulesAndFoldsTheAgentsOwnState(t *testing.T) {
	needs.Root(t)
	dir := filepath.Join(t.TempDir(), "seed")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	seed.NoCloud("i-1", "#cloud-config\nruncmd: [echo hello]\n").Dir(t, dir)
	out, _ := try(t, dir)
	for _, want := range []string{"init-local\n", "modules-final\n  reset_rmc", "would be instance i-1 with the hostname", "The agent's own state: "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "/var/lib/cloud/instances/i-1/sem") {
		t.Error("the agent's own state is listed without --all")
	}
	if out, _ = try(t, "--all", dir); !strings.Contains(string(out), "/var/lib/cloud/instances/i-1/sem") {
		t.Error("the agent's own state is not listed with --all")
	}
}

func TestATryThatIsStoppedShowsHowFarItCame(t *testing.T) {
	needs.Root(t)
	dir := filepath.Join(t.TempDir(), "seed")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	seed.NoCloud("i-1", "#cloud-config\nbootcmd: [touch /etc/tried; exec sleep 98764]\n").Dir(t, dir)
	out, exit := try(t, dir, "--timeout", "6s", "--format", "json")
	var got tried
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if exit != exitError || got.Status != "interrupted" {
		t.Errorf("exit code %d, status %s", exit, got.Status)
	}
	last := got.Errors[len(got.Errors)-1]
	if !strings.Contains(last, "the boot was not over after 6s") || !strings.Contains(last, " was running, since ") {
		t.Errorf("it says %q", last)
	}
	if !slices.ContainsFunc(got.Changes, func(c triedChange) bool { return c.Path == "/etc/tried" }) {
		t.Errorf("what was changed until then is not shown: %+v", got.Changes)
	}
}
