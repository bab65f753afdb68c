package boot_test

import (
	"strings"
	"testing"

	"cloudseed/state"
	"cloudseed/test/seed"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsWrongWithUserDataIsToldOnceWithItsPlace(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.Files{
		"meta-data":   "instance-id: i-1\nlocal-hostname: web1\n",
		"user-data":   "#cloud-config\nhostnam: web1\nruncmd:\n- echo a: b\n- ls\nwrite_files:\n- path: /tmp/x\n  contents: a\n- path: /tmp/y\n  lock: a\n  permissions: rwx\nssh_pwauth: perhaps\n",
		"vendor-data": "#cloud-config\nhostname: [a]\n",
	})
	g.Put(t, "/etc/cloud/cloud.cfg", "merge_how: nonsense(\n")
	r := g.boot(t)
	wantErrors := []string{
		`user-data:4:3: runcmd.0: expected a command as a string or a list, got a mapping; it was skipped (a command with a colon and a space in it must be quoted)`,
		`user-data:12:13: ssh_pwauth: expected true, false or unchanged, got "perhaps"; sshd is unchanged`,
		`vendor-data:2:11: hostname: expected a string, got a list`,
		`/etc/cloud/cloud.cfg:1:12: merge_how: "nonsense(" is no rule for merging: expected the like of list(append); it was merged as if it named no rules`,
	}
	wantWarnings := []string{
		"user-data:2:1: hostnam: unknown key (did you mean hostname?); it was ignored",
		"user-data:8:3: write_files.0.contents: unknown key (did you mean content?); it was ignored",
		"user-data:10:3: write_files.1.lock: unknown key; it was ignored",
		`user-data:11:16: write_files.1.permissions: expected a mode such as '0644', got "rwx"; 0644 was used`,
	}
	if diff := cmp.Diff(wantErrors, r.Errors); diff != "" {
		t.Errorf("errors: %s", diff)
	}
	if diff := cmp.Diff(wantWarnings, r.Warnings); diff != "" {
		t.Errorf("warnings: %s", diff)
	}
	summary := g.console.String()
	for _, text := range append(wantErrors, wantWarnings...) {
		if strings.Count(summary, text) != 1 {
			t.Errorf("the console's summary does not say once %q:\n%s", text, summary)
		}
	}
}

func TestAKeyThatIsInTheWrongPlaceIsWarnedOfOnce(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.Files{
		"meta-data": "instance-id: i-1\nlocal-hostname: web1\n",
		"user-data": "#cloud-config\ndatasource_list: [NoCloud]\nwrite_files:\n- {path: /tmp/x, runcmd: [ls]}\n",
	})
	want := []string{
		"user-data:2:1: datasource_list: it has no effect in user data, and is ignored: write it to /etc/cloud/cloud.cfg.d on the image",
		"user-data:4:18: write_files.0.runcmd: it is a top-level key, and was ignored here: do not indent it",
	}
	if diff := cmp.Diff(want, g.boot(t).Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestADeprecatedSpellingIsLoggedAndNoMore(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.Files{
		"meta-data": "instance-id: i-1\nlocal-hostname: web1\n",
		"user-data": "#cloud-config\nusers:\n- {name: root, lock-passwd: true}\n",
	})
	r := g.boot(t)
	if len(r.Errors)+len(r.Warnings) > 0 {
		t.Errorf("errors %q, warnings %q", r.Errors, r.Warnings)
	}
}

func TestAModuleThatIsRunByHandTellsAgain(t *testing.T) {
	t.Parallel()
	g := newGuest(t, seed.Files{
		"meta-data": "instance-id: i-1\nlocal-hostname: web1\n",
		"user-data": "#cloud-config\nruncmd: [5]\n",
	})
	g.boot(t)
	report, err := g.agent(t).Single(t.Context(), "runcmd", state.Always, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "user-data:2:10: runcmd.0: expected a command as a string or a list, got the number 5; it was skipped"; report.Error != want {
		t.Errorf("it says %q, want %q", report.Error, want)
	}
}
