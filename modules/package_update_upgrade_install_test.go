package modules

import (
	"errors"
	"strings"
	"testing"

	"cloudseed/guest/packages/packagestest"
	"cloudseed/guest/power"
)

func TestPackages(t *testing.T) {
	t.Parallel()
	down := errors.New("the network is down")
	for name, test := range map[string]struct {
		config  string
		fake    packagestest.Fake
		calls   string
		reports string
		reboot  string
	}{
		"a list is installed in one call":       {config: "packages: [a, [b, 1.10], [c], [d, null], 7]\n", fake: packagestest.Fake{Has: []string{"*"}}, calls: "install a b 1.10 c d 7"},
		"a name alone is a list of one":         {config: "packages: vim\n", fake: packagestest.Fake{Has: []string{"*"}}, calls: "install vim"},
		"a package that is there twice is one":  {config: "packages: [a, a, [a]]\n", fake: packagestest.Fake{Has: []string{"*"}}, calls: "install a"},
		"an empty list is nothing to do":        {config: "packages: []\npackage_reboot_if_required: true\n"},
		"null is nothing to do":                 {config: "packages:\n"},
		"update refreshes":                      {config: "package_update: true\n", calls: "refresh"},
		"upgrade refreshes first":               {config: "package_upgrade: true\npackages: [a]\n", fake: packagestest.Fake{Has: []string{"*"}}, calls: "refresh, upgrade, install a"},
		"false does nothing":                    {config: "package_update: false\npackage_upgrade: false\n"},
		"the older names are understood":        {config: "apt_update: true\napt_upgrade: true\napt_reboot_if_required: true\n", fake: packagestest.Fake{Reboot: "the kernel"}, calls: "refresh, upgrade, reboot", reboot: "the kernel", reports: "deprecated: user-data:1:1: apt_update: deprecated since cloud-init 22.2: use package_update"},
		"one true spelling of two is enough":    {config: "package_update: false\napt_update: true\n", calls: "refresh", reports: "deprecated: "},
		"each missing package has its line":     {config: "packages:\n  - a\n  - nosuch\n  - [b, 7]\n", fake: packagestest.Fake{Has: []string{"a"}}, calls: "install a nosuch b 7", reports: "error: user-data:3:5: packages.1: the package nosuch is not installed: no repository has it, or it needs what none has\nerror: user-data:4:5: packages.2: the package b 7 is not installed"},
		"others' packages are skipped":          {config: "packages:\n  - a\n  - apt: [x]\n  - snap: [y, [z, --classic]]\n", fake: packagestest.Fake{Has: []string{"*"}}, calls: "install a", reports: "note: user-data:3:10: packages.1.apt: these packages are for apt, which this system does not use; skipped\nnote: user-data:4:11: packages.2.snap"},
		"an unknown manager is an error":        {config: "packages: [{snpa: [x]}, a]\n", fake: packagestest.Fake{Has: []string{"*"}}, calls: "install a", reports: `error: user-data:1:19: packages.0.snpa: there is no package manager "snpa" (did you mean snap?); skipped`},
		"a name with a dash costs itself only":  {config: "packages: [--nogpgcheck, a]\n", fake: packagestest.Fake{Has: []string{"*"}}, calls: "install a", reports: `error: user-data:1:12: packages.0: the package is not installed: "--nogpgcheck" begins with "-"`},
		"a name with a newline, too":            {config: "packages: [\"x\\ny\", a]\n", fake: packagestest.Fake{Has: []string{"*"}}, calls: "install a", reports: `error: user-data:1:12: packages.0: the package is not installed: "x\ny" holds a control character`},
		"a list of three is no package":         {config: "packages: [[a, 1, 2], b]\n", fake: packagestest.Fake{Has: []string{"*"}}, calls: "install b", reports: "error: user-data:1:12: packages.0: expected a name and a version, got a list of 3; skipped"},
		"an empty item is no package":           {config: "packages:\n  -\n  - b\n", fake: packagestest.Fake{Has: []string{"*"}}, calls: "install b", reports: "packages.0: expected a name or a version, got nothing; skipped"},
		"a list in a list is no version":        {config: "packages: [[a, [1]], b]\n", fake: packagestest.Fake{Has: []string{"*"}}, calls: "install b", reports: "packages.0.1: expected a name or a version, got a list; skipped"},
		"a mapping is no list of packages":      {config: "packages: {a: 1}\n", reports: "error: user-data:1:11: packages: expected a list of packages, got "},
		"a refresh that fails stops no install": {config: "package_update: true\npackages: [a]\n", fake: packagestest.Fake{Has: []string{"*"}, Fail: map[string]error{"refresh": down}}, calls: "refresh, install a", reports: "error: user-data:1:17: package_update: the network is down"},
		"an install that fails is at its key":   {config: "packages: [a]\n", fake: packagestest.Fake{Fail: map[string]error{"install": down}}, calls: "install a", reports: "error: user-data:1:11: packages: the network is down"},
		"a refresh for an upgrade is at its":    {config: "package_upgrade: true\n", fake: packagestest.Fake{Fail: map[string]error{"refresh": down}}, calls: "refresh, upgrade", reports: "error: user-data:1:18: package_upgrade: the network is down"},
		"a reboot that is not needed is none":   {config: "packages: [a]\npackage_reboot_if_required: true\n", fake: packagestest.Fake{Has: []string{"*"}}, calls: "install a, reboot"},
		"a reboot that is needed is asked for":  {config: "packages: [a]\npackage_reboot_if_required: true\n", fake: packagestest.Fake{Has: []string{"*"}, Reboot: "the kernel"}, calls: "install a, reboot", reboot: "the kernel"},
		"a reboot is not asked for by update":   {config: "package_update: true\npackage_reboot_if_required: true\n", fake: packagestest.Fake{Reboot: "the kernel"}, calls: "refresh"},
		"what is needed cannot be found out":    {config: "packages: [a]\npackage_reboot_if_required: true\n", fake: packagestest.Fake{Has: []string{"*"}, Fail: map[string]error{"reboot": down}}, calls: "install a, reboot", reports: "error: user-data:2:29: package_reboot_if_required: the network is down"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, test.config)
			fake, reboot := test.fake, ""
			g.env.Packages, g.env.Power = &fake, func(r power.Request) { reboot = r.Why }
			reports := strings.Join(g.run(t, packageUpdateUpgradeInstall), "\n")
			for want := range strings.SplitSeq(test.reports, "\n") {
				if !strings.Contains(reports, want) || (want == "") != (reports == "") {
					t.Errorf("it reports %q, want %q", reports, want)
				}
			}
			if got := strings.Join(fake.Calls, ", "); got != test.calls || reboot != test.reboot {
				t.Errorf("it does %q and reboots for %q, want %q and %q", got, reboot, test.calls, test.reboot)
			}
			if len(g.Lines()) > 0 {
				t.Errorf("it runs %q", g.Lines())
			}
		})
	}
}

func TestARebootThatNothingCanDoIsTold(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "packages: [a]\npackage_reboot_if_required: true\n")
	g.env.Packages = &packagestest.Fake{Has: []string{"*"}, Reboot: "the kernel"}
	same(t, "the report", strings.Join(g.run(t, packageUpdateUpgradeInstall), "\n"),
		"warning: user-data:2:29: package_reboot_if_required: a reboot is required (the kernel), and nothing here can do it")
}

func TestWhatThePackageManagerSaysIsShown(t *testing.T) {
	t.Parallel()
	g := newGuest(t, packageUpdateUpgradeInstall.Example)
	var output, doing strings.Builder
	g.env.Output = &output
	g.env.Doing = func(what string) { doing.WriteString(what + "\n") }
	g.Reply("dnf", said("Complete!\n"))
	g.clean(t, packageUpdateUpgradeInstall)
	same(t, "the output", output.String(), "Complete!\nComplete!\n")
	same(t, "what the status tells", doing.String(), output.String())
	same(t, "what is run", strings.Join(g.Lines(), "\n"), "dnf -y --setopt=exit_on_lock=1 makecache\n"+
		"dnf -y --setopt=exit_on_lock=1 --setopt=strict=0 install vim-enhanced httpd-2.4.62\nrpm -q vim-enhanced httpd-2.4.62")
}
