package schema_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/guest/block/blocktest"
	"cloudseed/guest/power"
	"cloudseed/host"
	"cloudseed/host/hosttest"
	"cloudseed/modules"
	"cloudseed/schema"
)

// site is a place in a document where a value may be: a key of a module, an item of its list
// or a value of its mapping, at any depth.
type site struct {
	path  []any // of keys (string), items (item) and names that the user gives (name)
	form  config.Form
	takes config.Shape
	enum  []string
	alone bool
}

type (
	item struct{}
	name string
)

func (s site) String() string {
	var words []string
	for _, step := range s.path {
		switch step := step.(type) {
		case item:
			words = append(words, "0")
		case name:
			words = append(words, string(step))
		default:
			words = append(words, fmt.Sprint(step))
		}
	}
	return strings.Join(words, ".")
}

const given = name("given")

// sites are all of a module, by its key struct.
func sites(docs []config.KeyDoc, path []any) []site {
	var found []site
	for _, doc := range docs {
		at := append(path[:len(path):len(path)], doc.Key)
		found = append(found, site{at, doc.Form, doc.Takes, doc.Enum, doc.OneAlone})
		if doc.Takes != nil {
			found = append(found, sitesOfShape(doc.Takes, doc.Children, at)...)
		} else {
			found = append(found, sitesOfForm(doc.Form, doc, at)...)
		}
	}
	return found
}

func sitesOfForm(form config.Form, doc config.KeyDoc, path []any) []site {
	var step any
	switch form.Kind {
	case config.FormKeys:
		return sites(doc.Children, path)
	case config.FormList:
		step = item{}
	case config.FormMap:
		step = given
	default:
		return nil
	}
	at := append(path[:len(path):len(path)], step)
	return append([]site{{at, *form.Of, nil, doc.Enum, false}}, sitesOfForm(*form.Of, doc, at)...)
}

func sitesOfShape(shape config.Shape, children []config.KeyDoc, path []any) []site {
	var found []site
	for _, a := range shape {
		var step any
		switch a.Word {
		case "keys":
			found = append(found, sites(children, path)...)
			continue
		case "list":
			step = item{}
		case "map":
			step = given
		default:
			continue
		}
		at := append(path[:len(path):len(path)], step)
		found = append(found, site{at, config.Form{}, a.Of, nil, false})
		found = append(found, sitesOfShape(a.Of, children, at)...)
	}
	return found
}

// refuses reports whether a value is of a kind that the place does not take.
func (s site) refuses(v any) bool {
	if v == nil {
		return false
	}
	if s.takes != nil {
		return !slices.ContainsFunc(s.takes, func(a config.Alternative) bool {
			switch v := v.(type) {
			case []any:
				return a.Word == "list" || a.Word == "anything"
			case map[string]any:
				return a.Word == "map" || a.Word == "keys" || a.Word == "anything"
			case bool:
				return a.Word == "text" || a.Word == "bool" || a.Word == "anything"
			default:
				_ = v
				return a.Word == "text" || a.Word == "anything"
			}
		})
	}
	switch s.form.Kind {
	case config.FormText:
		switch v.(type) {
		case []any, map[string]any:
			return true
		}
		return v != "" && len(s.enum) > 0 && !slices.Contains(s.enum, fmt.Sprint(v))
	case config.FormBool:
		_, is := v.(bool)
		return !is
	case config.FormNumber:
		_, is := v.(int)
		return !is
	case config.FormList:
		_, is := v.([]any)
		_, isMap := v.(map[string]any)
		return !is && (!s.alone || isMap)
	case config.FormMap, config.FormKeys:
		_, is := v.(map[string]any)
		return !is
	}
	return false
}

// with returns a copy of a document with a value at a path. Of a list, the item is a new one
// before the others, a copy of the first that may hold what the path goes on to; so is a name
// that the user gives.
func with(doc any, path []any, v any) any {
	if len(path) == 0 {
		return v
	}
	switch step := path[0].(type) {
	case item:
		list, _ := doc.([]any)
		fresh := with(likeThe(slices.Values(list), path[1:]), path[1:], v)
		if m, is := fresh.(map[string]any); is && len(path) > 1 && path[1] != "name" && m["name"] != nil {
			m["name"] = "given" // else it would be one with that which it is a copy of
		}
		return append([]any{fresh}, list...)
	case name:
		m, _ := doc.(map[string]any)
		m = maps.Clone(m)
		if m == nil {
			m = map[string]any{}
		}
		m[string(step)] = with(likeThe(maps.Values(m), path[1:]), path[1:], v)
		return m
	default:
		m, _ := doc.(map[string]any)
		m = maps.Clone(m)
		if m == nil {
			m = map[string]any{}
		}
		m[step.(string)] = with(m[step.(string)], path[1:], v)
		return m
	}
}

func likeThe(values func(func(any) bool), rest []any) any {
	for v := range values {
		if len(rest) == 0 {
			return nil
		}
		_, isList := rest[0].(item)
		switch v.(type) {
		case []any:
			if isList {
				return v
			}
		case map[string]any:
			if !isList {
				return v
			}
		}
	}
	return nil
}

// without returns a copy of a document as with returns it, but for what it adds.
func (s site) without(doc any) any { return without(doc, s.path) }

// without returns a copy of a document as with returns it, but for what it adds: the value of a
// key or, in a list or under names that the user gives, the whole new item.
func without(doc any, path []any) any {
	if _, is := path[0].(item); is {
		list, _ := doc.([]any)
		return append([]any{}, list...)
	}
	m, _ := doc.(map[string]any)
	m = maps.Clone(m)
	if m == nil {
		m = map[string]any{}
	}
	step, isKey := path[0].(string)
	switch {
	case !isKey:
	case len(path) == 1:
		delete(m, step)
	default:
		m[step] = without(m[step], path[1:])
	}
	return m
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parsedDocument(t *testing.T, text string) *config.Value {
	t.Helper()
	v, problems, err := yaml.Parse("user-data", []byte(text))
	if err != nil || len(problems) > 0 {
		t.Fatalf("%.400s: %v %v", text, err, problems)
	}
	return v
}

// attempt is what a module did with a document, and what was said of it.
type attempt struct {
	problems []config.Problem
	panicked any
	calls    []hosttest.Call
	files    map[string]string
	lines    map[string]bool // of all files
}

// mustHavePlaces fails the test if the module stopped by a mistake of its own, or if something
// is said without its place that is not said of the machine anyway.
func (a attempt) mustHavePlaces(t *testing.T, s site, kind string, base attempt) {
	t.Helper()
	if a.panicked != nil {
		t.Errorf("%s is %s: %v", s, kind, a.panicked)
	}
	for _, p := range a.problems {
		if kernel.MatchString(p.Message) {
			continue
		}
		if (p.Pos.Line == 0 || p.Key == "") && !slices.ContainsFunc(base.problems, func(b config.Problem) bool { return b.Message == p.Message }) {
			t.Errorf("%s is %s: there is no place in: %v", s, kind, p)
		}
	}
}

// kernel finds what the kernel refuses of names and arguments, whatever they are for.
var kernel = regexp.MustCompile(`file name too long|invalid argument|more than a program can be given`)

// attempts are those with documents that are tried again and again.
type attempts map[string]attempt

func (all attempts) of(t *testing.T, m modules.Module, document string) attempt {
	t.Helper()
	key := m.Name + document
	if _, is := all[key]; !is {
		all[key] = try(t, m, document)
	}
	return all[key]
}

func hasWords(c, of hosttest.Call) bool {
	return !slices.ContainsFunc(of.Argv, func(word string) bool { return !slices.Contains(c.Argv, word) })
}

// try runs a module on a machine that has disks and useradd.
func try(t *testing.T, m modules.Module, document string) attempt {
	t.Helper()
	system := map[string]any{"users": []any{"default"}}
	user := config.FromAny("/etc/cloud/cloud.cfg", map[string]any{"name": "cloud-user"})
	machine := hosttest.New(t)
	if slices.Contains([]string{"growpart", "resizefs", "disk_setup", "mounts"}, m.Name) { // of most modules' time, disks would be the half
		disks := blocktest.New(t, machine)
		disks.Device("vdb", "", "252:16", 100)
		disks.Device("vdb1", "vdb", "252:17", 90, "partition", "1", "start", "2048")
		disks.Mount("252:17 / / rw - ext4 /dev/vdb1 rw")
	}
	machine.Put(t, "/etc/fstab", "/dev/vdb1 / ext4 defaults 0 1\n")
	machine.Put(t, "/proc/meminfo", "MemTotal: 1024 kB\n")
	machine.On("useradd", func(c host.Command) {
		path := filepath.Join(machine.Dir, "/etc/passwd")
		before, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, fmt.Appendf(before, "%s:x:1001:1001::/home/%[1]s:/bin/sh\n", c.Argv[1]), 0o644)
		}
		if err != nil {
			t.Error(err)
		}
	})
	e := &modules.Env{
		Host: machine.As("test", m.Name), Log: slog.New(slog.DiscardHandler), TopLevel: modules.Keys(),
		Config: config.New(config.Layer{Name: "/etc/cloud/cloud.cfg", Value: config.FromAny("/etc/cloud/cloud.cfg", system)},
			config.Layer{Name: "user-data", Value: parsedDocument(t, document)}),
		Instance: modules.Instance{
			ID: "i-1", Dir: "/var/lib/cloud/instance", CloudDir: "/var/lib/cloud", RunDir: "/run/cloud-init", DefaultUser: user,
		},
		Fetch:    func(context.Context, string, map[string]string) ([]byte, error) { return []byte("fetched\n"), nil },
		Post:     func(context.Context, string, []byte, string, int) error { return nil },
		Power:    func(power.Request) {},
		Console:  func(string) error { return nil },
		Progress: func() modules.Progress { return modules.Progress{} },
	}
	result := attempt{files: map[string]string{}, lines: map[string]bool{}}
	func() {
		defer func() { result.panicked = recover() }()
		if err := m.Run(t.Context(), e); err != nil {
			e.Problem(config.Problem{Message: err.Error()})
		}
	}()
	result.problems, result.calls = e.Problems(), machine.Calls()
	err := filepath.WalkDir(machine.Dir, func(path string, d fs.DirEntry, err error) error {
		if d.IsDir() && d.Name() == "sys" {
			return filepath.SkipDir
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		result.files[strings.TrimPrefix(path, machine.Dir)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range result.files {
		if !strings.HasSuffix(file, "/boot-finished") { // it has the time
			for line := range strings.SplitSeq(content, "\n") {
				result.lines[line] = true
			}
		}
	}
	return result
}

func example(t *testing.T, m modules.Module) any {
	t.Helper()
	return parsedDocument(t, m.Example).Any()
}

// wrong are values of each kind.
var wrong = map[string]any{
	"nothing": nil, "a boolean": true, "a number": 7, "a string": "maybe", "a list": []any{"x"}, "a mapping": map[string]any{"x": "y"},
	"an empty string": "", "an empty list": []any{}, "an empty mapping": map[string]any{},
	"lists within lists": []any{[]any{map[string]any{"x": []any{nil}}}}, "mappings within mappings": map[string]any{"x": map[string]any{"y": []any{1}}},
}

// undecided are the keys without which, when they cannot be understood, nothing of what they
// decide is done; as with cloud-init, unless another reason is given.
var undecided = map[string]string{
	"random_seed.encoding":      "the data cannot be decoded",
	"growpart":                  "",
	"growpart.mode":             "",
	"resize_rootfs":             "",
	"swap.filename":             "another file would take the disk's space",
	"ntp.enabled":               "",
	"puppet.install_type":       "",
	"chef.run_list":             "written to firstboot.json as it is",
	"chef.run_list.0":           "",
	"users.0.ssh_redirect_user": "the user would log in by keys that were to be refused",
	"user.ssh_redirect_user":    "",
}

// names finds words by which a message says that a name is not one of those that there are.
var names = regexp.MustCompile(`expected|unknown key|key without a value|has no variable|there is no package manager`)

func TestAValueOfAWrongKindIsReportedWithItsPlaceAndWhatWasExpected(t *testing.T) {
	t.Parallel()
	for _, m := range modules.All() {
		example := example(t, m)
		for _, s := range sites(config.Describe(m.Keys), nil) {
			for kind, v := range wrong {
				problems := schema.CloudConfig(parsedDocument(t, asJSON(t, with(example, s.path, v))))
				for _, p := range problems {
					if p.Pos.Line == 0 || p.Key == "" {
						t.Errorf("%s: %s is %s: there is no place in: %v", m.Name, s, kind, p)
					}
				}
				if s.refuses(v) && !slices.ContainsFunc(problems, func(p config.Problem) bool { return names.MatchString(p.Message) }) {
					t.Errorf("%s: %s is %s: it is not said what was expected: %v", m.Name, s, kind, problems)
				}
			}
		}
	}
}

// A value costs no more than what it is in: an item of a list, what the user gave a name, or
// the key.
func TestAValueOfAWrongKindCostsNothingElse(t *testing.T) {
	t.Parallel()
	without := attempts{}
	for _, m := range modules.All() {
		example := example(t, m)
		for _, s := range sites(config.Describe(m.Keys), nil) {
			base := without.of(t, m, asJSON(t, s.without(example)))
			for _, kind := range []string{"a boolean", "lists within lists", "mappings within mappings"} {
				if !s.refuses(wrong[kind]) {
					continue
				}
				got := try(t, m, asJSON(t, with(example, s.path, wrong[kind])))
				got.mustHavePlaces(t, s, kind, base)
				if _, decides := undecided[s.String()]; decides {
					continue
				}
				for _, c := range base.calls {
					if !slices.ContainsFunc(got.calls, func(other hosttest.Call) bool { return hasWords(other, c) }) {
						t.Errorf("%s is %s: this command is not run: %s; %v", s, kind, c.Line(), got.problems)
					}
				}
				for line := range base.lines {
					if !got.lines[line] {
						t.Errorf("%s is %s: this line is not written: %s; %v", s, kind, line, got.problems)
					}
				}
			}
		}
	}
}

// hostile are values made to be more than a value where they are written or passed on.
var hostile = map[string]string{
	"an option":            "-Evil",
	"several lines":        "good\nEvil=1\n[Evil]\nExecStart=/evil",
	"a carriage return":    "good\rEvil=1",
	"a zero byte":          "good\x00evil",
	"syntax":               "$(touch /evil);`touch /evil`|touch /evil&'\" %n ${EVIL} \\x0aEvil",
	"a path that leads up": "../../../../etc/evil",
	"a long value":         strings.Repeat("evil", 1<<15),
}

// meant are the keys that are what a hostile value makes of others: the path of any file, the
// content of one, or a command.
var meant = map[string]string{
	"random_seed.file": "a path", "random_seed.command": "a command", "bootcmd": "a command", "runcmd": "a command",
	"write_files.0.path": "a path", "write_files.0.content": "content", "fs_setup.0.cmd": "a command", "fs_setup.0.extra_opts": "options",
	"rsyslog.configs": "content", "rsyslog.0": "content", "rsyslog.service_reload_command": "a command", "rsyslog.config_dir": "a path",
	"ssh_keys": "content", "ca_certs.trusted": "content", "wireguard.interfaces.0.config_path": "a path", "wireguard.interfaces.0.content": "content",
	"wireguard.readinessprobe": "a command", "locale_configfile": "a path", "yum_repo_dir": "a path", "ntp.config.template": "content",
	"ntp.config.confpath": "a path", "puppet.exec_args": "options", "puppet.conf.ca_cert": "content", "chef.validation_cert": "content",
	"chef.exec_arguments": "options", "chef.firstboot_path": "a path", "ansible.galaxy.actions": "a command", "ansible.pull.0.args": "options",
	"salt_minion.config_dir": "a path", "salt_minion.pki_dir": "a path", "salt_minion.public_key": "content", "salt_minion.private_key": "content",
	"swap.filename": "a path", "rsyslog.config_filename": "a name",
}

// means reports whether a place is one where a value is what the user means it to be.
func (s site) means(what ...string) bool {
	for key, is := range meant {
		if strings.HasPrefix(s.String()+".", key+".") && slices.Contains(what, is) {
			return true
		}
	}
	return false
}

func TestAHostileValueIsNeitherAnOptionNorALine(t *testing.T) {
	t.Parallel()
	without := attempts{}
	for _, m := range modules.All() {
		example := example(t, m)
		for _, s := range sites(config.Describe(m.Keys), nil) {
			if s.refuses("") {
				continue
			}
			base := without.of(t, m, asJSON(t, s.without(example)))
			for kind, v := range hostile {
				got := try(t, m, asJSON(t, with(example, s.path, v)))
				got.mustHavePlaces(t, s, kind, base)
				for _, p := range got.problems {
					if len(p.Error()) > 5000 {
						t.Errorf("%s is %s: a message of %d bytes: %.200s", s, kind, len(p.Error()), p.Error())
					}
				}
				for _, c := range got.calls {
					if fault := faultOf(c, s, v); fault != "" {
						t.Errorf("%s is %s: %s: %.300q", s, kind, fault, c.Argv)
					}
				}
				for file, content := range got.files {
					if fault := faultOfFile(file, content, s); fault != "" {
						t.Errorf("%s is %s: %s: %s: %.300q", s, kind, fault, file, content)
					}
				}
			}
		}
	}
}

// faultOf is what a hostile value makes of a command.
func faultOf(c hosttest.Call, s site, v string) string {
	for i, word := range c.Argv {
		switch {
		case strings.ContainsRune(word, 0):
			return "a zero byte in an argument"
		case s.means("a command", "options"):
		case strings.HasPrefix(v, "-") && strings.HasPrefix(word, v) && !slices.Contains(c.Argv[:i], "--") && !strings.HasPrefix(c.Argv[i-1], "--"):
			return "an option" // what follows an option that takes a value is none
		case i > 0 && c.Argv[i-1] == "-c" && strings.Contains(word, "touch /evil"):
			return "a shell runs it"
		}
	}
	if !s.means("a command", "content") && hasEvilLine(c.Stdin) {
		return "a line of the input"
	}
	return ""
}

// faultOfFile is what a hostile value makes of a file.
func faultOfFile(file, content string, s site) string {
	switch {
	case s.means("a name") && filepath.Dir(file) != "/etc":
	case !s.means("a path") && strings.Contains(strings.ToLower(file), "evil"):
		return "a file"
	case s.means("content", "a command"):
	case strings.ContainsRune(content, 0):
		return "a zero byte"
	case hasEvilLine(content):
		return "a line"
	}
	return ""
}

func hasEvilLine(content string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(content, func(r rune) bool { return r == '\n' || r == '\r' }), func(line string) bool {
		return strings.HasPrefix(line, "Evil") || strings.HasPrefix(line, "[Evil") || strings.HasPrefix(line, "ExecStart")
	})
}
