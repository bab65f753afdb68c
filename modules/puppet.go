package modules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/guest/inifile"
	"cloudseed/guest/packages"
	"cloudseed/guest/service"
	"cloudseed/host"
	"cloudseed/modules/cloudconfig"
	"cloudseed/state"
)

type puppetKeys struct {
	Puppet *puppetSettings `key:"puppet" doc:"The agent of Puppet."`

	failed    bool            // the agent cannot be installed as the configuration wants it
	settings  []puppetSetting // of conf
	arguments []string        // of exec_args
}

type puppetSettings struct {
	Install       *bool         `key:"install" default:"true" doc:"Install the agent. Without it, it must be there."`
	Version       string        `key:"version" doc:"The version to install: the newest, if none is given."`
	InstallType   string        `key:"install_type" enum:"packages|aio" default:"packages" doc:"Where the agent comes from: a package of the system's repositories, or aio, a script that installs it from those of Puppet."`
	Collection    string        `key:"collection" doc:"The collection that aio installs from: puppet, puppet7, puppet8."`
	AIOURL        string        `key:"aio_install_url" default:"https://raw.githubusercontent.com/puppetlabs/install-puppet/main/install.sh" doc:"The script of aio."`
	AIOSum        string        `key:"aio_install_sha256" doc:"The SHA-256 of the script of aio, in hexadecimal. One that has another is not run."`
	Cleanup       *bool         `key:"cleanup" default:"true" doc:"Have aio remove Puppet's repositories afterwards."`
	PackageName   string        `key:"package_name" default:"puppet-agent, or puppet" doc:"The package to install."`
	ConfFile      string        `key:"conf_file" default:"the agent's own" doc:"The path of puppet.conf."`
	SSLDir        string        `key:"ssl_dir" default:"the agent's own" doc:"The directory of its certificates."`
	CSRPath       string        `key:"csr_attributes_path" default:"the agent's own" doc:"The path of csr_attributes.yaml."`
	Exec          bool          `key:"exec" default:"false" doc:"Run the agent once, with exec_args."`
	ExecArgs      *config.Value `key:"exec_args" takes:"list(text)|text" default:"--test" doc:"The arguments of puppet agent."`
	StartService  *bool         `key:"start_service" default:"true" doc:"Enable and start the agent's service."`
	Conf          *config.Value `key:"conf" takes:"map(map(text|bool|list(text)|nothing)|text|nothing)" doc:"The settings of puppet.conf by their sections: main, server, agent, user. In certname, %i is the instance's id and %f the full hostname. ca_cert is not a section, but the certificate of the server's authority, in PEM."`
	CSRAttributes *config.Value `key:"csr_attributes" takes:"map(anything)" doc:"The content of csr_attributes.yaml: custom_attributes and extension_requests of the certificate request."`
}

// puppetSetting is a line of puppet.conf.
type puppetSetting struct{ section, name, value string }

var puppet = Of[puppetKeys]{
	Name:       "puppet",
	Stage:      FinalStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"puppet"},
	Repeatable: true, // what is installed is installed, and the agent brings the system to the same state
	Doc: "Installs the agent of Puppet, sets what puppet.conf has, and enables and starts the agent's service. What " +
		"puppet.conf was before is beside it as puppet.conf.old.",
	Example: "puppet:\n  conf:\n    agent:\n      server: puppet.example.com\n      certname: \"%i.%f\"\n  csr_attributes:\n    extension_requests:\n      pp_role: webserver\n  exec: true\n  exec_args: [--test, --waitforcert, \"60\"]\n",
	Check:   checkPuppet,
	Run:     runPuppet,
}.Module()

const (
	puppetAIO        = "aio"
	puppetAIOURL     = "https://raw.githubusercontent.com/puppetlabs/install-puppet/main/install.sh"
	puppetAIOProgram = "/opt/puppetlabs/bin/puppet"

	// puppetInstallTime is how long the script of aio may take.
	puppetInstallTime = 30 * time.Minute
)

// puppetNames are the names that the package and the service have, in the order in which they
// are tried: Puppet's own package is puppet-agent, and the service of that is puppet.
var puppetNames = []string{"puppet-agent", "puppet"}

// puppetSections are those of puppet.conf(5) that the agent reads, with the older name of server.
var puppetSections = []string{"main", "server", "agent", "user", "master"}

func (k *puppetSettings) installs() bool   { return k.Install == nil || *k.Install }
func (k *puppetSettings) cleansUp() bool   { return k.Cleanup == nil || *k.Cleanup }
func (k *puppetSettings) hasService() bool { return k.StartService == nil || *k.StartService }

func checkPuppet(e *Env, keys *puppetKeys) {
	at := e.At("puppet")
	if at.Kind() != config.Map {
		keys.Puppet = nil // reported by its type
	}
	if keys.Puppet == nil {
		return
	}
	keys.checkInstallation(at)
	for _, name := range []string{"conf_file", "ssl_dir", "csr_attributes_path"} {
		if file := at.Get(name); !file.IsNull() && !isPlainPath(file.Text()) {
			file.Errorf("%q is not an absolute path; what belongs there is not written", file.Text())
		}
	}
	keys.settings = nil
	for name, meant := range map[string]string{"conf": "sections", "csr_attributes": "attributes"} {
		if value := at.Get(name); !value.IsNull() && value.Kind() != config.Map {
			value.Errorf("expected a mapping of %s, got %s; skipped", meant, config.KindInWords(value.Value()))
		}
	}
	for _, section := range at.Get("conf").Entries() {
		keys.readSection(section.Key, section.Value)
	}
	keys.readArguments(at.Get("exec_args"))
	for _, entry := range at.Get("csr_attributes").Entries() {
		if known := []string{"custom_attributes", "extension_requests"}; !slices.Contains(known, entry.Key) {
			entry.Value.Warnf("puppet knows no attributes of this name%s; they are written", config.DidYouMean(entry.Key, known))
		}
	}
}

// checkInstallation reports what keeps the agent from being installed.
func (keys *puppetKeys) checkInstallation(at config.Cursor) {
	k := keys.Puppet
	// A kind that there is not was reported by its type.
	keys.failed = !at.Get("install_type").IsNull() && k.InstallType == ""
	switch {
	case !k.installs() && k.Version != "":
		at.Get("version").Warnf("nothing is installed, since install is false")
	case !k.installs():
	case k.InstallType == puppetAIO:
		for name, value := range map[string]string{"version": k.Version, "collection": k.Collection} {
			if err := (packages.Spec{Name: "puppet", Version: value}).Check(); err != nil {
				at.Get(name).Errorf("the agent is not installed: %v", err)
				keys.failed = true
			}
		}
		if sum := at.Get("aio_install_sha256"); !cloudconfig.CheckDownload(k.aioURL(at), sum) {
			keys.failed = true
		}
	default:
		name := k.PackageName
		if name == "" {
			name = puppetNames[0]
		}
		if err := (packages.Spec{Name: name, Version: k.Version}).Check(); err != nil {
			at.Errorf("the agent is not installed: %v", err)
			keys.failed = true
		}
		for _, other := range []string{"collection", "aio_install_url", "aio_install_sha256", "cleanup"} {
			if value := at.Get(other); !value.IsNull() {
				value.Notef("this is for install_type: aio; ignored")
			}
		}
	}
}

// aioURL is where the script of aio is, with its place.
func (k *puppetSettings) aioURL(at config.Cursor) config.Cursor {
	if k.AIOURL != "" {
		return at.Get("aio_install_url")
	}
	return at.With(config.NewScalar(at.Pos(), config.String, puppetAIOURL, puppetAIOURL))
}

// readSection reads a section of puppet.conf.
//
// Difference from cloud-init: what cannot be a line of it is skipped with its place, and a
// list has commas, as puppet reads one; cloud-init writes Python's form.
func (keys *puppetKeys) readSection(name string, section config.Cursor) {
	switch {
	case section.IsNull():
		return
	case name == "ca_cert" && (section.Kind() == config.Map || section.Kind() == config.List):
		section.Errorf("expected a certificate in PEM, got %s; skipped", config.KindInWords(section.Value()))
		return
	case name == "ca_cert":
		if text := section.Text(); !strings.Contains(text, "-----BEGIN CERTIFICATE-----") && !strings.Contains(text, "-----BEGIN TRUSTED CERTIFICATE-----") {
			section.Warnf("it holds no certificate in PEM; it is written")
		}
		return
	case section.Kind() != config.Map:
		section.Errorf("expected the settings of a section, got %s; skipped", config.KindInWords(section.Value()))
		return
	case name == "" || strings.ContainsAny(name, "[]") || strings.ContainsFunc(name, unicode.IsControl):
		section.Errorf("%q cannot be the name of a section; skipped", name)
		return
	case !slices.Contains(puppetSections, name):
		section.Warnf("puppet knows no section %q%s; it is written", name, config.DidYouMean(name, puppetSections))
	}
	for _, entry := range section.Entries() {
		if entry.Value.IsNull() {
			continue
		}
		value, ok := puppetValue(entry.Value.Value())
		if !ok {
			entry.Value.Errorf("expected a string, a number, a boolean or a list of these, got %s; skipped", config.KindInWords(entry.Value.Value()))
			continue
		}
		setting := puppetSetting{name, strings.ToLower(strings.TrimSpace(entry.Key)), strings.TrimSpace(value)}
		switch {
		case setting.name == "" || strings.ContainsAny(setting.name, "=:") || strings.ContainsAny(setting.name[:1], "#;["):
			entry.Value.Errorf("%q cannot be the name of a setting; skipped", entry.Key)
		case strings.ContainsFunc(setting.name+setting.value, unicode.IsControl):
			entry.Value.Errorf("a setting is one line of a name and a value; skipped")
		default:
			keys.settings = append(keys.settings, setting)
		}
	}
}

// puppetValue is a value as puppet.conf has it: a boolean is True, as cloud-init writes it.
func puppetValue(v *config.Value) (text string, ok bool) {
	switch v.Kind() {
	case config.Map, config.Null:
		return "", false
	case config.List:
		var words []string
		for _, item := range v.Items() {
			word, ok := puppetValue(item)
			if !ok || item.Kind() == config.List {
				return "", false
			}
			words = append(words, word)
		}
		return strings.Join(words, ","), true
	case config.Bool:
		return v.PyStr(), true
	}
	return v.Text(), true
}

func (keys *puppetKeys) readArguments(at config.Cursor) {
	keys.arguments = nil
	switch at.Kind() {
	case config.Null:
		keys.arguments = []string{"--test"}
	case config.List:
		for _, item := range at.Items() {
			if item.Kind() == config.List || item.Kind() == config.Map || item.IsNull() {
				item.Errorf("expected an argument, got %s; skipped", config.KindInWords(item.Value()))
				continue
			}
			keys.arguments = append(keys.arguments, item.Text())
		}
	case config.String:
		keys.arguments = strings.Fields(at.Text())
	default:
		at.Errorf("expected a list of arguments, got %s; --test is used", config.KindInWords(at.Value()))
		keys.arguments = []string{"--test"}
	}
}

// puppetAgent is the agent of a guest.
type puppetAgent struct {
	*Env
	*puppetSettings
	program string
	owner   string // of its certificates
}

// runPuppet does all that it can: a failure costs only what builds on it.
func runPuppet(ctx context.Context, e *Env, keys *puppetKeys) error {
	if keys.Puppet == nil {
		return nil
	}
	agent, at := puppetAgent{Env: e, puppetSettings: keys.Puppet, program: "puppet", owner: "puppet"}, e.At("puppet")
	if agent.InstallType == puppetAIO {
		agent.program, agent.owner = puppetAIOProgram, "root"
	}
	if !keys.failed && agent.installs() {
		at.Fail(agent.install(ctx))
	}
	agent.find(ctx)
	at.Get("conf").Get("ca_cert").Fail(agent.writeCertificate(ctx))
	at.Get("conf").Fail(agent.configure(ctx, keys.settings))
	at.Get("csr_attributes").Fail(agent.writeAttributes(ctx))
	if agent.hasService() {
		agent.tellService(ctx, service.Enable)
	}
	if agent.Exec && !keys.failed {
		at.Get("exec").Fail(agent.run(ctx, keys.arguments))
	}
	if agent.hasService() {
		agent.tellService(ctx, startService)
	}
	return nil
}

func (a puppetAgent) install(ctx context.Context) error {
	if a.InstallType == puppetAIO {
		return a.installAIO(ctx)
	}
	names := puppetNames
	if a.PackageName != "" {
		names = []string{a.PackageName}
	}
	manager := a.packageManager()
	for _, name := range names {
		a.Log.Info("installing the agent of Puppet", "package", name)
		missing, err := manager.Install(ctx, []packages.Spec{{Name: name, Version: a.Version}})
		if err != nil || len(missing) == 0 {
			return err
		}
	}
	return fmt.Errorf("the agent is not installed: no repository has %s", strings.TrimSpace(strings.Join(names, " or ")+" "+a.Version))
}

// installAIO runs the script that installs Puppet's own packages.
func (a puppetAgent) installAIO(ctx context.Context) error {
	var args []string
	if a.Version != "" {
		args = append(args, "-v", a.Version)
	}
	if a.Collection != "" {
		args = append(args, "-c", a.Collection)
	}
	if a.cleansUp() {
		args = append(args, "--cleanup")
	}
	err := a.runInstaller(ctx, cmp.Or(a.AIOURL, puppetAIOURL), a.AIOSum, "puppet-install", puppetInstallTime, args...)
	if err != nil {
		return fmt.Errorf("the agent is not installed: %w", err)
	}
	return nil
}

// find finds the program where Puppet's own package has it, which is in no PATH of a boot.
//
// Difference from cloud-init: there, install_type packages finds no program then.
func (a *puppetAgent) find(ctx context.Context) {
	if _, err := a.Host.LookPath(a.program); err != nil {
		if _, err := a.Host.LookPath(puppetAIOProgram); err == nil {
			a.program = puppetAIOProgram
		}
	}
	if _, err := a.Host.User(ctx, a.owner); err != nil {
		a.owner = "root" // who the agent runs as; Puppet's own package has no user
	}
}

// path returns where the agent has one of its files, unless the configuration says it.
func (a puppetAgent) path(ctx context.Context, key, given, setting string) (string, error) {
	if given != "" {
		if !isPlainPath(given) {
			return "", nil // reported
		}
		return given, nil
	}
	r, err := a.Host.Run(ctx, host.Command{Argv: []string{a.program, "config", "print", setting}, Quiet: true})
	if err != nil {
		return "", fmt.Errorf("cannot find out %s (%s says it too): %w", setting, key, err)
	}
	// What it warns of may come first.
	lines := strings.Split(strings.TrimSpace(r.Stdout), "\n")
	if file := strings.TrimSpace(lines[len(lines)-1]); isPlainPath(file) {
		return file, nil
	}
	return "", fmt.Errorf("puppet has no path for its setting %s: give %s", setting, key)
}

// configure sets the settings in puppet.conf.
//
// Difference from cloud-init: a file that is not there is created; there the module fails. One
// that has all settings is unchanged, and the comments and the order of others stay.
func (a puppetAgent) configure(ctx context.Context, settings []puppetSetting) error {
	if len(settings) == 0 {
		return nil
	}
	file, err := a.path(ctx, "conf_file", a.ConfFile, "config")
	if err != nil || file == "" {
		return err
	}
	before, err := a.Host.ReadFile(file)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return fmt.Errorf("cannot read %s: %w", file, err)
	}
	after := string(before)
	for _, s := range settings {
		if s.name == "certname" {
			s.value = a.certname(s.value)
		}
		after = inifile.Set(after, s.section, s.name, s.value)
	}
	if after == string(before) {
		return nil
	}
	if !missing {
		if err := a.keepOld(file, before); err != nil {
			return err
		}
	}
	_, err = a.Host.WriteFile(file, []byte(after), host.File{})
	return err
}

// certname is the name of the agent's certificate, which puppet wants in lower case.
func (a puppetAgent) certname(value string) string {
	full := cloudconfig.NamesOf(a.Config, a.Instance.Hostname, a.Host).Full
	return strings.ToLower(strings.NewReplacer("%f", full, "%i", a.Instance.ID).Replace(value))
}

// keepOld keeps a file's content, owner and mode beside it.
func (a puppetAgent) keepOld(file string, content []byte) error {
	info, err := a.Host.Stat(file)
	if err != nil {
		return err
	}
	_, err = a.Host.WriteFile(file+".old", content, host.File{Mode: info.Mode().Perm(), Owner: a.Host.Owner(file, info)})
	return err
}

// writeCertificate writes the certificate of the server's authority into the agent's directories.
func (a puppetAgent) writeCertificate(ctx context.Context) error {
	pem := a.Conf.Get("ca_cert")
	if pem.IsNull() || pem.Kind() == config.Map || pem.Kind() == config.List {
		return nil
	}
	dir, err := a.path(ctx, "ssl_dir", a.SSLDir, "ssldir")
	if err != nil || dir == "" {
		return err
	}
	if err := a.Host.Mkdir(path.Dir(dir), 0o755, host.Owner{}); err != nil {
		return err
	}
	owner, err := a.Host.FindOwner(ctx, a.owner, "root")
	if err != nil {
		return err
	}
	certs := path.Join(dir, "certs")
	if err := errors.Join(a.giveDir(dir, 0o771, owner), a.giveDir(certs, 0o755, owner), a.Host.Chmod(dir, 0o771)); err != nil {
		return err
	}
	_, err = a.Host.WriteFile(path.Join(certs, "ca.pem"), []byte(pem.Text()), host.File{Owner: owner})
	return err
}

// giveDir creates a directory, or gives one that is there its owner.
func (a puppetAgent) giveDir(dir string, mode fs.FileMode, owner host.Owner) error {
	if err := a.Host.Mkdir(dir, mode, owner); err != nil {
		return err
	}
	info, err := a.Host.Stat(dir)
	if err != nil || a.Host.Owner(dir, info) == owner {
		return err
	}
	return a.Host.Chown(dir, owner)
}

// writeAttributes writes what the agent's certificate request has beside the name. A password
// may be among it.
func (a puppetAgent) writeAttributes(ctx context.Context) error {
	if a.CSRAttributes.Kind() != config.Map {
		return nil
	}
	file, err := a.path(ctx, "csr_attributes_path", a.CSRPath, "csr_attributes")
	if err != nil || file == "" {
		return err
	}
	_, err = a.Host.WriteFile(file, yaml.DumpIndented(a.CSRAttributes, 2), host.File{Secret: true})
	return err
}

// tellService enables or starts the agent's service, under the first of its names that there is.
func (a puppetAgent) tellService(ctx context.Context, do func(context.Context, *host.Host, string) error) {
	var errs []error
	for _, name := range puppetNames {
		err := do(ctx, a.Host, name+".service")
		if err == nil {
			return
		}
		errs = append(errs, err)
	}
	a.At("puppet").Get("start_service").Warnf("%v; %v", errs[0], errs[1])
}

// startService starts a service that does not run.
func startService(ctx context.Context, h *host.Host, unit string) error {
	if !h.Runs() {
		return nil
	}
	_, err := h.Run(ctx, host.Command{Argv: []string{"systemctl", "start", unit}})
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", unit, err)
	}
	return nil
}

// run has the agent bring the system to its state once.
//
// Difference from cloud-init: with --test, exit code 2 says that there was something to change,
// and is success (https://github.com/canonical/cloud-init/issues/5747).
func (a puppetAgent) run(ctx context.Context, arguments []string) error {
	if !a.Host.Runs() {
		a.At("puppet").Get("exec").Notef("the agent is not run for an image: each system that is made of it runs its own")
		return nil
	}
	const changed = 2
	c := host.Command{Argv: append([]string{a.program, "agent"}, arguments...), Pass: true, Timeout: host.NoTimeout}
	if slices.ContainsFunc(arguments, func(s string) bool { return s == "--test" || s == "-t" || s == "--detailed-exitcodes" }) {
		c.OK = []int{changed}
	}
	_, err := a.Host.Run(ctx, c)
	return err
}
