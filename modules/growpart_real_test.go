package modules

import (
	"strings"
	"testing"

	"cloudseed/guest/block/blocktest"
	"cloudseed/test/needs"
)

func TestGrowpartGrowsARealDiskAndItsFileSystem(t *testing.T) {
	needs.Programs(t, "mkfs.xfs", "xfs_growfs")
	device := blocktest.Loop(t, 400, 600, "label: gpt\nsize=320M\n")
	blocktest.Do(t, "mkfs.xfs", "-q", device+"p1")
	point := t.TempDir()
	blocktest.Do(t, "mount", device+"p1", point)
	t.Cleanup(func() { blocktest.Undo(t, "umount", point) })

	g := newGuest(t, "growpart: {devices: ["+point+"]}\n")
	e, _ := really(t, "")
	g.env.Host = e.Host
	g.clean(t, growpart)
	log := g.log.String()
	for _, want := range []string{"partition " + device + "p1 from 320 MiB to 59", "file system " + point + " from 320 MiB to 59"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %q: %s", want, log)
		}
	}
	g.log.Reset()
	g.clean(t, growpart)
	if strings.Contains(g.log.String(), "grown:") {
		t.Errorf("it grows again: %s", &g.log)
	}
}
