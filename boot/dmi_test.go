package boot

import (
	"errors"
	"log/slog"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"
)

func TestDmidecodeIsAskedWhereTheKernelDoesNotTell(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		says  string
		fails error
		lacks bool
		want  string
	}{
		"a value":                  {says: "ds=nocloud;s=http://192.0.2.1/\n", want: "ds=nocloud;s=http://192.0.2.1/"},
		"firmware never set up":    {says: "................\n"},
		"a machine without SMBIOS": {fails: errors.New("exit code 1")},
		"no such program":          {says: "x", lacks: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			m.Answer("/usr/bin/dmidecode --string system-serial-number", host.Result{Stdout: c.says}, c.fails)
			if c.lacks {
				m.Lacks("dmidecode")
			}
			log := slog.New(slog.DiscardHandler)
			if got := dmidecode(t.Context(), m.Host, log, "system-serial-number"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if got := dmi(t.Context(), m.Host, log, "system-serial-number"); got != "" {
				t.Errorf("an image's root has the machine's SMBIOS: %q", got)
			}
		})
	}
}
