package modules

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/test/needs"

	"github.com/google/go-cmp/cmp"
)

// withLocales has directories of locales, as langpacks have them.
func withLocales(t *testing.T, g *guest, names ...string) {
	t.Helper()
	for _, name := range names {
		g.Put(t, locales+"/"+name+"/LC_IDENTIFICATION", "")
	}
}

func TestLocale(t *testing.T) {
	t.Parallel()
	const image = "# of the image\nLANG=\"C.UTF-8\"\nLC_TIME=fr_FR.UTF-8\nOURS=kept\n"
	for name, row := range map[string]struct{ userData, before, want, report string }{
		"one is set, and other lines are kept":               {"locale: de_DE.UTF-8", image, "# of the image\nLANG=de_DE.UTF-8\nLC_TIME=fr_FR.UTF-8\nOURS=kept\n", ""},
		"the file is created":                                {"locale: de_DE.UTF-8", "", "LANG=de_DE.UTF-8\n", ""},
		"the encoding in another spelling":                   {"locale: de_DE.utf8", "", "LANG=de_DE.utf8\n", ""},
		"with a modifier":                                    {"locale: de_DE.UTF-8@euro", "", "LANG=de_DE.UTF-8@euro\n", ""},
		"the last line without an end":                       {"locale: de_DE.UTF-8", "LC_TIME=C", "LC_TIME=C\nLANG=de_DE.UTF-8\n", ""},
		"lines that are there twice become one":              {"locale: de_DE.UTF-8", "LANG=C\nLANG=POSIX\n", "LANG=de_DE.UTF-8\n", ""},
		"no":                                                 {"locale: no", image, image, ""},
		"an empty string":                                    {"locale: ''", image, image, ""},
		"without a key the system's is kept":                 {"{}", image, image, ""},
		"true means the system's":                            {"locale: true", image, image, ""},
		"without a key and a system's, en_US":                {"{}", "OURS=kept\n", "OURS=kept\nLANG=en_US.UTF-8\n", ""},
		"null counts as absent":                              {"locale:", "", "LANG=en_US.UTF-8\n", ""},
		"variables":                                          {"locale: {LC_PAPER: en_US.UTF-8, LC_TIME: C, LANG: de_DE.UTF-8, LANGUAGE: 'de:en'}", image, "# of the image\nLANG=de_DE.UTF-8\nLC_TIME=C\nOURS=kept\nLANGUAGE=de:en\nLC_PAPER=en_US.UTF-8\n", ""},
		"a variable that is the same as LANG is not written": {"locale: {LANG: de_DE.UTF-8, LC_TIME: de_DE.UTF-8}", image, "# of the image\nLANG=de_DE.UTF-8\nOURS=kept\n", ""},
		"without LANG it stays":                              {"locale: {LC_TIME: de_DE.UTF-8}", image, "# of the image\nLANG=\"C.UTF-8\"\nLC_TIME=de_DE.UTF-8\nOURS=kept\n", ""},
		"a variable that does not exist": {
			"locale: {LC_ALL: C, LC_TIEM: C, LC_TIME: C}", image, "# of the image\nLANG=\"C.UTF-8\"\nLC_TIME=C\nOURS=kept\n",
			`error: user-data:1:18: locale.LC_ALL: locale.conf(5) has no variable "LC_ALL"; it is skipped` + "\n" +
				`error: user-data:1:30: locale.LC_TIEM: locale.conf(5) has no variable "LC_TIEM" (did you mean LC_TIME?); it is skipped`,
		},
		"one that is not installed names its package": {
			"locale: sr_RS.UTF-8@latin", "", "LANG=sr_RS.UTF-8@latin\n",
			"warning: user-data:1:9: locale: the locale sr_RS.UTF-8@latin is not installed; those of its language are in the package glibc-langpack-sr (EL7: glibc-common)",
		},
		"of an encoding that is not installed": {
			"locale: de_DE.ISO-8859-15", "", "LANG=de_DE.ISO-8859-15\n",
			"warning: user-data:1:9: locale: the locale de_DE.ISO-8859-15 is not installed; those of its language are in the package glibc-langpack-de (EL7: glibc-common)",
		},
		"one whose package will be installed": {
			"packages: [glibc-langpack-eo]\nlocale: eo.UTF-8", "", "LANG=eo.UTF-8\n",
			"note: user-data:2:9: locale: the locale eo.UTF-8 is not installed; those of its language are in the package glibc-langpack-eo (EL7: glibc-common)",
		},
		"a list": {
			"locale: [de_DE.UTF-8]", image, image,
			"error: user-data:1:9: locale: expected a locale, a boolean or a mapping, got a list; the locale is unchanged",
		},
		"a list within": {"locale: {LANG: [C]}", image, image, "error: user-data:1:16: locale.LANG: expected a locale, got a list; it is unchanged"},
		"two words": {
			"locale: en_US.UTF-8 UTF-8", image, image, `error: user-data:1:9: locale: expected a locale such as en_US.UTF-8, got "en_US.UTF-8 UTF-8"; it is unchanged`,
		},
		"a second line": {
			`locale: "C\nLD_PRELOAD=/tmp/x"`, image, image, `error: user-data:1:9: locale: expected a locale such as en_US.UTF-8, got "C\nLD_PRELOAD=/tmp/x"; it is unchanged`,
		},
		"a command":           {"locale: $(reboot)", image, image, `error: user-data:1:9: locale: expected a locale such as en_US.UTF-8, got "$(reboot)"; it is unchanged`},
		"a directory":         {"locale: ../../tmp", image, image, `error: user-data:1:9: locale: expected a locale such as en_US.UTF-8, got "../../tmp"; it is unchanged`},
		"a dash in front":     {"locale: -a", image, image, `error: user-data:1:9: locale: expected a locale such as en_US.UTF-8, got "-a"; it is unchanged`},
		"an alias of glibc's": {"locale: german", "", "LANG=german\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.userData)
			withLocales(t, g, "de_DE.utf8", "de_DE.utf8@euro", "en_US.utf8")
			g.Put(t, "/usr/share/locale/locale.alias", "# names\ngerman de_DE.UTF-8\n")
			if row.before != "" {
				g.Put(t, localePath, row.before)
			}
			if got := strings.Join(g.run(t, locale), "\n"); got != row.report {
				t.Errorf("it reports %q, want %q", got, row.report)
			}
			if diff := cmp.Diff(row.want, g.Text(t, localePath)); diff != "" {
				t.Error(diff)
			}
			before := len(g.Effects())
			g.run(t, locale)
			if again := g.Effects()[before:]; len(again) > 0 || len(g.Calls()) > 0 {
				t.Errorf("a second boot changes %+v; commands %q", again, g.lines())
			}
		})
	}
}

func TestNoLocaleIsSetThatIsNotInstalledAndNobodyNamed(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "{}")
	g.clean(t, locale)
	if effects := g.Effects(); len(effects) > 0 || !strings.Contains(g.log.String(), "en_US.UTF-8 is not installed") {
		t.Errorf("it changes %+v, and the log is %s", effects, g.log.String())
	}
}

func TestALocaleInAFileOfTheAdministrators(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "locale_configfile: /etc/sysconfig/i18n")
	g.Put(t, localePath, "LANG=C.UTF-8\n")
	g.clean(t, locale)
	if got := g.Text(t, "/etc/sysconfig/i18n"); got != "LANG=C.UTF-8\n" {
		t.Errorf("it holds %q", got)
	}
}

func TestALocaleOfTheCommandLine(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "locale: false")
	withLocales(t, g, "de_DE.utf8")
	g.env.Args = []string{"de_DE.UTF-8"}
	g.clean(t, locale)
	if got := g.Text(t, localePath); got != "LANG=de_DE.UTF-8\n" {
		t.Errorf("it holds %q", got)
	}
	g.env.Args = []string{"a\nb"}
	if err := locale.Run(t.Context(), g.env); err == nil {
		t.Error("a name that is none is no error")
	}
}

// localedef builds an archive and a directory as glibc's packages have them; what is found
// there must be what it lists.
func TestInstalledLocalesAreThoseThatLocaledefBuilt(t *testing.T) {
	t.Parallel()
	needs.Programs(t, "localedef")
	if _, err := os.Stat("/usr/share/i18n/locales/de_DE"); err != nil {
		needs.LeftOut(t, "the sources of locales (Debian: locales, EL: glibc-locale-source)")
	}
	g := newGuest(t, "{}")
	if err := os.MkdirAll(filepath.Join(g.Dir, locales), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"-i", "de_DE", "-f", "ISO-8859-1", "de_DE"}, {"--no-archive", "-i", "eo", "-f", "ISO-8859-3", "eo"},
	} {
		if out, err := exec.Command("localedef", append([]string{"--prefix=" + g.Dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("localedef %q: %v: %s", args, err, out)
		}
	}
	got, err := installedLocales(g.Host)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{
		"C": true, "POSIX": true, "de_DE": true, "de_DE.iso88591": true, "eo": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnArchiveThatIsDamagedHasNoLocales(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":                       "",
		"of another kind":             "\xde\x02\x01\x09 and more than enough of it",
		"cut in the header":           "\x09\x01\x02\xde\x01\x00\x00\x00",
		"with a table behind its end": "\x09\x01\x02\xde\x01\x00\x00\x00\xff\xff\xff\xff\x01\x00\x00\x00\xff\xff\xff\xff",
	} {
		g := newGuest(t, "{}")
		g.Put(t, locales+"/locale-archive", text)
		if names, err := archivedLocales(g.Host); len(names) > 0 || err != nil {
			t.Errorf("%s: %q, %v", name, names, err)
		}
	}
}
