package boot

import (
	"context"
	"testing"
)

// Everybody in the guest may read what a module is at.
func TestWhatIsAtWorkIsToldWithoutArgumentsAndURLs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(w *work)
		want string
	}{
		"a command":          {func(w *work) { w.runs([]string{"/usr/bin/dnf", "install", "hidden"}) }, "running dnf"},
		"a script":           {func(w *work) { w.runs([]string{"/bin/sh", "/run/cloud-init/runcmd.sh", "hidden"}) }, "running runcmd.sh"},
		"a shell's argument": {func(w *work) { w.runs([]string{"/bin/sh", "-c", "/hidden"}) }, "running sh"},
		"a download": {func(w *work) {
			get := w.fetches(func(context.Context, string, map[string]string) ([]byte, error) { return nil, nil })
			if _, err := get(t.Context(), "https://user:hidden@example.com:8443/a?token=hidden", nil); err != nil {
				t.Error(err)
			}
		}, "downloading from example.com"},
		"a file that is read": {func(w *work) {
			get := w.fetches(func(context.Context, string, map[string]string) ([]byte, error) { return nil, nil })
			if _, err := get(t.Context(), "file:///etc/hidden", nil); err != nil {
				t.Error(err)
			}
		}, ""},
		"what a package manager says": {func(w *work) { w.does("Installing: nginx 3/7") }, "Installing: nginx 3/7"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &work{}
			if c.do(w); w.now() != c.want {
				t.Errorf("it is told as %q, want %q", w.now(), c.want)
			}
		})
	}
}
