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
	"cloudseed/guest/packages"
	"cloudseed/guest/templates"
	"cloudseed/host"
	"cloudseed/modules/cloudconfig"
	"cloudseed/python"
	"cloudseed/secret"
	"cloudseed/state"
	"cloudseed/template"
)

type chefKeys struct {
	Chef *chefSettings `key:"chef" doc:"The client of Chef."`

	failed    bool     // the client cannot be installed as the configuration wants it
	arguments []string // of exec_arguments
}

type chefSettings struct {
	ServerURL      string        `key:"server_url" doc:"The URL of the server. Required."`
	ValidationName string        `key:"validation_name" doc:"The name of the key by which the client registers. Required."`
	ValidationCert secret.String `key:"validation_cert" doc:"That key, in PEM; system, if it is in the file of validation_key already."`
	ValidationKey  string        `key:"validation_key" default:"/etc/chef/validation.pem" doc:"The file that validation_cert is written to."`
	DeleteKey      bool          `key:"delete_validation_post_exec" default:"false" doc:"Remove that file when the client has run."`
	NodeName       string        `key:"node_name" default:"the instance's id" doc:"The node's name."`
	Environment    string        `key:"environment" default:"_default" doc:"The node's environment."`
	RunList        []string      `key:"run_list" accept:"scalar" doc:"The recipes and roles of the first run."`
	Attributes     *config.Value `key:"initial_attributes" takes:"map(anything)" doc:"The attributes of the first run."`
	FirstbootPath  *string       `key:"firstboot_path" default:"/etc/chef/firstboot.json" doc:"The file of run_list and initial_attributes. An empty path: none is written."`
	ConfigPath     string        `key:"config_path" default:"/etc/chef/client.rb" doc:"The client's configuration, which is made from the template chef_client.rb in /etc/cloud/templates, or a built-in one."`
	Directories    []string      `key:"directories" accept:"scalar" default:"those of Chef in /etc, /var/log, /var/lib, /var/chef and /var/run" doc:"Directories to create; /etc/chef is always created."`
	License        string        `key:"chef_license" enum:"accept|accept-silent|accept-no-persist" doc:"Accepts Chef's license."`
	LogLevel       string        `key:"log_level" default:":info" doc:"A line of the configuration; null leaves it out, as it does with the following keys."`
	LogLocation    string        `key:"log_location" default:"/var/log/chef/client.log" doc:"A line of the configuration."`
	SSLVerifyMode  string        `key:"ssl_verify_mode" default:":verify_none" doc:"A line of the configuration: :verify_peer checks the server's certificate."`
	ClientKey      string        `key:"client_key" default:"/etc/chef/client.pem" doc:"A line of the configuration."`
	JSONAttribs    string        `key:"json_attribs" default:"/etc/chef/firstboot.json" doc:"A line of the configuration."`
	CachePath      string        `key:"file_cache_path" default:"/var/chef/cache" doc:"A line of the configuration."`
	BackupPath     string        `key:"file_backup_path" default:"/var/chef/backup" doc:"A line of the configuration."`
	PIDFile        string        `key:"pid_file" default:"/var/run/chef/client.pid" doc:"A line of the configuration."`
	ShowTime       bool          `key:"show_time" default:"true" doc:"Whether the log has times."`
	DataBagSecret  string        `key:"encrypted_data_bag_secret" doc:"The file of the key that data bags are encrypted with."`
	InstallType    string        `key:"install_type" enum:"packages|gems|omnibus" default:"packages" doc:"Where the client comes from, unless it is there: a package of the system's repositories, RubyGems, or omnibus, Chef's install script."`
	ForceInstall   bool          `key:"force_install" default:"false" doc:"Install it where it is there, too."`
	Version        string        `key:"version" doc:"The version that gems installs: the newest, if none is given."`
	RubyVersion    *config.Value `key:"ruby_version" takes:"text" doc:"Accepted; gems uses the system's Ruby."`
	OmnibusURL     string        `key:"omnibus_url" default:"https://www.chef.io/chef/install.sh" doc:"The script of omnibus."`
	OmnibusSum     string        `key:"omnibus_sha256" doc:"The SHA-256 of that script, in hexadecimal. One that has another is not run."`
	OmnibusRetries *config.Value `key:"omnibus_url_retries" takes:"text" doc:"Accepted; a download is tried as often as makes sense."`
	OmnibusVersion string        `key:"omnibus_version" doc:"The version that omnibus installs: the newest, if none is given."`
	Exec           *bool         `key:"exec" default:"false, and true with gems" doc:"Run the client at each boot, with exec_arguments."`
	ExecArguments  *config.Value `key:"exec_arguments" takes:"list(text)|text" default:"-d -i 1800 -s 20" doc:"The arguments of chef-client. A string is one argument."`
}

var chef = Of[chefKeys]{
	Name:       "chef",
	Stage:      FinalStage,
	Frequency:  state.Always,
	ActiveIf:   []string{"chef"},
	Repeatable: true,
	Doc: "Writes the configuration of Chef's client, its validation key and the attributes of its first run, installs it where " +
		"it is missing, and runs it if exec says so.",
	Example: "chef:\n  install_type: omnibus\n  server_url: https://chef.example.com/organizations/example\n  validation_name: example-validator\n  validation_cert: system\n  ssl_verify_mode: ':verify_peer'\n  chef_license: accept\n  run_list: ['recipe[apache2]', 'role[db]']\n  exec: true\n",
	Check:   checkChef,
	Run:     runChef,
}.Module()

const (
	chefClient     = "/usr/bin/chef-client"
	chefOmnibusURL = "https://www.chef.io/chef/install.sh"

	// chefInstallTime is how long the script of omnibus, or gem, may take.
	chefInstallTime = 30 * time.Minute
)

// chefDirectories are created unless the configuration has others.
var chefDirectories = []string{"/etc/chef", "/var/log/chef", "/var/lib/chef", "/var/chef/cache", "/var/chef/backup", "/var/run/chef"}

// chefLine is a key that the template of the configuration has.
type chefLine struct {
	key, otherwise string
	symbol         bool // it is Ruby's own word, such as :info; others are strings
	file           bool // its directory is created
}

var chefLines = []chefLine{
	{key: "log_level", otherwise: ":info", symbol: true},
	{key: "ssl_verify_mode", otherwise: ":verify_none", symbol: true},
	{key: "log_location", otherwise: "/var/log/chef/client.log", file: true},
	{key: "validation_key", otherwise: "/etc/chef/validation.pem", file: true},
	{key: "client_key", otherwise: "/etc/chef/client.pem", file: true},
	{key: "json_attribs", otherwise: "/etc/chef/firstboot.json", file: true},
	{key: "file_cache_path", otherwise: "/var/chef/cache", file: true},
	{key: "file_backup_path", otherwise: "/var/chef/backup"},
	{key: "pid_file", otherwise: "/var/run/chef/client.pid", file: true},
	{key: "encrypted_data_bag_secret", file: true},
	{key: "chef_license"},
	{key: "environment", otherwise: "_default"},
	{key: "node_name"},
	{key: "server_url"},
	{key: "validation_name"},
}

// rubySymbol is a word that Ruby takes as it is written.
var rubySymbol = pattern(`^:[a-z_]+$`)

func checkChef(e *Env, keys *chefKeys) {
	at := e.At("chef")
	if at.Kind() != config.Map {
		keys.Chef = nil // reported by its type
		return
	}
	for _, name := range []string{"server_url", "validation_name"} {
		if at.Get(name).IsNull() || at.Get(name).Text() == "" {
			at.Get(name).Errorf("it is required; the client's configuration is not written, and the client is not run")
		}
	}
	for _, line := range chefLines {
		keys.checkLine(at.Get(line.key), line)
	}
	paths := []config.Cursor{at.Get("config_path"), at.Get("firstboot_path")}
	paths = append(paths, at.Get("directories").Items()...)
	for _, p := range paths {
		if p.Text() != "" && !isPlainPath(p.Text()) {
			p.Errorf("%q is not an absolute path; skipped", p.Text())
		}
	}
	if attributes := at.Get("initial_attributes"); !attributes.IsNull() && attributes.Kind() != config.Map {
		attributes.Errorf("expected a mapping of attributes, got %s; skipped", config.KindInWords(attributes.Value()))
	}
	keys.checkInstallation(at)
	keys.readArguments(at.Get("exec_arguments"))
}

// checkLine reports what a line of the configuration cannot hold.
func (keys *chefKeys) checkLine(at config.Cursor, line chefLine) {
	text := at.Text()
	switch {
	case text == "" || at.Kind() == config.List || at.Kind() == config.Map:
	case strings.ContainsFunc(text, unicode.IsControl):
		at.Errorf("the value holds a line end or another control character; skipped")
	case line.symbol && !rubySymbol().MatchString(text):
		at.Errorf("expected a symbol of Ruby, such as %s; using that", line.otherwise)
	case line.file && !isPlainPath(text):
		at.Warnf("%q is not an absolute path; its directory is not created", text)
	}
}

func (keys *chefKeys) checkInstallation(at config.Cursor) {
	k := keys.Chef
	// A kind that there is not was reported by its type.
	keys.failed = !at.Get("install_type").IsNull() && k.InstallType == ""
	key, version := "version", k.Version
	switch k.InstallType {
	case "omnibus":
		key, version = "omnibus_version", k.OmnibusVersion
		from := at.Get("omnibus_url")
		if k.OmnibusURL == "" {
			from = at.With(config.NewScalar(at.Pos(), config.String, chefOmnibusURL, chefOmnibusURL))
		}
		keys.failed = !cloudconfig.CheckDownload(from, at.Get("omnibus_sha256"))
	case "gems":
		if ruby := at.Get("ruby_version"); !ruby.IsNull() {
			ruby.Notef("the Ruby of the system's repositories is used, which has one version")
		}
	default:
		return
	}
	if err := (packages.Spec{Name: "chef", Version: version}).Check(); err != nil {
		at.Get(key).Errorf("the client is not installed: %v", err)
		keys.failed = true
	}
}

func (keys *chefKeys) readArguments(at config.Cursor) {
	standard := []string{"-d", "-i", "1800", "-s", "20"}
	keys.arguments = nil
	switch at.Kind() {
	case config.Null:
		keys.arguments = standard
	case config.List:
		for _, item := range at.Items() {
			if item.Kind() == config.List || item.Kind() == config.Map || item.IsNull() {
				item.Errorf("expected an argument, got %s; skipped", config.KindInWords(item.Value()))
				continue
			}
			keys.arguments = append(keys.arguments, item.Text())
		}
	case config.String:
		keys.arguments = []string{at.Text()}
	default:
		at.Errorf("expected a list of arguments, got %s; using %s", config.KindInWords(at.Value()), strings.Join(standard, " "))
		keys.arguments = standard
	}
}

// runChef does all that it can. The client only runs if it is installed and configured.
func runChef(ctx context.Context, e *Env, keys *chefKeys) error {
	k, at := keys.Chef, e.At("chef")
	if k == nil {
		return nil
	}
	at.Get("directories").Fail(createChefDirectories(e, k))
	at.Fail(migrateChef(e.Host))
	keyFile := chefValue(at, chefLine{key: "validation_key", otherwise: "/etc/chef/validation.pem"})
	at.Get("validation_cert").Fail(writeChefKey(e, k, keyFile))
	err := configureChef(ctx, e, k)
	at.Fail(err)
	configured := err == nil && k.ServerURL != "" && k.ValidationName != ""
	at.Get("firstboot_path").Fail(writeChefFirstboot(e, k))

	_, missing := e.Host.LookPath(chefClient)
	if missing != nil || k.ForceInstall {
		if keys.failed {
			return nil
		}
		if err := installChef(ctx, e, k); err != nil {
			at.Fail(fmt.Errorf("the client is not installed: %w", err))
			return nil
		}
	}
	// gems has always run it.
	runs := missing != nil && k.InstallType == "gems"
	if k.Exec != nil {
		runs = *k.Exec
	}
	if !runs || !configured {
		return nil
	}
	if !e.Host.Runs() {
		at.Get("exec").Notef("the client is not run for an image: each system that is made of it runs its own")
		return nil
	}
	_, err = e.Host.Run(ctx, host.Command{Argv: append([]string{chefClient}, keys.arguments...), Pass: true, Timeout: host.NoTimeout})
	if err == nil && k.DeleteKey {
		err = e.Host.Remove(keyFile)
	}
	at.Get("exec").Fail(err)
	return nil
}

func createChefDirectories(e *Env, k *chefSettings) error {
	dirs := k.Directories
	if len(dirs) == 0 {
		dirs = chefDirectories
	}
	var errs []error
	for _, dir := range append(slices.Clone(dirs), chefDirectories[0]) {
		if isPlainPath(dir) {
			errs = append(errs, e.Host.Mkdir(dir, 0o755, host.Owner{}))
		}
	}
	return errors.Join(errs...)
}

// migrateChef moves what older versions had in other directories.
func migrateChef(h *host.Host) error {
	var errs []error
	for _, move := range [][2]string{{"/var/cache/chef", "/var/chef/cache"}, {"/var/backups/chef", "/var/chef/backup"}} {
		entries, err := h.ReadDir(move[0])
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, entry := range entries {
			to := path.Join(move[1], entry.Name())
			if _, err := h.Lstat(to); err == nil {
				continue
			}
			errs = append(errs, h.Mkdir(move[1], 0o755, host.Owner{}), h.Rename(path.Join(move[0], entry.Name()), to))
		}
	}
	return errors.Join(errs...)
}

// writeChefKey writes the key by which the client registers.
//
// Difference from cloud-init: the key is root's alone, and one that was removed after the client
// registered stays so; there everybody may read it, and each boot writes it again.
func writeChefKey(e *Env, k *chefSettings, file string) error {
	pem := k.ValidationCert.Reveal()
	switch {
	case pem == "" || !isPlainPath(file):
		return nil
	case pem == "system":
		if !e.Host.Exists(file) {
			e.At("chef.validation_cert").Warnf("%s does not exist", file)
		}
		return nil
	case k.DeleteKey && e.Host.Exists(chefValue(e.At("chef"), chefLine{key: "client_key", otherwise: "/etc/chef/client.pem"})):
		return nil
	}
	_, err := e.Host.WriteFile(file, []byte(pem), host.File{Mode: 0o600, Secret: true})
	return err
}

// chefValue is what a key has in the configuration; "" if it has none.
func chefValue(at config.Cursor, line chefLine) string {
	value := at.Get(line.key)
	text := strings.TrimSpace(value.Text())
	switch {
	case value.Value() != nil && value.IsNull():
		return "" // an explicit null
	case text == "" || strings.ContainsFunc(text, unicode.IsControl) || line.symbol && !rubySymbol().MatchString(text):
		return line.otherwise
	}
	return text
}

// configureChef writes the client's configuration.
//
// Difference from cloud-init: it has no date, so that a boot with nothing to change writes
// nothing; and a value cannot end its string in Ruby.
func configureChef(ctx context.Context, e *Env, k *chefSettings) error {
	file := k.ConfigPath
	if file == "" {
		file = "/etc/chef/client.rb"
	}
	if k.ServerURL == "" || k.ValidationName == "" || !isPlainPath(file) {
		return nil // reported
	}
	at := e.At("chef")
	// Within the quotes of the template, # could begin a piece of Ruby.
	inRuby := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `#`, `\#`)
	variables := map[string]string{
		"generated_by": "# Written by cloud-init, because of the key chef.", "validation_cert": k.ValidationCert.Reveal(), "show_time": "",
	}
	if show := at.Get("show_time").Kind(); at.Get("show_time").Value() == nil || k.ShowTime || show == config.List || show == config.Map {
		variables["show_time"] = "true"
	}
	var errs []error
	for _, line := range chefLines {
		if line.key == "node_name" {
			line.otherwise = e.Instance.ID
		}
		value := chefValue(at, line)
		if line.file && isPlainPath(value) {
			errs = append(errs, e.Host.Mkdir(path.Dir(value), 0o755, host.Owner{}))
		}
		if !line.symbol {
			value = inRuby.Replace(value)
		}
		variables[line.key] = value
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	t, err := templates.Read(e.Host, "chef_client.rb")
	if err != nil {
		return err
	}
	text, err := template.Fill(ctx, at, t.Text, variables)
	if err != nil {
		return fmt.Errorf("cannot fill in %s: %w", t.Path, err)
	}
	shows := !k.ValidationCert.IsEmpty() && strings.Contains(text, k.ValidationCert.Reveal()) // an administrator's template can
	_, err = e.Host.WriteFile(file, []byte(text), host.File{Secret: shows})
	return err
}

// writeChefFirstboot writes what the first run gets.
func writeChefFirstboot(e *Env, k *chefSettings) error {
	file := "/etc/chef/firstboot.json"
	if k.FirstbootPath != nil {
		file = *k.FirstbootPath
	}
	if !isPlainPath(file) {
		return nil // none, or reported
	}
	var pairs []config.Pair
	if list := e.At("chef.run_list"); !list.IsNull() {
		pairs = append(pairs, config.Pair{Name: "run_list", Key: config.NewScalar(list.Pos(), config.String, "run_list", "run_list"), Value: list.Value()})
	}
	if k.Attributes.Kind() == config.Map {
		pairs = append(pairs, k.Attributes.Pairs()...)
	}
	_, err := e.Host.WriteFile(file, []byte(chefJSON(config.NewMap(config.Pos{}, pairs))), host.File{})
	return err
}

// chefJSON is a value as Python's json.dumps prints it: in one line, in the order of the document.
func chefJSON(v *config.Value) string {
	var items []string
	switch v.Kind() {
	case config.Map:
		for _, p := range v.Pairs() {
			items = append(items, string(python.JSON(p.Name))+": "+chefJSON(p.Value))
		}
		return "{" + strings.Join(items, ", ") + "}"
	case config.List:
		for _, item := range v.Items() {
			items = append(items, chefJSON(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case config.Binary, config.Timestamp: // at which cloud-init fails
		return string(python.JSON(v.Text()))
	}
	return string(python.JSON(v.Any()))
}

func installChef(ctx context.Context, e *Env, k *chefSettings) error {
	e.Log.Info("installing the client of Chef", "from", k.InstallType)
	switch k.InstallType {
	case "omnibus":
		return installChefByOmnibus(ctx, e, k)
	case "gems":
		return installChefByGem(ctx, e, k)
	}
	return e.install(ctx, "chef")
}

// installChefByOmnibus runs Chef's own install script.
func installChefByOmnibus(ctx context.Context, e *Env, k *chefSettings) error {
	var args []string
	if k.OmnibusVersion != "" {
		args = append(args, "-v", k.OmnibusVersion)
	}
	return e.runInstaller(ctx, cmp.Or(k.OmnibusURL, chefOmnibusURL), k.OmnibusSum, "chef-omnibus-install", chefInstallTime, args...)
}

// installChefByGem installs the client from RubyGems.
//
// Difference from cloud-init: the packages are those of the RHEL family, with what builds native
// extensions; there Debian's are asked for. RubyGems 3 refuses --no-ri and --no-rdoc.
func installChefByGem(ctx context.Context, e *Env, k *chefSettings) error {
	if err := e.install(ctx, "ruby", "ruby-devel", "gcc", "make", "redhat-rpm-config"); err != nil {
		return err
	}
	argv := []string{"/usr/bin/gem", "install", "chef"}
	if k.Version != "" {
		argv = append(argv, "-v", k.Version)
	}
	argv = append(argv, "--no-document", "--bindir", "/usr/bin", "-q")
	_, err := e.Host.Run(ctx, host.Command{Argv: argv, Pass: true, Timeout: chefInstallTime})
	return err
}
