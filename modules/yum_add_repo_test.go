package modules

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/guest/block/blocktest"
	"cloudseed/host"
	"cloudseed/test/needs"
)

func said(text string) func(host.Command) host.Result {
	return func(host.Command) host.Result { return host.Result{Stdout: text} }
}

const yumHeader = "# Written by cloudseed: yum_repos of the instance's configuration.\n"

func TestYumAddRepo(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config  string
		there   string // the content that a.repo has before
		file    string // a.repo unless another is named
		want    string // without the header; "": no file
		reports string
	}{
		"options are written in their order":       {config: "yum_repos:\n  a:\n    name: A\n    baseurl: http://h/$releasever/\n    enabled: true\n    gpgcheck: no\n    cost: 500\n", want: "[a]\nname = A\nbaseurl = http://h/$releasever/\nenabled = 1\ngpgcheck = 0\ncost = 500\n\n"},
		"names become lower case with underscores": {config: "yum_repos: {a: {' BaseURL': u, Skip-If-Unavailable: yes}}\n", want: "[a]\nbaseurl = u\nskip_if_unavailable = 1\n\n"},
		"a list has a line each":                   {config: "yum_repos: {a: {baseurl: [http://h/1, http://h/2], gpgkey: [k1, k2]}}\n", want: "[a]\nbaseurl = http://h/1\n\thttp://h/2\ngpgkey = k1\n\tk2\n\n"},
		"numbers and dates are as Python has them": {config: "yum_repos: {a: {baseurl: u, priority: 1.10, cost: 0x10, name: 2024-01-02}}\n", want: "[a]\nbaseurl = u\npriority = 1.1\ncost = 16\nname = 2024-01-02\n\n"},
		"a list in a list has a line each, too":    {config: "yum_repos: {a: {baseurl: [[1, 2], 3]}}\n", want: "[a]\nbaseurl = 1\n\t2\n\t3\n\n"},
		"an empty line is kept in its value":       {config: "yum_repos: {a: {baseurl: \"x\\n\\ny\", name: ''}}\n", want: "[a]\nbaseurl = x\n\t\n\ty\nname = \n\n"},
		"a number is an id":                        {config: "yum_repos: {7: {baseurl: u}}\n", file: "7.repo", want: "[7]\nbaseurl = u\n\n"},
		"a percent sign is kept":                   {config: "yum_repos: {a: {baseurl: http://h/a%20b}}\n", want: "[a]\nbaseurl = http://h/a%20b\n\n"},
		"spaces of an id become dashes":            {config: "yum_repos: {my own repo: {metalink: m}}\n", file: "my-own-repo.repo", want: "[my-own-repo]\nmetalink = m\n\n"},
		"another directory":                        {config: "yum_repo_dir: /etc/other\nyum_repos: {a: {mirrorlist: m}}\n", file: "/etc/other/a.repo", want: "[a]\nmirrorlist = m\n\n"},
		"a newline begins no section":              {config: "yum_repos: {a: {baseurl: \"u\\n[main]\\ngpgcheck=0\"}}\n", want: "[a]\nbaseurl = u\n\t[main]\n\tgpgcheck=0\n\n"},
		"an option that was likely meant":          {config: "yum_repos:\n  a:\n    baseurl: u\n    gpgchek: true\n", want: "[a]\nbaseurl = u\ngpgchek = 1\n\n", reports: "warning: user-data:4:14: yum_repos.a.gpgchek: dnf has no such option (did you mean gpgcheck?); it is written"},
		"an option without a value is skipped":     {config: "yum_repos: {a: {baseurl: u, gpgkey: }}\n", want: "[a]\nbaseurl = u\n\n", reports: "yum_repos.a.gpgkey: expected a string, a number or a boolean, got nothing; the option is skipped"},
		"a name that is none is skipped":           {config: "yum_repos: {a: {baseurl: u, \"x = y\\nz\": 1}}\n", want: "[a]\nbaseurl = u\n\n", reports: `"x = y\nz" is not the name of an option; skipped`},
		"a control character is refused":           {config: "yum_repos: {a: {baseurl: u, name: \"x\\ry\"}}\n", want: "[a]\nbaseurl = u\n\n", reports: "yum_repos.a.name: the value holds a control character; the option is skipped"},
		"the second spelling of an option counts":  {config: "yum_repos: {a: {baseurl: u, BASEURL: v}}\n", want: "[a]\nbaseurl = v\n\n", reports: "the option baseurl is there twice; this one counts"},
		"an id with a slash is refused":            {config: "yum_repos: {../a: {baseurl: u}}\n", reports: `error: user-data:1:19: yum_repos.../a: "../a" is not the id of a repository`},
		"an id with a newline is refused":          {config: "yum_repos: {\"a\\n[b\": {baseurl: u}}\n", reports: "is not the id of a repository"},
		"an id that begins with a dash is refused": {config: "yum_repos: {-a: {baseurl: u}}\n", file: "-a.repo", reports: "is not the id of a repository"},
		"an id that hides its file is refused":     {config: "yum_repos: {.a: {baseurl: u}}\n", file: ".a.repo", reports: "is not the id of a repository"},
		"a repository without a place":             {config: "yum_repos:\n  a:\n    name: A\n", reports: "warning: user-data:3:5: yum_repos.a: the repository has none of baseurl, metalink and mirrorlist; skipped"},
		"a repository without options":             {config: "yum_repos: {a: }\n", reports: "has none of baseurl, metalink and mirrorlist; skipped"},
		"a repository that is a string":            {config: "yum_repos: {a: http://h}\n", reports: "expected the repository's options, got "},
		"a list of repositories":                   {config: "yum_repos: [a]\n", reports: "error: user-data:1:12: yum_repos: expected repositories by their ids, got a list; none is added"},
		"one id in two spellings":                  {config: "yum_repos: {a b: {baseurl: u}, a-b: {baseurl: v}}\n", file: "a-b.repo", want: "[a-b]\nbaseurl = u\n\n", reports: "there is a repository a-b before; skipped"},
		"a file that is there is unchanged":        {config: "yum_repos: {a: {baseurl: u}}\n", there: "mine\n", want: "mine\n", reports: "note: user-data:1:16: yum_repos.a: /etc/yum.repos.d/a.repo is there and is unchanged; overwrite: true replaces it"},
		"a file that is there is replaced if told": {config: "yum_repos: {a: {baseurl: u, overwrite: true}}\n", there: "mine\n", want: "[a]\nbaseurl = u\n\n"},
		"nothing is nothing to do":                 {config: "yum_repos:\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, test.config)
			file := test.file
			if file == "" {
				file = "a.repo"
			}
			if !strings.HasPrefix(file, "/") {
				file = "/etc/yum.repos.d/" + file
			}
			if test.there != "" {
				g.Put(t, file, test.there)
			}
			reports := strings.Join(g.run(t, yumAddRepo), "\n")
			if !strings.Contains(reports, test.reports) || (test.reports == "") != (reports == "") {
				t.Errorf("it reports %q, want %q", reports, test.reports)
			}
			if test.want == "" {
				if g.Exists(file) || g.Exists("/etc/a.repo") {
					t.Errorf("%s is there: %q", file, g.Text(t, file))
				}
				return
			}
			same(t, file, strings.TrimPrefix(g.Text(t, file), yumHeader), test.want)
		})
	}
}

func TestThePasswordOfARepositoryIsShownNowhere(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "yum_repos: {a: {baseurl: u, password: hunter2}, b: {baseurl: 'https://me:hunter3@h/'}}\n")
	g.clean(t, yumAddRepo)
	g.mustNotShow(t, "hunter2", "hunter3")
	if !strings.Contains(g.Text(t, "/etc/yum.repos.d/b.repo"), "hunter3") {
		t.Error("the password is not written either")
	}
}

func TestARealDnfReadsTheRepositories(t *testing.T) {
	t.Parallel()
	needs.Programs(t, "dnf")
	g := newGuest(t, yumAddRepo.Example+"  own:\n    baseurl: [file:///a%20b, \"file:///c\\nfile:///d\"]\n    enabled: false\n    name: a % b\n    excludepkgs: [x, y]\n")
	g.clean(t, yumAddRepo)
	conf := filepath.Join(g.Dir, "dnf.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "[main]\nreposdir=%[1]s/etc/yum.repos.d\ncachedir=%[1]s/cache\nlogdir=%[1]s/log\npersistdir=%[1]s/persist\n", g.Dir), 0o600); err != nil {
		t.Fatal(err)
	}
	list := blocktest.Do(t, "dnf", "-q", "-c", conf, "--installroot="+g.Dir, "--releasever=9", "repolist", "--all")
	for _, want := range []string{"epel", "Extra Packages", "own", "a % b", "disabled", "enabled"} {
		if !strings.Contains(list, want) {
			t.Errorf("dnf lists no %q:\n%s", want, list)
		}
	}
}
