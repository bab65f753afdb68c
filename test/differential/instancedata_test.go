package differential

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"cloudseed/boot"
	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/state"
	"cloudseed/test/differential/cloudinit"
)

// seedInput is a folder with a seed, and the system's own configuration.
type seedInput struct {
	name   string
	source string
	files  map[string][]byte
	system string
	distro string // /etc/os-release; "": that of RHEL
}

// machineBase is the system's configuration below the input's own. It names all that
// cloud-init has built in: cloudseed has other values there.
const machineBase = `allow_userdata: true
cloud_config_modules: []
cloud_final_modules: []
cloud_init_modules: []
datasource_list: [NoCloud, ConfigDrive]
def_log_file: /var/log/cloud-init.log
log_cfgs: []
network: {config: disabled}
syslog_fix_perms: null
system_info:
  default_user: {name: cloud-user, lock_passwd: true}
  distro: rhel
  network: {renderers: [network-manager, sysconfig]}
  paths: {cloud_dir: /var/lib/cloud, run_dir: /run/cloud-init}
vendor_data: {enabled: true, prefix: []}
vendor_data2: {enabled: true, prefix: []}
`

const rhel = "NAME=\"Red Hat Enterprise Linux\"\nVERSION=\"9.4 (Plow)\"\nID=\"rhel\"\nVERSION_ID=\"9.4\"\n"

// seedInputs reads testdata/instancedata. Each file is a subject. The name of a part is
// that of the input and the path in its seed, or the input and "+system".
func seedInputs(t testing.TB) []seedInput {
	t.Helper()
	files, err := filepath.Glob("testdata/instancedata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no inputs in testdata/instancedata: %v", err)
	}
	var all []seedInput
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		subject := strings.TrimSuffix(filepath.Base(file), ".txtar")
		cases := map[string]*seedInput{}
		for _, part := range archive.Files {
			name, path, _ := strings.Cut(part.Name, "/")
			name, isSystem := strings.CutSuffix(name, "+system")
			if cases[name] == nil {
				cases[name] = &seedInput{name: subject + "/" + name, source: "ConfigDrive", files: map[string][]byte{}}
			}
			if isSystem {
				cases[name].system = string(part.Data)
				continue
			}
			path, content := inBytes(t, txtar.File{Name: path, Data: part.Data})
			cases[name].files[path] = content
			if path == "meta-data" {
				cases[name].source = "NoCloud"
			}
		}
		for _, name := range slices.Sorted(maps.Keys(cases)) {
			all = append(all, *cases[name])
		}
	}
	return all
}

// bothInstanceData gives the files in /run/cloud-init that say what is known of an
// instance: cloud-init's and cloudseed's.
func bothInstanceData(t testing.TB, in seedInput) (their, our outcome) {
	t.Helper()
	m := hosttest.New(t)
	kernel := m.Kernel()
	system, release := in.system+machineBase, cmp.Or(in.distro, rhel)
	result, err := real.Know(cloudinit.InstanceData{
		Source: in.source, Seed: in.files, System: system, OSRelease: release,
		Kernel: cloudinit.Kernel{Node: kernel.Node, Release: kernel.Release, Build: kernel.Build, Machine: kernel.Machine},
	})
	if err != nil {
		t.Fatalf("%s: %v", in.name, err)
	}
	same := withoutOwnWords(kernel)
	their = outcome{files: map[string]string{}, err: result.Error}
	for name, f := range result.Files {
		if isInstanceData(name) {
			their.files[f.Mode+" "+name] = same(string(f.Content))
		}
	}

	seed := t.TempDir()
	for file, content := range in.files {
		file = filepath.Join(seed, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m.Put(t, "/etc/os-release", release)
	m.Put(t, "/etc/cloud/cloud.cfg", system)
	place := map[string]string{"NoCloud": "nocloud", "ConfigDrive": "config_drive"}[in.source]
	for _, stage := range []string{state.StageLocal, state.StageNetwork} {
		boot.New(boot.Options{
			Host: m.Host, Log: slog.New(slog.DiscardHandler), Seed: seed, SeedName: state.CloudDir + "/seed/" + place,
		}).Run(t.Context(), stage)
	}
	our = outcome{files: filesOfRun(t, filepath.Join(m.Dir, state.RunDir))}
	for name, text := range our.files {
		our.files[name] = same(text)
	}
	return their, our
}

func filesOfRun(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, e := range entries {
		if !isInstanceData(e.Name()) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, e.Name())
		var content []byte
		if info.Mode().IsRegular() {
			content, err = os.ReadFile(path)
		} else {
			var target string
			target, err = os.Readlink(path)
			content = []byte(target)
		}
		if err != nil {
			t.Fatal(err)
		}
		files[fmt.Sprintf("%04o %s", info.Mode().Perm(), e.Name())] = string(content)
	}
	return files
}

func isInstanceData(name string) bool {
	return strings.HasPrefix(name, "instance-data") || strings.HasPrefix(name, "combined-") || strings.HasPrefix(name, "cloud-id")
}

// withoutOwnWords takes away what tells the two agents apart in every file, the words for
// people under _doc and the features that cloudseed has not, and this machine from others.
func withoutOwnWords(kernel host.Kernel) func(string) string {
	doc := regexp.MustCompile(`("_doc": )".*"`)
	features := regexp.MustCompile(`("(?:ERROR_ON_USER_DATA_FAILURE|MANUAL_NETWORK_WAIT)": )(?:true|false)`)
	node, _, _ := strings.Cut(kernel.Node, ".")
	machine := strings.NewReplacer(
		"Linux-"+kernel.Release+"-"+kernel.Machine, "PLATFORM", `"`+kernel.Build+`"`, `"BUILD"`, `"`+kernel.Release+`"`, `"RELEASE"`,
		`"`+kernel.Machine+`"`, `"MACHINE"`, `"`+kernel.Node+`"`, `"NODE"`, `local-hostname": "`+node+`"`, `local-hostname": "NODE"`,
		`local_hostname": "`+node+`"`, `local_hostname": "NODE"`,
	)
	return func(text string) string {
		return machine.Replace(features.ReplaceAllString(doc.ReplaceAllString(text, `$1"..."`), "$1..."))
	}
}

// TestInstanceDataIsThatOfCloudInit compares what is known of the instances of all seeds
// of our own, byte by byte. What differs must be listed in seedDifferences, and be exactly
// what its golden file says; what is listed must differ.
func TestInstanceDataIsThatOfCloudInit(t *testing.T) {
	var cases []listedCase
	for _, in := range seedInputs(t) {
		cases = append(cases, listedCase{name: in.name, both: func() (outcome, outcome) { return bothInstanceData(t, in) }})
	}
	compareListed(t, "instancedata", cases, 20, seedDifferences)
}

// TestTheDistributionIsNamedAsByCloudInit is of machines that differ in nothing else.
func TestTheDistributionIsNamedAsByCloudInit(t *testing.T) {
	for name, release := range map[string]string{
		"CentOS Stream":    "ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION=\"9\"\nVERSION_ID=\"9\"\n",
		"AlmaLinux":        "ID=\"almalinux\"\nVERSION_ID=\"9.4\"\nVERSION=\"9.4 (Seafoam Ocelot)\"\n",
		"Rocky":            "ID=rocky\nVERSION_ID=9.4\nVERSION='9.4 (Blue Onyx)'\n",
		"Oracle":           "ID=\"ol\"\nVERSION_ID=\"9.4\"\nVERSION=\"9.4\"\n",
		"Fedora":           "# a comment\n\nID=fedora\nVERSION_ID=42\nVERSION=\"42 (Server Edition)\"\nVERSION_CODENAME=\"\"\n",
		"Debian":           "ID=debian\nVERSION_ID=\"13\"\nVERSION=\"13 (trixie)\"\nVERSION_CODENAME=trixie\n",
		"Ubuntu":           "ID=ubuntu\nVERSION_ID=\"24.04\"\nVERSION=\"24.04 LTS (Noble Numbat)\"\nVERSION_CODENAME=noble\n",
		"openSUSE":         "ID=\"opensuse-leap\"\nVERSION_ID=\"15.6\"\n",
		"Alpine":           "ID=alpine\nVERSION_ID=3.20\nPRETTY_NAME=\"Alpine Linux v3.20\"\n",
		"one that is none": "ID=nobody-knows\n",
		"without a number": "ID=arch\n",
	} {
		in := seedInput{
			name: name, source: "NoCloud", distro: release,
			files: map[string][]byte{"meta-data": []byte("instance-id: i-1\n"), "user-data": {}},
		}
		if their, our := bothInstanceData(t, in); !their.equal(our) {
			t.Errorf("%s: not the same (-cloud-init +cloudseed):\n%s", name, diff(their, our))
		}
	}
}
