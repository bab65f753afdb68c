package boot_test

import (
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/boot"
	"cloudseed/state"
	"cloudseed/test/seed"
)

// including is a guest whose user data includes what stands at URLs of the server, "W".
func including(t *testing.T, w *web, dsmode, userData string) *guest {
	t.Helper()
	files := seed.NoCloud("one", strings.ReplaceAll(userData, "W", w.URL))
	files["meta-data"] += "dsmode: " + dsmode + "\n"
	return newGuest(t, files)
}

// wrote is what the guest's write_files has written to /made.
func (g *guest) wrote(t *testing.T) string {
	t.Helper()
	if !g.Exists("/made") {
		return ""
	}
	return g.Text(t, "/made")
}

// made is a cloud-config that writes something at every boot.
func made(text string) string {
	return "#cloud-config\ncloud_final_modules: [[write_files, always]]\nwrite_files: [{path: /made, content: " + text + "}]\n"
}

func TestWhatIsIncludedIsFetchedOnceABoot(t *testing.T) {
	t.Parallel()
	for _, dsmode := range []string{"net", "local"} {
		t.Run(dsmode, func(t *testing.T) {
			t.Parallel()
			w := newWeb(t, map[string]string{"/a": made("first")})
			g := including(t, w, dsmode, "#include\nhttp://u:hunter2@"+strings.TrimPrefix(w.URL, "http://")+"/a?token=hunter2\n")

			noErrors(t, g.run(t, state.StageLocal))
			if asked := w.taken(); asked != "" {
				t.Errorf("before there is a network it asked for %s", asked)
			}
			noErrors(t, g.run(t, state.StageNetwork))
			if asked := w.taken(); asked != "/a?token=hunter2" {
				t.Errorf("it asked for %s", asked)
			}
			noErrors(t, g.run(t, state.StageConfig))
			noErrors(t, g.run(t, state.StageFinal))
			if asked := w.taken(); asked != "" || g.wrote(t) != "first" {
				t.Errorf("later it asked for %q, and made %q", asked, g.wrote(t))
			}
			c, err := g.agent(t).Configuration(t.Context())
			if err != nil || c.Get("write_files.0.content").Text() != "first" || w.taken() != "" {
				t.Errorf("by hand the configuration is another: %v", err)
			}

			w.set("/a", made("second"))
			noErrors(t, g.boot(t))
			if got := g.wrote(t); got != "second" {
				t.Errorf("at the second boot it made %q", got)
			}

			w.turn(true)
			r := g.boot(t)
			noErrors(t, r)
			want := "cannot fetch " + w.URL + "/a: the server answered 502 Bad Gateway (11 tries); the copy of an earlier boot is used"
			if len(r.Warnings) != 1 || r.Warnings[0] != want || g.wrote(t) != "second" {
				t.Errorf("without the server it made %q and warned %q", g.wrote(t), r.Warnings)
			}
		})
	}
}

func TestWhatIsIncludedOnceIsFetchedOnceForAnInstance(t *testing.T) {
	t.Parallel()
	w := newWeb(t, map[string]string{"/a": made("first"), "/b": "#cloud-config\nb: 1\n"})
	g := including(t, w, "local", "#include-once W/a\n")
	noErrors(t, g.boot(t))
	w.set("/a", made("second"))
	w.taken()
	r := g.run(t, state.StageLocal)
	noErrors(t, r)
	if results(r)["users_groups"] == "" {
		t.Error("with all that it needs at hand, dsmode local waits for the network")
	}
	noErrors(t, g.boot(t))
	if asked := w.taken(); asked != "" || g.wrote(t) != "first" {
		t.Errorf("it asked for %q and made %q", asked, g.wrote(t))
	}
	found, err := g.Glob("/var/lib/cloud/instances/one/data/urlcache/*")
	if err != nil || len(found) != 1 || len(filepath.Base(found[0])) != 32 {
		t.Errorf("the copies: %v, %v", found, err)
	}
	if info, err := g.Stat(found[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode: %v, %v", info, err)
	}
}

func TestAnIncludeThatCannotBeHadCostsItself(t *testing.T) {
	t.Parallel()
	w := newWeb(t, map[string]string{"/b": made("b")})
	g := including(t, w, "net", "#include\nW/none?token=hunter2\n/etc/part\nW/b\n")
	g.Put(t, "/etc/part", "#cloud-config\nbootcmd: [ls]\n")
	r := g.boot(t)
	want := "user-data:2:1: it includes what cannot be fetched: cannot fetch " + w.URL + "/none: the server answered 404 Not Found (11 tries); the rest was used"
	if len(r.Errors) != 1 || r.Errors[0] != want {
		t.Errorf("errors: %q", r.Errors)
	}
	if g.wrote(t) != "b" || results(r)["bootcmd"] != boot.ResultOK {
		t.Errorf("it made %q: %v", g.wrote(t), results(r))
	}
}

func TestWithDsmodeLocalFilesAreIncludedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWeb(t, nil)
	g := including(t, w, "local", "#include /etc/part\n")
	g.Put(t, "/etc/part", made("local"))
	r := g.run(t, state.StageLocal)
	noErrors(t, r)
	if results(r)["users_groups"] == "" {
		t.Errorf("the init modules did not run: %v", results(r))
	}
	// What the boot itself makes of the file is for the next one.
	g.Put(t, "/etc/part", made("changed"))
	for _, stage := range state.Stages[1:] {
		noErrors(t, g.run(t, stage))
	}
	if got := g.wrote(t); got != "local" {
		t.Errorf("it made %q", got)
	}
}

func TestWithDsmodeLocalAFileWhoseSourceIsOnTheNetworkWaitsForIt(t *testing.T) {
	t.Parallel()
	w := newWeb(t, map[string]string{"/file": "from the server"})
	g := including(t, w, "local", "#cloud-config\nwrite_files: [{path: /a, source: {uri: W/file}}]\n")
	r := g.run(t, state.StageLocal)
	noErrors(t, r)
	if len(r.Modules) > 0 || w.taken() != "" {
		t.Errorf("before there is a network: %+v", r.Modules)
	}
	noErrors(t, g.run(t, state.StageNetwork))
	if got := g.Text(t, "/a"); got != "from the server" {
		t.Errorf("the file holds %q", got)
	}
	noErrors(t, g.boot(t))
	r = g.run(t, state.StageLocal)
	noErrors(t, r)
	if results(r)["write_files"] != boot.ResultAlreadyRun {
		t.Errorf("once it was written it waits again: %v", results(r))
	}
}

func TestFilesAreWrittenFromTheirSource(t *testing.T) {
	t.Parallel()
	w := newWeb(t, map[string]string{"/file": "from the server"})
	g := including(t, w, "net", `#cloud-config
write_files:
- {path: /a, content: instead, source: {uri: W/file}}
- {path: /b, content: instead, source: {uri: 'W/none?token=hunter2'}}
- {path: /c, source: {uri: W/none}}
- {path: /d, source: {uri: /etc/part}}
`)
	g.Put(t, "/etc/part", "local")
	r := g.boot(t)
	for file, want := range map[string]string{"/a": "from the server", "/b": "instead", "/d": "local"} {
		if got := g.Text(t, file); got != want {
			t.Errorf("%s holds %q", file, got)
		}
	}
	none := "cannot fetch " + w.URL + "/none: the server answered 404 Not Found (4 tries)"
	if g.Exists("/c") || len(r.Errors) != 1 || !strings.HasSuffix(r.Errors[0], none) {
		t.Errorf("errors: %q", r.Errors)
	}
	if len(r.Warnings) != 1 || !strings.HasSuffix(r.Warnings[0], none+"; the key content was used instead") {
		t.Errorf("warnings: %q", r.Warnings)
	}
}

func TestOfflineNothingIsAskedForAndNobodyWaits(t *testing.T) {
	t.Parallel()
	w := newWeb(t, nil)
	g := including(t, w, "net", "#include W/a?token=hunter2\n")
	o := g.options(t)
	o.Offline = true
	b := boot.New(o)
	b.RunAll(t.Context())
	want := "user-data:1:1: it includes what cannot be fetched: cannot fetch " + w.URL + "/a: there is no network here; the rest was used"
	if got := timeless(b.Report().Errors); len(got) != 1 || got[0] != want || w.taken() != "" {
		t.Errorf("errors: %q", got)
	}
}

// TestTheMachinesCertificateIsShown: the names and places are cloud-init's.
func TestTheMachinesCertificateIsShown(t *testing.T) {
	t.Parallel()
	w := newWeb(t, map[string]string{"/a": made("x")})
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"none":                        {want: " / "},
		"the instance's":              {files: map[string]string{"instances/one/data/ssl/cert.pem": "c", "instances/one/data/ssl/key.pem": "k", "data/ssl/cert.pem": "other"}, want: "c / k"},
		"the machine's":               {files: map[string]string{"data/ssl/cert.pem": "c", "data/ssl/key.pem": "k"}, want: "c / k"},
		"a certificate with its key":  {files: map[string]string{"data/ssl/cert.pem": "both"}, want: "both / both"},
		"a key without a certificate": {files: map[string]string{"data/ssl/key.pem": "k"}, want: " / k"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := including(t, w, "net", "#include W/a\n")
			for file, content := range c.files {
				g.Put(t, "/var/lib/cloud/"+file, content)
			}
			g.shown = ""
			noErrors(t, g.boot(t))
			if g.shown != c.want {
				t.Errorf("got %q, want %q", g.shown, c.want)
			}
		})
	}
}
