package boot_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/test/seed"
)

// The limits of what a boot may sync: on slow storage, syncs are the boot's delay.
const (
	maxSyncs     = 12 // of a first boot
	maxIdleSyncs = 2  // of a boot in which nothing is new

	maxFlushes     = 64 // of the content of files, of a first boot
	maxIdleFlushes = 16
)

const manyFiles = 200

func TestABootSyncsSeldom(t *testing.T) {
	t.Parallel()
	var many strings.Builder
	many.WriteString("#cloud-config\nwrite_files:\n")
	for i := range manyFiles {
		fmt.Fprintf(&many, "- {path: /etc/many/%d, content: new}\n", i)
	}
	for _, test := range []struct {
		name    string
		files   seed.Files
		before  func(t *testing.T, g *guest)
		flushes int // of the files that the seed names
	}{
		{name: "oVirt's seed", files: seed.OVirt()},
		{name: "many new files", files: seed.NoCloud("i-1", many.String()), flushes: manyFiles},
		{name: "many files in the place of others", files: seed.NoCloud("i-1", many.String()), flushes: manyFiles, before: func(t *testing.T, g *guest) {
			t.Helper()
			must(t, os.MkdirAll(filepath.Join(g.Dir, "etc/many"), 0o755))
			for i := range manyFiles {
				must(t, os.WriteFile(filepath.Join(g.Dir, "etc/many", fmt.Sprint(i)), []byte("old"), 0o644))
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, test.files)
			if test.before != nil {
				test.before(t, g)
			}
			g.boot(t)
			first := g.Syncs()
			if flushes := g.Flushes() - test.flushes; first == 0 || first > maxSyncs || flushes > maxFlushes {
				t.Errorf("a first boot synced %d times, at most %d is right, and brought out %d files beside", first, maxSyncs, flushes)
			}
			before := g.Flushes()
			g.boot(t)
			if idle, flushes := g.Syncs()-first, g.Flushes()-before; idle > maxIdleSyncs || flushes > maxIdleFlushes {
				t.Errorf("a second boot synced %d times, at most %d is right, and brought out %d files", idle, maxIdleSyncs, flushes)
			}
		})
	}
}
