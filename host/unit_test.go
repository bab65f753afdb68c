package host_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"
)

func TestAUnitIsEnabledWhenSomethingWantsItAndItIsNotMasked(t *testing.T) {
	t.Parallel()
	const service = "/usr/lib/systemd/system/a.service"
	for name, test := range map[string]struct {
		links map[string]string
		want  bool
	}{
		"nothing wants it":            {map[string]string{"/etc/systemd/system/b.target.wants/b.service": service}, false},
		"an administrator's link":     {map[string]string{"/etc/systemd/system/b.target.wants/a.service": service}, true},
		"a package's link":            {map[string]string{"/usr/lib/systemd/system/b.target.wants/a.service": "../a.service"}, true},
		"wanted, but masked":          {map[string]string{"/etc/systemd/system/b.target.wants/a.service": service, "/etc/systemd/system/a.service": "/dev/null"}, false},
		"wanted, with a file instead": {map[string]string{"/etc/systemd/system/b.target.wants/a.service": service, "/etc/systemd/system/a.service": service}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			for link, to := range test.links {
				at := filepath.Join(m.Root(), link)
				if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(to, at); err != nil {
					t.Fatal(err)
				}
			}
			if got := m.Host.Units().Enabled("a.service"); got != test.want {
				t.Errorf("Enabled is %v", got)
			}
		})
	}
}

func TestUnitsOfAnImagesRootAreNotRestarted(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t) // a root of its own, as an image has
	m.Put(t, "/run/systemd/system/x", "")
	if err := m.Host.Units().Restart(t.Context(), "sshd.service"); err != nil || len(m.Effects()) > 0 {
		t.Errorf("%v, %+v", err, m.Effects())
	}
}

func TestAUnitThatIsStartedIsAnEffect(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fails error
		want  string
	}{
		"one that starts":          {nil, ""},
		"one that does not, named": {errors.New("it has failed"), "cannot start a.service: it has failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			m.StartUnit = func(string) error { return test.fails }
			err := m.Host.Units().Start(t.Context(), "a.service")
			if !errors.Is(err, test.fails) || err != nil && err.Error() != test.want {
				t.Errorf("the error is %v", err)
			}
			effects := m.Effects()
			if len(effects) != 1 || effects[0].Kind != host.KindUnit || effects[0].Error != test.want || strings.Join(effects[0].Argv, " ") != "start a.service" {
				t.Errorf("%+v", effects)
			}
		})
	}
}

func TestAccountsAfterAVeryLongLineAreFound(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, "/etc/group", "many:x:50:"+strings.Repeat("member,", 20_000)+"\nlast:x:51:\n")
	if g, err := m.Group(t.Context(), "last"); err != nil || g.GID != 51 {
		t.Errorf("%+v, %v", g, err)
	}
}
