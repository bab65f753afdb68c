package vm

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"cloudseed/test/image"
)

// TestAPowerCutLosesOnlyWhatWasNotFlushed: qemu-io writes to a disk as a guest does.
func TestAPowerCutLosesOnlyWhatWasNotFlushed(t *testing.T) {
	t.Parallel()
	base := filepath.Join(t.TempDir(), "base")
	if err := os.WriteFile(base, make([]byte, 64<<10), 0o644); err != nil {
		t.Fatal(err)
	}
	m := over(t, nil, image.Disk{Path: base}, 0)
	disk := "driver=blklogwrites,file.driver=qcow2,file.file.driver=file,file.file.filename=" + m.disk + ",log.driver=file,log.filename=" + m.record()
	out, err := exec.Command("qemu-io", "--image-opts", disk,
		"-c", "write -P 1 0 4k", "-c", "write -P 2 8k 8k", "-c", "flush",
		"-c", "write -P 3 0 4k", "-c", "write -P 4 32k 4k").CombinedOutput()
	if err != nil {
		t.Fatalf("qemu-io: %v: %s", err, out)
	}
	writes := m.Writes()
	n := writes.Len()
	for n > 0 && writes.all[n-1].flags&flushed != 0 { // when it ends
		n--
	}
	seen := map[[4]byte]bool{}
	for i := range uint64(40) {
		content, err := os.ReadFile(writes.Left(t, n, rand.New(rand.NewPCG(1, i))))
		if err != nil {
			t.Fatal(err)
		}
		seen[[4]byte{content[0], content[8<<10], content[16<<10-1], content[32<<10]}] = true
	}
	for _, want := range [][4]byte{{1, 2, 2, 0}, {1, 2, 2, 4}, {3, 2, 2, 0}, {3, 2, 2, 4}} {
		if !seen[want] {
			t.Errorf("no power cut leaves %v", want)
		}
		delete(seen, want)
	}
	if len(seen) > 0 {
		t.Errorf("a power cut leaves what was never on the disk, or loses what was flushed: %v", seen)
	}
}
