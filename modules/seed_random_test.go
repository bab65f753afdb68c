package modules

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/secret"
	"cloudseed/test/needs"
)

func TestSeedRandom(t *testing.T) {
	t.Parallel()
	const file = "/run/seed"
	for name, row := range map[string]struct{ userData, metadata, before, want, command, report string }{
		"nothing is configured":              {userData: "{}", before: "old", want: "old"},
		"the data is added to what is there": {userData: "random_seed: {file: /run/seed, data: hunter2}", before: "old", want: "oldhunter2"},
		"metadata's data follows":            {userData: "random_seed: {file: /run/seed, data: hunter2}", metadata: "+hunter3", before: "old", want: "oldhunter2+hunter3"},
		"metadata's data alone":              {userData: "random_seed: {file: /run/seed}", metadata: "hunter3", before: "old", want: "oldhunter3"},
		"base64":                             {userData: "random_seed: {file: /run/seed, data: aHVudGVyMg==, encoding: base64}", before: "old", want: "oldhunter2"},
		"b64 in capitals":                    {userData: "random_seed: {file: /run/seed, data: aHVudGVyMg==, encoding: B64}", before: "old", want: "oldhunter2"},
		"gzip as binary data":                {userData: "random_seed: {file: /run/seed, data: !!binary H4sIAAAAAAACA8sozStJLTICAFb8RycHAAAA, encoding: gz}", before: "old", want: "oldhunter2"},
		"binary data":                        {userData: "random_seed: {file: /run/seed, data: !!binary aHVudGVyMg==}", before: "old", want: "oldhunter2"},
		"a number is its text":               {userData: "random_seed: {file: /run/seed, data: 0}", before: "old", want: "old0"},
		"empty gzip is nothing":              {userData: "random_seed: {file: /run/seed, data: '', encoding: gzip}", before: "old", want: "old"},
		"a file that ends with the data is unchanged": {
			userData: "random_seed: {file: /run/seed, data: hunter2}", before: "oldhunter2", want: "oldhunter2",
		},
		"an encoding that does not exist skips the data alone": {
			userData: "random_seed: {file: /run/seed, data: hunter2, encoding: rot13}", metadata: "hunter3", before: "old", want: "oldhunter3",
			report: "error: user-data:1:57: random_seed.encoding: expected raw, base64, b64, gzip or gz, got \"rot13\"; the data is skipped",
		},
		"data that is no base64 is not quoted": {
			userData: "random_seed: {file: /run/seed, data: hunter2, encoding: b64}", metadata: "hunter3", before: "old", want: "oldhunter3",
			report: "error: user-data:1:38: random_seed.data: cannot decode the data as b64: it is not complete; the data is skipped",
		},
		"data that is no gzip is not quoted": {
			userData: "random_seed: {file: /run/seed, data: hunter2, encoding: gzip}", before: "old", want: "old",
			report: "error: user-data:1:38: random_seed.data: cannot decode the data as gzip: unexpected EOF; the data is skipped",
		},
		"data that is a list": {
			userData: "random_seed: {file: /run/seed, data: [hunter2]}", before: "old", want: "old",
			report: "error: user-data:1:38: random_seed.data: expected a string, got a list; the data is skipped",
		},
		"a string in place of the mapping": {
			userData: "random_seed: hunter2", metadata: "hunter3", before: "old", want: "old",
			report: "error: user-data:1:14: random_seed: expected a mapping, got a string",
		},
		"a command gets the file's name": {
			userData: "random_seed: {file: /run/seed, command: [pollinate, -r, -s, http://192.0.2.1]}", before: "old", want: "old",
			command: "pollinate -r -s http://192.0.2.1 RANDOM_SEED_FILE=/run/seed",
		},
		"a command of the kernel's": {
			userData: "random_seed: {command: [pollinate]}", before: "old", want: "old", command: "pollinate RANDOM_SEED_FILE=/dev/urandom",
		},
		"a command that fails": {
			userData: "random_seed: {command: ['false', --now]}", before: "old", want: "old", command: "false --now RANDOM_SEED_FILE=/dev/urandom",
			report: "error: user-data:1:24: random_seed.command: false failed with exit code 1: no entropy",
		},
		"a command that is not installed": {userData: "random_seed: {command: [haveged]}", before: "old", want: "old"},
		"a required command that is not installed": {
			userData: "random_seed: {command: [haveged], command_required: true}", before: "old", want: "old",
			report: `error: user-data:1:24: random_seed.command: the program "haveged" is not installed, and command_required is true`,
		},
		"a required command that is not given": {
			userData: "random_seed: {command_required: yes}", before: "old", want: "old",
			report: "error: user-data:1:33: random_seed.command_required: a command is required, and there is none",
		},
		"a command that is a string": {
			userData: "random_seed: {command: pollinate -r}", before: "old", want: "old",
			report: "error: user-data:1:24: random_seed.command: expected a list, got a string",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, row.userData)
			g.Put(t, file, row.before)
			g.Lacks("haveged")
			g.Answer("false", host.Result{Exit: 1, Stderr: "no entropy\n"}, nil)
			g.env.Instance.RandomSeed = secret.NewBytes([]byte(row.metadata))
			if row.metadata != "" && !strings.Contains(row.userData, file) {
				g.Put(t, "/dev/urandom", "")
			}
			if got := strings.Join(g.run(t, seedRandom), "\n"); got != row.report {
				t.Errorf("it reports %q, want %q", got, row.report)
			}
			if got := g.Text(t, file); got != row.want {
				t.Errorf("the file holds %q, want %q", got, row.want)
			}
			command := ""
			for _, c := range g.Calls() {
				command += c.Line() + " " + strings.Join(c.Env, " ")
			}
			if command != row.command {
				t.Errorf("it runs %q, want %q", command, row.command)
			}
			g.mustNotShow(t, "hunter2", "hunter3", "aHVudGVyMg")
		})
	}
}

func TestMetadatasRandomSeedGoesToTheKernelWithoutAKey(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "{}")
	g.Put(t, "/dev/urandom", "")
	g.env.Instance.RandomSeed = secret.NewBytes([]byte{0, 0xff, 'x'})
	g.clean(t, seedRandom)
	if got := g.Text(t, "/dev/urandom"); got != "\x00\xffx" {
		t.Errorf("the kernel got %q", got)
	}
}

func TestANewSeedFileIsRootsAlone(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "random_seed: {file: /var/lib/new/seed, data: hunter2}")
	g.clean(t, seedRandom)
	info, err := os.Stat(filepath.Join(g.Dir, "/var/lib/new/seed"))
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	before := len(g.Effects())
	g.clean(t, seedRandom)
	if again := g.Effects()[before:]; len(again) > 0 {
		t.Errorf("a second run changes %+v", again)
	}
	g.mustNotShow(t, "hunter2")
}

func TestAnImageHasNoKernelToSeed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := newGuest(t, "random_seed: {data: hunter2}")
	g.env.Host = host.New(dir, host.Options{Chown: func(string, int, int) error { return nil }})
	g.clean(t, seedRandom)
	if _, err := os.Stat(filepath.Join(dir, "dev/urandom")); !os.IsNotExist(err) {
		t.Errorf("the image has a file in place of the device: %v", err)
	}
	if !strings.Contains(g.log.String(), "an image has no kernel") {
		t.Errorf("the log does not tell why: %s", g.log.String())
	}
}

// The kernel takes what is written to its device, and does not lose its mode.
func TestTheKernelsDeviceTakesTheSeed(t *testing.T) {
	t.Parallel()
	before, err := os.Stat("/dev/urandom")
	if err != nil {
		needs.LeftOut(t, "/dev/urandom")
	}
	e, _ := really(t, "random_seed: {data: some seed, command: [sh, -c, 'test \"$RANDOM_SEED_FILE\" = /dev/urandom']}\n")
	same(t, "the report", outcome(t, seedRandom, e), "")
	if after, err := os.Stat("/dev/urandom"); err != nil || after.Mode() != before.Mode() {
		t.Errorf("it was %v and is %v, %v", before.Mode(), after.Mode(), err)
	}
}
