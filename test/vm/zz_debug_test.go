package vm_test

import (
	"os"
	"strings"
	"testing"

	"cloudseed/test/seed"
	"cloudseed/test/vm"
)

func TestZZDebug(t *testing.T) {
	files := seed.NoCloud("many", "#cloud-config\n{}\n").With("network-config", networkV2)
	machine := vm.New(t, built)
	for range 1 {
		r := machine.Boot(vm.Options{Medium: files.ISO(t, "cidata"), NICs: cables})
		for {
			os.WriteFile("/tmp/scratch/net-vm-ready", nil, 0o644)
			var cmd []byte
			for len(cmd) == 0 {
				r.Shell("sleep 1")
				cmd, _ = os.ReadFile("/tmp/scratch/net-vm-cmd")
			}
			os.Remove("/tmp/scratch/net-vm-cmd")
			if strings.TrimSpace(string(cmd)) == "quit" {
				break
			}
			os.WriteFile("/tmp/scratch/net-vm-out", []byte(r.Try(string(cmd)).Output), 0o644)
		}
		r.PowerOff()
	}
}
