package conffile_test

import (
	"context"
	"errors"
	"testing"

	"cloudseed/guest/conffile"
	"cloudseed/host"
	"cloudseed/host/hosttest"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		old, content string
		refused      bool
		noCheck      bool
		want         string
		asked        bool
		changed      bool
	}{
		"a new file is checked":                      {content: "new", want: "new", asked: true, changed: true},
		"an accepted change takes effect":            {old: "old", content: "new", want: "new", asked: true, changed: true},
		"a refused change leaves the file as it was": {old: "old", content: "bad", refused: true, want: "old", asked: true},
		"a refused new file is not written":          {content: "bad", refused: true, asked: true},
		"what is there is not checked again":         {old: "same", content: "same", want: "same"},
		"without a program that checks":              {old: "old", content: "new", noCheck: true, want: "new", changed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const file = "/etc/a.d/a.conf"
			m := hosttest.New(t)
			if row.old != "" {
				m.Put(t, file, row.old)
			}
			asked := false
			check := func(_ context.Context, aside string) error {
				asked = true
				if got := m.Text(t, aside); got != row.content {
					t.Errorf("checked is %q", got)
				}
				if row.refused {
					return errors.New("line 1: bad")
				}
				return nil
			}
			if row.noCheck {
				check = nil
			}
			changed, err := conffile.Write(t.Context(), m.Host, file, []byte(row.content), host.File{Mode: 0o644}, check)
			if row.refused {
				if want := "/etc/a.d/a.conf is not written: line 1: bad"; err == nil || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
			} else if err != nil {
				t.Error(err)
			}
			if asked != row.asked || changed != row.changed {
				t.Errorf("asked %t, changed %t", asked, changed)
			}
			if m.Exists(file) != (row.want != "") || row.want != "" && m.Text(t, file) != row.want {
				t.Errorf("the file holds something else than %q", row.want)
			}
			if left, err := m.Glob("/etc/a.d/.*"); err != nil || len(left) > 0 {
				t.Errorf("left behind: %q, %v", left, err)
			}
		})
	}
}
