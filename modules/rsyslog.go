package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/conffile"
	"cloudseed/guest/service"
	"cloudseed/host"
	"cloudseed/state"
)

type rsyslogKeys struct {
	Rsyslog rsyslogConfig `key:"rsyslog" type:"mapping, or a list as configs takes it" doc:"Files of rsyslog's configuration. A list is the older form of configs."`
	OldFile string        `key:"rsyslog_filename" doc:"config_filename, with the older form."`
	OldDir  string        `key:"rsyslog_dir" doc:"config_dir, with the older form."`

	files []rsyslogFile
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
}

// DecodeConfig reads the mapping. The older list is for Check to read.
func (c *rsyslogConfig) DecodeConfig(v *config.Value) []config.Problem {
	if v.Kind() == config.List {
		return nil
	}
	type plain rsyslogConfig
	return v.DecodeAt("", (*plain)(c))
}

// rsyslogFile is a file of rsyslog's with what all its entries hold.
type rsyslogFile struct {
	path, content string
	at            config.Cursor // of its first entry
}

var rsyslog = Of[rsyslogKeys]{
	Name:       "rsyslog",
	Stage:      InitStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"rsyslog"},
	Repeatable: true,
	Doc: "Writes files of rsyslog's configuration and has rsyslog read them. rsyslogd checks all of its configuration with the new " +
		"files first; what it refuses is not written. Entries of one file are joined.",
	Example: "rsyslog:\n  configs:\n    - \"*.* /var/log/all.log\"\n    - filename: 10-mail.conf\n      content: |\n        mail.* /var/log/mail.log\n  remotes:\n    central: 192.0.2.1:514\n    audit: \"auth,authpriv.* @@[2001:db8::1]:10514\"\n",
	Check:   checkRsyslog,
	Run:     runRsyslog,
}.Module()

const rsyslogMain = "/etc/rsyslog.conf"

// checkRsyslog collects what each file is to hold, in the order of the entries.
//
// Difference from cloud-init: an entry of another kind is skipped; there the module fails.
func checkRsyslog(e *Env, keys *rsyslogKeys) {
	at, r := e.At("rsyslog"), &keys.Rsyslog
	keys.files = nil
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
		keys.add(name, content.Text(), entry)
	}
	if remotes := rsyslogRemotes(at.Get("remotes")); remotes != "" {
		keys.add(r.File, remotes, at.Get("remotes"))
	}
}

// add adds an entry to its file.
func (keys *rsyslogKeys) add(name, content string, at config.Cursor) {
	name = strings.TrimSpace(name)
	switch {
	case at.Kind() == config.Map && content == "":
		at.Warnf("the entry has no content; skipped")
		return
	case name == "":
		at.Warnf("the entry's filename is empty; skipped")
		return
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		at.Errorf("the filename holds a control character; the entry is skipped")
		return
	case strings.ContainsRune(content, 0):
		at.Errorf("the content holds a zero byte; the entry is skipped")
		return
	}
	if !path.IsAbs(name) {
		name = path.Join("/", keys.Rsyslog.Dir, name)
	}
	if !strings.HasSuffix(content, "\n") {
		content += "\n"
	}
	i := slices.IndexFunc(keys.files, func(f rsyslogFile) bool { return f.path == name })
	if i < 0 {
		keys.files = append(keys.files, rsyslogFile{path: name, content: content, at: at})
		return
	}
	keys.files[i].content += content
}

// rsyslogTarget is [@|@@]HOST[:PORT]; an IPv6 address has brackets.
var rsyslogTarget = regexp.MustCompile(`^(@{0,2})(?:\[([^\[\]\s]+)\]|([^:\[\]\s@]+))(?::([0-9]{1,5}))?$`)

// rsyslogRemotes are the lines that send messages to other machines.
func rsyslogRemotes(at config.Cursor) string {
	var lines []string
	for _, entry := range at.Entries() {
		if entry.Value.Text() == "" {
			continue
		}
		line, err := rsyslogRemote(entry.Key, entry.Value.Text())
		if err != nil {
			entry.Value.Warnf("%v; the remote is skipped", err)
			continue
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return ""
	}
	return "# begin remotes\n" + strings.Join(lines, "\n") + "\n# end remotes\n"
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
	m := rsyslogTarget.FindStringSubmatch(fields[0])
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
		host += ":" + strings.TrimLeft(m[4][:len(m[4])-1], "0") + m[4][len(m[4])-1:]
	}
	return selector + " " + protocol + host + " # " + name, nil
}

func runRsyslog(ctx context.Context, e *Env, keys *rsyslogKeys) error {
	r := keys.Rsyslog
	if _, err := e.Host.LookPath(r.CheckExe); err != nil && r.Install {
		if err := e.install(ctx, r.Packages...); err != nil {
			return fmt.Errorf("cannot install rsyslog: %w", err)
		}
	}
	changed := false
	for _, f := range keys.files {
		wrote, err := conffile.Write(ctx, e.Host, f.path, []byte(f.content), host.File{Mode: 0o644}, rsyslogCheck(e, f.path))
		f.at.Fail(err)
		changed = changed || wrote
	}
	if !changed {
		return nil
	}
	reload := e.At("rsyslog.service_reload_command")
	if reload.Kind() != config.List {
		return service.Reload(ctx, e.Host, "rsyslog")
	}
	var argv []string
	for _, word := range reload.Items() {
		argv = append(argv, word.Text())
	}
	if len(argv) == 0 || !e.Host.Runs() {
		return nil
	}
	_, err := e.Host.Run(ctx, host.Command{Argv: argv})
	return err
}

// rsyslogCheck has rsyslogd read its whole configuration with the new file in its place: one file
// alone may use what another defines. nil where rsyslogd is not installed or does not read it.
//
// Difference from cloud-init: a file that rsyslogd refuses would end all logging there.
func rsyslogCheck(e *Env, file string) conffile.Check {
	if _, err := e.Host.LookPath("rsyslogd"); err != nil || !strings.HasSuffix(file, ".conf") {
		return nil
	}
	return func(ctx context.Context, aside string) (err error) {
		main, err := e.Host.ReadFile(rsyslogMain)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // there is nothing that would read it
		}
		if err != nil {
			return err
		}
		h, dir := e.Host.Quietly(), path.Join(e.Instance.RunDir, "rsyslog.check")
		defer func() { err = errors.Join(err, h.RemoveAll(dir)) }()
		if err := copyRsyslogDir(h, path.Dir(file), path.Join(dir, "d"), file, aside); err != nil {
			return err
		}
		text := strings.ReplaceAll(string(main), path.Dir(file)+"/", path.Join(dir, "d")+"/")
		if _, err := h.WriteFile(path.Join(dir, "rsyslog.conf"), []byte(text), host.File{Mode: 0o600}); err != nil {
			return err
		}
		result, err := h.Run(ctx, host.Command{Argv: []string{"rsyslogd", "-N1", "-f", path.Join(dir, "rsyslog.conf")}, Quiet: true})
		if err != nil {
			return fmt.Errorf("rsyslogd refuses it: %s", rsyslogFault(result.Stderr, path.Join(dir, "d"), path.Dir(file), err))
		}
		return nil
	}
}

// copyRsyslogDir copies a directory of configuration, with the new file in its place.
func copyRsyslogDir(h *host.Host, from, to, file, aside string) error {
	files, err := h.Glob(path.Join(from, "*.conf"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !slices.Contains(files, file) {
		files = append(files, file)
	}
	for _, name := range files {
		source := name
		if name == file {
			source = aside
		}
		content, err := h.ReadFile(source)
		if err != nil {
			return err
		}
		if _, err := h.WriteFile(path.Join(to, path.Base(name)), content, host.File{Mode: 0o600}); err != nil {
			return err
		}
	}
	return nil
}

// rsyslogFault is the first error of rsyslogd's, about the file that it would be.
func rsyslogFault(said, checked, real string, err error) string {
	for line := range strings.Lines(said) {
		if strings.Contains(line, "error") && !strings.Contains(line, "warnings occurred") {
			line = strings.TrimPrefix(strings.TrimSpace(line), "rsyslogd: ")
			return strings.ReplaceAll(line, checked+"/", real+"/")
		}
	}
	return err.Error()
}
