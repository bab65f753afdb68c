package host_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"cloudseed/host"
	"cloudseed/test/needs"
)

func TestACommandOfAnImageRunsInItsRoot(t *testing.T) {
	needs.Root(t) // chroot(2)
	t.Parallel()
	root := t.TempDir()
	for _, dir := range []string{"etc", "usr/bin", "srv"} {
		must(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	must(t, os.WriteFile(filepath.Join(root, "etc/name"), []byte("image"), 0o644))
	must(t, os.Symlink("usr/bin", filepath.Join(root, "bin")))
	must(t, os.Symlink("/srv", filepath.Join(root, "usr/share"))) // to the image's, not to ours
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(root, "usr/bin/whereami"), "./testdata/whereami")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // the root has no libraries
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	h := host.New(root, host.Options{})
	for _, test := range []struct {
		name string
		host.Command
		want string
	}{
		{"a program in the image's PATH", host.Command{Argv: []string{"whereami"}}, "image in /"},
		{"a program by its path", host.Command{Argv: []string{"/bin/whereami"}}, "image in /"},
		{"a directory of the image", host.Command{Argv: []string{"whereami"}, Dir: "/usr/share"}, "image in /srv"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := h.Run(t.Context(), test.Command); err != nil || got.Stdout != test.want {
				t.Errorf("it said %q, %v, want %q", got.Stdout+got.Stderr, err, test.want)
			}
		})
	}
	if path, err := h.LookPath("sh"); err == nil {
		t.Errorf("sh was found at %s, which the image does not have", path)
	}
}
