package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudseed/test/needs"
)

// others are packages of other people, as the tests' machines have or are offered them.
const others = `
Name: others
Version: 1
Release: 1
Summary: Packages of other people
License: none
BuildArch: noarch
%description
%package -n systemd
Summary: What cloudseed requires
Provides: shadow-utils, /bin/sh
%description -n systemd
%files -n systemd
%package -n cloud-customer
Summary: A package that works with cloud-init
Requires: cloud-init >= 22
%description -n cloud-customer
%files -n cloud-customer
%package -n cloud-init
Version: 24.4
Summary: The package that is replaced
%description -n cloud-init
%files -n cloud-init
%config(noreplace) /etc/cloud/cloud.cfg
/usr/bin/cloud-init
%install
mkdir -p %{buildroot}/etc/cloud %{buildroot}/usr/bin
echo 'old: true' >%{buildroot}/etc/cloud/cloud.cfg
echo old >%{buildroot}/usr/bin/cloud-init
`

// machine is a root directory with a package database of its own.
type machine struct {
	t      *testing.T
	root   string
	ours   string // a repository of our packages
	theirs string // one of other people's, with cloud-init 24.4 and 27.1
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	needs.Root(t)
	needs.Programs(t, "rpm", "rpmbuild", "dnf", "createrepo_c")
	m := &machine{t: t, root: t.TempDir(), ours: t.TempDir(), theirs: t.TempDir()}
	for _, name := range ourPackages(t) {
		m.do("cp", name, m.ours)
	}
	spec := filepath.Join(t.TempDir(), "others.spec")
	for _, version := range []string{"24.4", "27.1"} {
		text := strings.Replace(others, "24.4", version, 1)
		if err := os.WriteFile(spec, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		m.do("rpmbuild", "-bb", "--quiet", "--define", "_topdir "+t.TempDir(), "--define", "_rpmdir "+m.theirs, "--define", "_rpmfilename %%{NAME}-%%{VERSION}.rpm", spec)
	}
	m.do("createrepo_c", "--quiet", m.ours)
	m.do("createrepo_c", "--quiet", m.theirs)
	return m
}

// ourPackages are the files of cloudseed and of its empty cloud-init.
func ourPackages(t *testing.T) []string {
	t.Helper()
	rpm := os.Getenv("CLOUDSEED_RPM")
	return []string{rpm, filepath.Join(filepath.Dir(rpm), "cloud-init-26.2-1.noarch.rpm")}
}

func (m *machine) do(name string, args ...string) string {
	m.t.Helper()
	out, err := exec.CommandContext(m.t.Context(), name, args...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("cannot run %s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// install and dnf change this root alone: no scripts, because there is no shell in it.
func (m *machine) install(args ...string) {
	m.t.Helper()
	m.do("rpm", append([]string{"--root", m.root, "--noscripts"}, args...)...)
}

func (m *machine) verify(name string) {
	m.t.Helper()
	m.do("rpm", "--root", m.root, "-V", name)
}

func (m *machine) dnf(args ...string) string {
	m.t.Helper()
	return m.do("dnf", append([]string{
		"--installroot", m.root, "--releasever", "9", "--assumeyes", "--quiet", "--disableplugin=*", "--setopt=tsflags=noscripts", "--setopt=reposdir=/nonexistent",
		"--setopt=cachedir=/var/cache/dnf", "--nogpgcheck", "--repofrompath=ours," + m.ours, "--repofrompath=theirs," + m.theirs,
	}, args...)...)
}

func (m *machine) has(want ...string) {
	m.t.Helper()
	got := strings.Fields(m.do("rpm", "--root", m.root, "-qa", "--qf", "%{NAME}-%{VERSION}\n", "cloud*"))
	slices.Sort(got)
	if !slices.Equal(got, want) {
		m.t.Errorf("installed are %q, not %q", got, want)
	}
}

func (m *machine) their(name string) string { return filepath.Join(m.theirs, name+".rpm") }

func TestBothPackagesReplaceCloudInitInOneTransaction(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.install("-i", m.their("systemd-1"), m.their("cloud-init-24.4"), m.their("cloud-customer-1"))
	m.install(append([]string{"-Uvh"}, ourPackages(t)...)...)
	m.has("cloud-customer-1", "cloud-init-26.2", cloudseed(t))
	m.verify("cloudseed")
	if target, err := os.Readlink(filepath.Join(m.root, "usr/bin/cloudseed")); err != nil || target != "cloud-init" {
		t.Errorf("cloudseed is a link to %q: %v", target, err)
	}
}

func TestTheNameIsNeededWhereAnotherPackageRequiresIt(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.install("-i", m.their("systemd-1"), m.their("cloud-init-24.4"), m.their("cloud-customer-1"))
	out, err := exec.CommandContext(t.Context(), "rpm", "--root", m.root, "--noscripts", "-U", ourPackages(t)[0]).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "cloud-init >= 22 is needed by (installed) cloud-customer") {
		t.Errorf("cloudseed alone: %v: %s", err, out)
	}
	m.has("cloud-customer-1", "cloud-init-24.4")
}

func TestALaterCloudInitDoesNotReplaceIt(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.dnf("install", "cloudseed", "cloud-customer")
	m.has("cloud-customer-1", "cloud-init-26.2", cloudseed(t))
	m.dnf("upgrade")
	m.dnf("distro-sync")
	m.has("cloud-customer-1", "cloud-init-26.2", cloudseed(t))
}

func TestAnUpgradeOfCloudInitIsCloudseedWhereItsRepositoryIs(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.install("-i", m.their("systemd-1"), m.their("cloud-init-24.4"))
	m.dnf("upgrade")
	m.has("cloud-init-26.2", cloudseed(t))
}

// TestTheWayBack: one command, which documentation names.
func TestTheWayBack(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.dnf("install", "cloudseed", "cloud-init")
	m.dnf("--repo=theirs", "swap", "cloudseed", "cloud-init-27.1")
	m.has("cloud-init-27.1")
	m.verify("cloud-init")
}

func cloudseed(t *testing.T) string {
	return "cloudseed-" + string(query(t, os.Getenv("CLOUDSEED_RPM"), "%{VERSION}"))
}
