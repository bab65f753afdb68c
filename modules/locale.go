package modules

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/envfile"
	"cloudseed/host"
	"cloudseed/state"
)

type localeKeys struct {
	Locale *config.Value `key:"locale" takes:"text|bool|map(text|nothing)" doc:"The system's locale: de_DE.UTF-8, or a mapping of variables of locale.conf(5). false: it is unchanged."`
	File   string        `key:"locale_configfile" default:"/etc/locale.conf" doc:"The file that it is written to."`

	off bool            // nothing is to be written
	set []localeSetting // what is to be written; none: the default
}

// localeSetting is a variable of locale.conf(5).
type localeSetting struct {
	name, value string
	at          config.Cursor
}

var locale = Of[localeKeys]{
	Name:       "locale",
	Stage:      ConfigStage,
	Frequency:  state.PerInstance,
	Repeatable: true,
	Doc: "Sets the system's locale, in /etc/locale.conf; other lines there are kept. Without the key, a system that has none " +
		"gets en_US.UTF-8 if that is installed. A locale that is not installed is set, with a warning that names its package.",
	Example: "locale:\n  LANG: en_US.UTF-8\n  LC_TIME: de_DE.UTF-8\n",
	Check:   checkLocale,
	Run:     runLocale,
}.Module()

const (
	localePath    = "/etc/locale.conf"
	defaultLocale = "en_US.UTF-8"
	locales       = "/usr/lib/locale"
)

// localeVariables are those of locale.conf(5), in the order in which localectl writes them.
var localeVariables = []string{
	"LANG", "LANGUAGE", "LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_COLLATE", "LC_MONETARY", "LC_MESSAGES",
	"LC_PAPER", "LC_NAME", "LC_ADDRESS", "LC_TELEPHONE", "LC_MEASUREMENT", "LC_IDENTIFICATION",
}

// localeName is a name that setlocale(3) may find, or of LANGUAGE several. Nothing in it has
// a meaning for a shell, or leads to another directory.
var localeName = pattern(`^[A-Za-z][A-Za-z0-9_.@:+-]{0,126}$`)

func checkLocale(e *Env, keys *localeKeys) {
	keys.off, keys.set = false, nil
	at := e.At("locale")
	is, isBool := config.AsBool(at.Value())
	switch {
	case at.IsNull():
	case at.Kind() == config.List:
		at.Errorf("expected a locale, a boolean or a mapping, got a list; the locale is unchanged")
		keys.off = true
	case at.Kind() == config.Map:
		for _, entry := range at.Entries() {
			keys.read(entry.Key, entry.Value)
		}
		keys.off = len(keys.set) == 0
	case isBool:
		keys.off = !is
	default:
		keys.off = at.Text() == "" || !keys.read("LANG", at)
	}
}

// read reads a variable, and reports whether it is one.
func (keys *localeKeys) read(name string, at config.Cursor) bool {
	switch value := at.Text(); {
	case !slices.Contains(localeVariables, name):
		at.Errorf("locale.conf(5) has no variable %q%s; it is skipped", name, config.DidYouMean(name, localeVariables))
	case at.IsNull():
	case at.Kind() == config.List || at.Kind() == config.Map:
		at.Errorf("expected a locale, got %s; it is unchanged", config.KindInWords(at.Value()))
	case !localeName().MatchString(value):
		at.Errorf("expected a locale such as en_US.UTF-8, got %q; it is unchanged", value)
	default:
		keys.set = append(keys.set, localeSetting{name, value, at})
		return true
	}
	return false
}

func runLocale(_ context.Context, e *Env, keys *localeKeys) error {
	file := path.Join("/", keys.File)
	if keys.File == "" {
		file = localePath
	}
	if len(e.Args) > 0 { // single --name locale de_DE.UTF-8
		if !localeName().MatchString(e.Args[0]) {
			return fmt.Errorf("expected a locale such as en_US.UTF-8, got %q", e.Args[0])
		}
		keys.off, keys.set = false, []localeSetting{{"LANG", e.Args[0], e.At("locale")}}
	}
	if keys.off {
		return nil
	}
	set, err := keys.set, error(nil)
	if len(set) == 0 {
		if set, err = defaultSetting(e); err != nil || len(set) == 0 {
			return err
		}
	}
	old, err := e.Host.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err = e.Host.WriteFile(file, []byte(withLocale(string(old), set)), host.File{Mode: 0o644}); err != nil {
		return err
	}
	return reportMissingLocales(e, keys.set)
}

// defaultSetting is the system's locale, or en_US.UTF-8 where it has none.
//
// Difference from cloud-init: en_US.UTF-8 is not set where it is not installed (EL8 and later
// without glibc-langpack-en): each program would complain.
func defaultSetting(e *Env) ([]localeSetting, error) {
	text, err := e.Host.ReadFile(localePath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if lang := envfile.Value(string(text), "LANG"); lang != "" {
		return []localeSetting{{name: "LANG", value: lang}}, nil
	}
	installed, err := installedLocales(e.Host)
	if err != nil {
		return nil, err
	}
	if !installed[normalLocale(defaultLocale)] {
		e.Log.Info("no locale is set: none is configured, and " + defaultLocale + " is not installed")
		return nil, nil
	}
	return []localeSetting{{name: "LANG", value: defaultLocale}}, nil
}

// withLocale sets variables in the content of a locale.conf(5). One that is the same as LANG
// is removed, as localectl does.
func withLocale(old string, set []localeSetting) string {
	wanted := map[string]string{}
	for _, s := range set {
		wanted[s.name] = s.value
	}
	var variables []envfile.Variable
	for _, name := range localeVariables {
		value, ok := wanted[name]
		if name != "LANG" && value == wanted["LANG"] {
			value = ""
		}
		if ok {
			variables = append(variables, envfile.Variable{Name: name, Value: value})
		}
	}
	return envfile.Set(old, variables)
}

// reportMissingLocales names the packages of locales that are not installed. Those of
// packages may still be.
func reportMissingLocales(e *Env, set []localeSetting) error {
	installed, err := installedLocales(e.Host)
	if err != nil {
		return err
	}
	var reported []string
	for _, s := range set {
		if s.name == "LANGUAGE" || installed[normalLocale(s.value)] || slices.Contains(reported, s.value) {
			continue
		}
		reported = append(reported, s.value)
		report := s.at.Warnf
		if slices.ContainsFunc(e.At("packages").Items(), func(p config.Cursor) bool { return strings.Contains(p.Text(), "langpack") }) {
			report = s.at.Notef
		}
		language, _, _ := strings.Cut(s.value, "_")
		language, _, _ = strings.Cut(language, ".")
		report("the locale %s is not installed; those of its language are in the package glibc-langpack-%s (EL7: glibc-common)",
			s.value, strings.ToLower(language))
	}
	return nil
}

// installedLocales are the names of the locales that programs of the system find, each in
// its normal form: directories, what is in the archive, and older names for them.
func installedLocales(h *host.Host) (map[string]bool, error) {
	names := []string{"C", "POSIX"} // built into glibc
	directories, err := h.Glob(locales + "/*/LC_IDENTIFICATION")
	if err != nil {
		return nil, err
	}
	for _, file := range directories {
		names = append(names, path.Base(path.Dir(file)))
	}
	archived, err := archivedLocales(h)
	if err != nil {
		return nil, err
	}
	installed := map[string]bool{}
	for _, name := range append(names, archived...) {
		installed[normalLocale(name)] = true
	}
	aliases, err := h.ReadFile("/usr/share/locale/locale.alias")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(aliases)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] != "#" && installed[normalLocale(f[1])] {
			installed[normalLocale(f[0])] = true
		}
	}
	return installed, nil
}

// normalLocale is a locale's name with its encoding as glibc compares it: UTF-8 is utf8.
func normalLocale(name string) string {
	rest, modifier, hasModifier := strings.Cut(name, "@")
	language, encoding, hasEncoding := strings.Cut(rest, ".")
	if hasEncoding {
		letters := false
		encoding = strings.Map(func(r rune) rune {
			switch {
			case 'A' <= r && r <= 'Z':
				r += 'a' - 'A'
				fallthrough
			case 'a' <= r && r <= 'z':
				letters = true
				return r
			case '0' <= r && r <= '9':
				return r
			}
			return -1
		}, encoding)
		if !letters {
			encoding = "iso" + encoding
		}
		language += "." + encoding
	}
	if hasModifier {
		language += "@" + modifier
	}
	return language
}

// archiveStart is how much of an archive is read. Its names are in front, some 100 KB of all
// of glibc's; all of it can be 200 MB.
const archiveStart = 1 << 20

// archivedLocales are the names in glibc's archive of locales, as its locarchive.h describes
// it: numbers of 32 bits in the machine's order; the third and the fifth say where the table
// of names is and how many entries it has room for, of three numbers each, the second of
// which says where the name is.
func archivedLocales(h *host.Host) ([]string, error) {
	f, err := h.Open(locales + "/locale-archive")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, archiveStart))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("cannot read %s/locale-archive: %w", locales, err)
	}
	number := func(at uint64) uint64 {
		if at+4 > uint64(len(data)) {
			return 0
		}
		return uint64(binary.NativeEndian.Uint32(data[at:]))
	}
	const magic = 0xde020109
	if number(0) != magic {
		return nil, nil // empty, or of another machine's kind
	}
	var names []string
	table, entries := number(8), number(16)
	for i := range min(entries, archiveStart/12) {
		if at := number(table + 12*i + 4); at != 0 && at < uint64(len(data)) {
			name, _, _ := bytes.Cut(data[at:], []byte{0})
			names = append(names, string(name))
		}
	}
	return names, nil
}
