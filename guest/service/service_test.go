package service_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"cloudseed/guest/service"
	"cloudseed/host"
	"cloudseed/host/hosttest"

	"github.com/google/go-cmp/cmp"
)

func TestServicesAreToldBySystemctl(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		do   func(context.Context, *host.Host, string) error
		old  bool // systemd 219
		fail bool
		want []string
		err  string
	}{
		"reload what runs":               {do: service.Reload, want: []string{"systemctl try-reload-or-restart a.service"}},
		"reload what runs on EL7":        {do: service.Reload, old: true, want: []string{"systemctl try-reload-or-restart a.service", "systemctl reload-or-try-restart a.service"}},
		"start or reload":                {do: service.Start, want: []string{"systemctl reload-or-restart a.service"}},
		"restart":                        {do: service.Restart, want: []string{"systemctl restart a.service"}},
		"enable":                         {do: service.Enable, want: []string{"systemctl enable a.service"}},
		"a service that does not start":  {do: service.Start, fail: true, want: []string{"systemctl reload-or-restart a.service"}, err: "cannot start a.service: it ended with 1"},
		"a service that does not reload": {do: service.Reload, fail: true, want: []string{"systemctl try-reload-or-restart a.service"}, err: "cannot reload a.service: it ended with 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			failure := &host.ExitError{Argv: []string{"systemctl"}, Exit: 1}
			if row.old {
				m.Answer("systemctl try-", host.Result{Exit: 1, Stderr: "Unknown operation 'try-reload-or-restart'.\n"}, failure)
			}
			if row.fail {
				m.Answer("systemctl", host.Result{Exit: 1, Stderr: "Unit a.service not found.\n"}, failure)
			}
			err := row.do(t.Context(), m.Host, "a.service")
			if (err == nil) != (row.err == "") || err != nil && !errors.As(err, new(*host.ExitError)) {
				t.Errorf("got %v, want %q", err, row.err)
			}
			if diff := cmp.Diff(row.want, m.Lines()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnImageHasNoServicesThatRun(t *testing.T) {
	t.Parallel()
	ran := false
	h := host.New(t.TempDir(), host.Options{Exec: func(context.Context, host.Command) (host.Result, error) {
		ran = true
		return host.Result{}, nil
	}})
	for _, do := range []func(context.Context, *host.Host, string) error{service.Reload, service.Start, service.Restart} {
		if err := do(t.Context(), h, "a.service"); err != nil || ran {
			t.Errorf("%v, ran: %t", err, ran)
		}
	}
	if err := service.Enable(t.Context(), h, "a.service"); err != nil || !ran {
		t.Errorf("it is not enabled in the image: %v", err)
	}
}

func TestAnEnabledServiceNeedsNoProcess(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a.service", "a", "b.timer"} {
		m := hosttest.New(t)
		for _, unit := range []string{"a.service", "b.timer"} {
			m.Put(t, "/etc/systemd/system/multi-user.target.wants/"+unit, "")
		}
		if err := service.Enable(t.Context(), m.Host, name); err != nil || len(m.Lines()) > 0 {
			t.Errorf("%s: %v, run: %q", name, err, m.Lines())
		}
	}
}

func TestWhatIsNoUnitReachesNoCommand(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	for _, name := range []string{"", "--force", "-H=evil", "a b", "a\nb", "../x", "/etc/x.service", "$(reboot)", strings.Repeat("a", 300)} {
		for _, do := range []func(context.Context, *host.Host, string) error{service.Reload, service.Start, service.Restart, service.Enable} {
			if do(t.Context(), m.Host, name) == nil {
				t.Errorf("%q is taken", name)
			}
		}
	}
	if lines := m.Lines(); len(lines) > 0 {
		t.Errorf("run: %q", lines)
	}
}
