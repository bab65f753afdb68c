package modules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"cloudseed/config"
	"cloudseed/guest/conffile"
	"cloudseed/guest/service"
	"cloudseed/host"
	"cloudseed/state"
)

type rsyslogKeys struct {
	Rsyslog rsyslogConfig `key:"rsyslog" takes:"keys|list(text|map(text))" type:"mapping, or a list as configs takes it" doc:"Files of rsyslog's configuration. A list is the older form of configs."`
	OldFile string        `key:"rsyslog_filename" doc:"config_filename, with the older form."`
	OldDir  string        `key:"rsyslog_dir" doc:"config_dir, with the older form."`

	entries []rsyslogEntry // what Check read
}

type rsyslogConfig struct {
	Dir      string        `key:"config_dir" default:"/etc/rsyslog.d" doc:"The directory of the files."`
	File     string        `key:"config_filename" default:"20-cloud-config.conf" doc:"The file of entries that name none."`
	Configs  *config.Value `key:"configs" takes:"list(text|map(text))" doc:"What is written: lines of rsyslog.conf(5), or a mapping of filename and content."`
	Remotes  *config.Value `key:"remotes" takes:"map(text|nothing)" doc:"Where messages are sent: names, each with [SELECTOR] [@|@@]HOST[:PORT]; @ is UDP and @@ TCP."`
	Reload   *config.Value `key:"service_reload_command" takes:"text|list(text)" default:"auto" doc:"The command by which rsyslog reads its files; auto: systemctl try-reload-or-restart rsyslog."`
	Install  bool          `key:"install_rsyslog" default:"false" doc:"Install the packages if check_exe is missing."`
	CheckExe string        `key:"check_exe" default:"rsyslogd" doc:"The program whose absence has the packages installed."`
	Packages []string      `key:"packages" default:"rsyslog" doc:"The packages to install."`

	reload []string // what Check read of Reload; none: auto
}

// DecodeConfig reads the mapping. The older list is for Check to read.
func (c *rsyslogConfig) DecodeConfig(v *config.Value) []config.Problem {
	if v.Kind() == config.List {
		return nil
	}
	type plain rsyslogConfig
	return v.DecodeAt("", (*plain)(c))
}

// isToInstall reports whether packages are to be installed.
func (c *rsyslogConfig) isToInstall(h *host.Host) bool {
	_, err := h.LookPath(cmp.Or(c.CheckExe, "rsyslogd"))
	return c.Install && err != nil
}

// rsyslogEntry is what one entry adds to a file.
type rsyslogEntry struct {
	path, content string
	at            config.Cursor
}

var rsyslog = Of[rsyslogKeys]{
	Name:       "rsyslog",
	Stage:      InitStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"rsyslog"},
	Repeatable: true,
	Doc: "Writes files of rsyslog's configuration and has rsyslog read them. rsyslogd checks all of its configuration with the new " +
		"files first; an entry that it refuses is not written. Entries of one file are joined.",
	Example: "rsyslog:\n  configs:\n    - \"*.* /var/log/all.log\"\n    - filename: 10-mail.conf\n      content: |\n        mail.* /var/log/mail.log\n  remotes:\n    central: 192.0.2.1:514\n    audit: \"auth,authpriv.* @@[2001:db8::1]:10514\"\n",
	Network: func(e *Env, keys *rsyslogKeys) NetworkUse {
		if keys.Rsyslog.isToInstall(e.Host) {
			return NeedsNetwork
		}
		return NoNetwork
	},
	Check: checkRsyslog,
	Run:   runRsyslog,
}.Module()

// checkRsyslog collects what is to be written, in the order of the entries.
//
// Difference from cloud-init: an entry of another kind is skipped; there the module fails.
func checkRsyslog(e *Env, keys *rsyslogKeys) {
	at, r := e.At("rsyslog"), &keys.Rsyslog
	keys.entries = nil
	configs := at.Get("configs").Items()
	if at.Kind() == config.List {
		at.Deprecatedf("a list is deprecated since cloud-init 22.2: write it as configs of a mapping")
		configs = at.Items()
		r.File, r.Dir = keys.OldFile, keys.OldDir
	}
	if strings.TrimSpace(r.File) == "" {
		r.File = "20-cloud-config.conf"
	}
	if r.Dir == "" {
		r.Dir = "/etc/rsyslog.d"
	}
	for _, name := range []struct {
		key       string
		value     *string
		otherwise string
	}{{"config_dir", &r.Dir, "/etc/rsyslog.d"}, {"config_filename", &r.File, "20-cloud-config.conf"}} {
		if err := checkRsyslogName(*name.value); err != nil {
			at.Get(name.key).Errorf("%v; using %s", err, name.otherwise)
			*name.value = name.otherwise
		}
	}
	if r.CheckExe == "" {
		r.CheckExe = "rsyslogd"
	}
	if len(r.Packages) == 0 {
		r.Packages = []string{"rsyslog"}
	}
	for _, entry := range configs {
		content, name := entry, r.File
		if entry.Kind() == config.Map {
			content = entry.Get("content")
			if given := entry.Get("filename"); given.Value() != nil {
				name = given.Text()
			}
		}
		keys.add(name, content, entry)
	}
	keys.addRemotes(r.File, at.Get("remotes"))
	reload := at.Get("service_reload_command")
	if k := reload.Kind(); k != config.Null && k != config.List && reload.Text() != "auto" {
		reload.Errorf("expected auto or the words of a command as a list, got %s; auto is used", config.Shown(reload.Value()))
	}
	for _, word := range reload.Items() {
		if k := word.Kind(); k == config.Null || k == config.List || k == config.Map {
			word.Errorf("expected a word of the command, got %s; auto is used", config.KindInWords(word.Value()))
			r.reload = nil
			return
		}
		r.reload = append(r.reload, word.Text())
	}
}

// checkRsyslogName returns what is wrong with the name of a file or directory.
func checkRsyslogName(name string) error {
	switch {
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("the name %s holds a control character", config.Quoted(name))
	case slices.Contains(strings.Split(name, "/"), ".."):
		return fmt.Errorf("the name %s leads out of its directory", config.Quoted(name))
	}
	return nil
}

// add adds an entry of a file.
func (keys *rsyslogKeys) add(name string, content, entry config.Cursor) {
	name = strings.TrimSpace(name)
	switch k := content.Kind(); {
	case k == config.Null:
		entry.Warnf("the entry has no content; skipped")
	case k == config.List || k == config.Map:
		content.Errorf("expected lines of rsyslog.conf(5), got %s; the entry is skipped", config.KindInWords(content.Value()))
	case name == "":
		entry.Warnf("the entry's filename is empty; skipped")
	case checkRsyslogName(name) != nil:
		entry.Errorf("%v; the entry is skipped", checkRsyslogName(name))
	case strings.ContainsRune(content.Text(), 0):
		entry.Errorf("the content holds a zero byte; the entry is skipped")
	default:
		keys.addText(name, content.Text(), entry)
	}
}

// addText adds lines of a file.
func (keys *rsyslogKeys) addText(name, content string, at config.Cursor) {
	if !path.IsAbs(name) {
		name = path.Join("/", keys.Rsyslog.Dir, name)
	}
	if !strings.HasSuffix(content, "\n") {
		content += "\n"
	}
	keys.entries = append(keys.entries, rsyslogEntry{path.Clean(name), content, at})
}

// rsyslogTarget is [@|@@]HOST[:PORT]; an IPv6 address has brackets.
var rsyslogTarget = pattern(`^(@{0,2})(?:\[([^\[\]\s]+)\]|([^:\[\]\s@]+))(?::([0-9]{1,5}))?$`)

// addRemotes adds the lines that send messages to other machines, each an entry of its own:
// rsyslogd may refuse one.
func (keys *rsyslogKeys) addRemotes(file string, at config.Cursor) {
	var remotes []rsyslogEntry
	for _, entry := range at.Entries() {
		if entry.Value.Text() == "" {
			continue
		}
		line, err := rsyslogRemote(entry.Key, entry.Value.Text())
		if err != nil {
			entry.Value.Warnf("%v; the remote is skipped", err)
			continue
		}
		remotes = append(remotes, rsyslogEntry{content: line, at: entry.Value})
	}
	if len(remotes) == 0 {
		return
	}
	keys.addText(file, "# begin remotes", at)
	for _, r := range remotes {
		keys.addText(file, r.content, r.at)
	}
	keys.addText(file, "# end remotes", at)
}

// rsyslogRemote is the line of a remote: its selector, *.* unless one is given, and its target.
// What follows a "#" is a comment, in place of which its name is written.
func rsyslogRemote(name, text string) (string, error) {
	if strings.ContainsAny(name+text, "\n\r\x00") {
		return "", errors.New("expected one line")
	}
	text, _, _ = strings.Cut(text, "#")
	selector, fields := "*.*", strings.Fields(text)
	if len(fields) == 2 {
		selector, fields = fields[0], fields[1:]
	}
	if len(fields) != 1 {
		return "", fmt.Errorf("expected [SELECTOR] HOST[:PORT], got %q", text)
	}
	m := rsyslogTarget().FindStringSubmatch(fields[0])
	if m == nil {
		return "", fmt.Errorf("expected [@|@@]HOST[:PORT], with an IPv6 address in brackets, got %q", fields[0])
	}
	protocol, host := m[1], m[3]
	if protocol == "" {
		protocol = "@"
	}
	if m[2] != "" {
		host = m[2]
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
	}
	if m[4] != "" {
		port, err := strconv.ParseUint(m[4], 10, 16)
		if err != nil {
			return "", fmt.Errorf("expected a port of at most 65535, got %s", m[4])
		}
		host += ":" + strconv.FormatUint(port, 10)
	}
	return selector + " " + protocol + host + " # " + name, nil
}

// runRsyslog installs rsyslog if that is asked for, writes the files and has it read them.
func runRsyslog(ctx context.Context, e *Env, keys *rsyslogKeys) error {
	r := keys.Rsyslog
	if r.isToInstall(e.Host) {
		if err := e.install(ctx, r.Packages...); err != nil {
			return fmt.Errorf("cannot install rsyslog: %w", err)
		}
	}
	entries, err := checkedByRsyslogd(ctx, e, keys.entries)
	if err != nil {
		e.At("rsyslog").Fail(err)
		return nil
	}
	changed := false
	for _, f := range rsyslogFiles(entries) {
		written, err := conffile.Put(e.Host, f)
		e.At("rsyslog").Fail(err)
		changed = changed || len(written) > 0
	}
	if changed {
		reloadRsyslog(ctx, e, r.reload)
	}
	return nil
}

// rsyslogFiles are the files of entries, in the order in which they come up.
func rsyslogFiles(entries []rsyslogEntry) []conffile.File {
	var files []conffile.File
	for _, entry := range entries {
		i := slices.IndexFunc(files, func(f conffile.File) bool { return f.Path == entry.path })
		if i < 0 {
			i, files = len(files), append(files, conffile.File{Path: entry.path})
		}
		files[i].Data = append(files[i].Data, entry.content...)
		files[i].Secret = files[i].Secret || rsyslogSecret().MatchString(entry.content)
	}
	return files
}

// rsyslogSecret finds the parameters that take passwords, of outputs such as ommysql.
var rsyslogSecret = pattern(`(?i)pwd|passw|secret|token|key`)

// rsyslogd is how rsyslogd checks its configuration: all of it, since one file may use what
// another defines.
var rsyslogd = conffile.Program{
	Argv: func(candidate string) []string { return []string{"rsyslogd", "-N1", "-f", candidate} },
	Main: "/etc/rsyslog.conf",
}

// checkedByRsyslogd returns the entries without those that rsyslogd refuses, which are
// reported. It is asked if a file is to change, once, and for each entry only if it refuses
// any.
//
// Difference from cloud-init: what rsyslogd refuses is written there, and may end all logging.
func checkedByRsyslogd(ctx context.Context, e *Env, entries []rsyslogEntry) ([]rsyslogEntry, error) {
	differ, err := conffile.Differ(e.Host, rsyslogFiles(entries)...)
	if err != nil || !differ {
		return entries, err
	}
	dirs := map[string][]rsyslogEntry{} // by their directories, of those that rsyslogd may read
	for _, entry := range entries {
		if dir := path.Dir(entry.path); strings.HasSuffix(entry.path, ".conf") {
			dirs[dir] = append(dirs[dir], entry)
		}
	}
	var bad []config.Cursor
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		refused, err := refusedByRsyslogd(ctx, e, dirs[dir])
		if err != nil {
			return nil, err
		}
		bad = append(bad, refused...)
	}
	return slices.DeleteFunc(slices.Clone(entries), func(entry rsyslogEntry) bool {
		return slices.ContainsFunc(bad, func(at config.Cursor) bool { return at.Key() == entry.at.Key() })
	}), nil
}

// refusedByRsyslogd reports the entries of one directory that rsyslogd refuses, and returns
// their places.
func refusedByRsyslogd(ctx context.Context, e *Env, entries []rsyslogEntry) (bad []config.Cursor, err error) {
	err = conffile.Check(ctx, e.Host, rsyslogd, rsyslogFiles(entries)...)
	var refused *conffile.RefusedError
	switch {
	case errors.Is(err, conffile.ErrNotIncluded):
		if e.Host.Exists(rsyslogd.Main) {
			entries[0].at.Notef("%s does not include the files of %s; they are written unchecked", rsyslogd.Main, path.Dir(entries[0].path))
		}
		return nil, nil
	case !errors.As(err, &refused):
		return nil, err
	case refused.Before:
		e.At("rsyslog").Warnf("rsyslogd refuses the configuration that it has: %s; the files are written unchecked", rsyslogFault(refused.Said))
		return nil, nil
	}
	var good []rsyslogEntry
	for _, entry := range entries {
		with := append(slices.Clip(good), entry)
		err := conffile.Check(ctx, e.Host, rsyslogd, rsyslogFiles(with)...)
		switch {
		case err == nil:
			good = with
		case errors.As(err, &refused):
			entry.at.Errorf("rsyslogd refuses it: %s; it is not written", rsyslogFault(refused.Said))
			bad = append(bad, entry.at)
		default:
			return nil, err
		}
	}
	return bad, nil
}

// rsyslogFault is the first error that rsyslogd tells of: not its version, and without its
// name and the address of its documentation.
func rsyslogFault(said string) string {
	for line := range strings.Lines(said) {
		if line = strings.TrimSpace(line); strings.Contains(line, "config validation run") {
			continue
		}
		line, _, _ = strings.Cut(strings.TrimPrefix(line, "rsyslogd: "), " [v")
		return line
	}
	return strings.TrimSpace(said)
}

// reloadRsyslog has rsyslog read the files, by the command or, without one, by systemd. As with
// cloud-init it is not an error if it does not: the files are there.
func reloadRsyslog(ctx context.Context, e *Env, command []string) {
	if len(command) > 0 {
		if e.Host.Runs() {
			_, err := e.Host.Run(ctx, host.Command{Argv: command})
			if err != nil {
				e.At("rsyslog.service_reload_command").Warnf("rsyslog has not read its files: %v", err)
			}
		}
		return
	}
	unit := e.At("system_info.rsyslog_svcname").Text() // of the distribution's own cloud.cfg
	if unit == "" {
		unit = "rsyslog"
	}
	if err := service.Reload(ctx, e.Host, unit); err != nil {
		e.At("rsyslog").Warnf("rsyslog has not read its files: %v", err)
	}
}
