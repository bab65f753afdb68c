package differential

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/test/differential/cloudinit"
)

// takenOver is a machine with what must not be done twice.
func takenOver() machine {
	return machine{
		name: "taking over", modules: []string{"write_files", "users_groups", "ssh", "runcmd", "set_passwords", "scripts_user", "final_message"},
		user: "users: [default, {name: alice}]\nwrite_files: [{path: /etc/written, content: seed}]\nruncmd: [echo once]\nchpasswd: {expire: false, list: 'root:secret'}\n",
	}
}

// once are programs that a second boot of the same instance does not run.
var once = []string{"useradd", "chpasswd", "ssh-keygen", "groupadd"}

// TestAMachineThatIsTakenOverOrGivenBackStaysTheInstanceThatItIs boots a machine with one of the two
// programs and then, with the same seed, with the other.
func TestAMachineThatIsTakenOverOrGivenBackStaysTheInstanceThatItIs(t *testing.T) {
	m := takenOver()
	packages, err := cloudinit.Fetch(t.Context(), "../../build/cloud-init", cloudinit.Older)
	if err != nil {
		t.Fatal(err)
	}
	olderModules, err := cloudinit.StartModules(t.Context(), packages)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := olderModules.Close(); err != nil {
			t.Error(err)
		}
	}()
	by := func(p *cloudinit.Process) func(t *testing.T, root string) {
		return func(t *testing.T, root string) {
			t.Helper()
			result, err := p.Boot(root, kernelHostname)
			if err != nil || len(result.Failed) > 0 {
				t.Fatalf("cloud-init %s: %v, %v", p.Version, err, result.Failed)
			}
		}
	}
	ours := func(t *testing.T, root string) {
		t.Helper()
		runOurs(t, m, root)
	}
	for name, programs := range map[string][2]func(*testing.T, string){
		"cloud-init 26.2 is replaced by cloudseed": {by(realModules), ours},
		"cloudseed is replaced by cloud-init 26.2": {ours, by(realModules)},
		"cloud-init 22.4 is replaced by cloudseed": {by(olderModules), ours},
		"cloudseed is replaced by cloud-init 22.4": {ours, by(olderModules)},
	} {
		t.Run(name, func(t *testing.T) {
			root := m.build(t)
			programs[0](t, root)
			if ran := repeated(t, root); len(ran) == 0 {
				t.Fatal("the first boot did nothing that could be repeated")
			}
			// An administrator's work, and a boot.
			if err := errors.Join(
				os.WriteFile(filepath.Join(root, "etc/written"), []byte("by hand"), 0o644),
				os.RemoveAll(filepath.Join(root, "run/cloud-init")), os.RemoveAll(filepath.Join(root, "standin/calls")),
			); err != nil {
				t.Fatal(err)
			}
			programs[1](t, root)
			if ran := repeated(t, root); len(ran) > 0 {
				t.Errorf("the second boot ran again: %q", ran)
			}
			written, err := os.ReadFile(filepath.Join(root, "etc/written"))
			if err != nil || string(written) != "by hand" {
				t.Errorf("what was written by hand is %q, %v", written, err)
			}
			link, err := os.Readlink(filepath.Join(root, "var/lib/cloud/instance"))
			if err != nil || strings.TrimRight(link, "/") != "/var/lib/cloud/instances/i-1" {
				t.Errorf("the instance is %s, %v", link, err)
			}
		})
	}
}

// repeated are the calls of programs that a second boot does not run, and of the script of runcmd.
func repeated(t *testing.T, root string) []string {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, "standin/calls")); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var ran []string
	for _, c := range readCalls(t, root) {
		line := strings.Join(c.Argv, " ")
		for _, program := range once {
			if filepath.Base(c.Argv[0]) == program {
				ran = append(ran, line)
			}
		}
		if strings.Contains(c.Script, "echo once") || strings.Contains(line, "runcmd") {
			ran = append(ran, line)
		}
	}
	return ran
}
