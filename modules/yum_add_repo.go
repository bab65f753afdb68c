package modules

import (
	"context"
	"path"
	"slices"
	"strings"
	"unicode"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/state"
)

type yumReposKeys struct {
	Repos *config.Value `key:"yum_repos" takes:"map(map(text|bool|list(text|bool))|nothing)" doc:"Repositories by their ids, each with options of dnf.conf(5), of which it must have baseurl, metalink or mirrorlist. A list is written a line each. overwrite: true, which is not written, replaces a file that is there."`
	Dir   string        `key:"yum_repo_dir" default:"/etc/yum.repos.d" doc:"The directory of the files, ID.repo."`

	repos []yumRepo // what Check read of yum_repos
}

// yumRepo is a repository to write.
type yumRepo struct {
	at        config.Cursor
	id        string
	options   []config.Entry[string] // as they are written
	overwrite bool
	secret    bool // a password is among them
}

var yumAddRepo = Of[yumReposKeys]{
	Name:       "yum_add_repo",
	Stage:      ConfigStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"yum_repos"},
	Repeatable: true,
	Doc: "Adds repositories for dnf and yum, a file each. A file that is there is changed only where the repository " +
		"says overwrite: true. An option that dnf does not know is written, with a warning.",
	Example: "yum_repos:\n  epel:\n    name: Extra Packages\n    baseurl: https://dl.fedoraproject.org/pub/epel/9/Everything/x86_64/\n    enabled: true\n    gpgcheck: true\n    gpgkey: https://dl.fedoraproject.org/pub/epel/RPM-GPG-KEY-EPEL-9\n",
	Check:   checkYumRepos,
	Run:     runYumRepos,
}.Module()

// repoOptions are those of repositories in dnf.conf(5), dnf5.conf(5) and yum.conf(5).
var repoOptions = strings.Fields(`
	async baseurl bandwidth build_cache cost countme deltarpm deltarpm_percentage enabled enabled_metadata enablegroups
	exclude excludepkgs failovermethod fastestmirror gpgcheck gpgkey gpgcakey http_caching includepkgs ip_resolve keepalive
	keepcache localpkg_gpgcheck max_parallel_downloads mdpolicy mediaid metadata_expire metadata_expire_filter metalink
	minrate mirrorlist mirrorlist_expire module_hotfixes name password pkg_gpgcheck priority protect proxy proxy_auth_method
	proxy_password proxy_sslcacert proxy_sslclientcert proxy_sslclientkey proxy_sslverify proxy_username repo_gpgcheck
	repositoryid retries skip_if_unavailable ssl_check_cert_permissions sslcacert sslclientcert sslclientkey sslverify
	sslverifystatus throttle timeout type ui_repoid_vars user_agent username`)

var (
	repoID     = pattern(`^[A-Za-z0-9_:][A-Za-z0-9_:.-]*$`) // as dnf has it; none that hides a file or looks like an option
	repoOption = pattern(`^[a-z0-9_]+$`)
)

func checkYumRepos(e *Env, keys *yumReposKeys) {
	keys.repos = nil
	all := e.At("yum_repos")
	if !all.IsNull() && all.Kind() != config.Map {
		all.Errorf("expected repositories by their ids, got %s; none is added", config.KindInWords(all.Value()))
	}
	for _, entry := range all.Entries() {
		r := yumRepo{at: entry.Value, id: strings.ReplaceAll(entry.Key, " ", "-")}
		switch {
		case !repoID().MatchString(r.id):
			r.at.Errorf("%q is not the id of a repository: it has letters, digits and -_.: and begins with neither - nor a dot; skipped", entry.Key)
		case slices.ContainsFunc(keys.repos, func(other yumRepo) bool { return other.id == r.id }):
			r.at.Warnf("there is a repository %s before; skipped", r.id)
		case !r.at.IsNull() && r.at.Kind() != config.Map:
			r.at.Errorf("expected the repository's options, got %s; skipped", config.KindInWords(r.at.Value()))
		case r.read():
			keys.repos = append(keys.repos, r)
		}
	}
}

// read reads a repository's options, and reports whether it is one.
func (r *yumRepo) read() bool {
	for _, entry := range r.at.Entries() {
		name := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(entry.Key)), "-", "_")
		value := entry.Value
		switch {
		case name == "overwrite":
			is, ok := value.Value().Bool()
			if !ok {
				value.Errorf("expected a boolean; taken as false")
			}
			r.overwrite = is
			continue
		case !repoOption().MatchString(name):
			value.Errorf("%q is not the name of an option; skipped", entry.Key)
			continue
		case !slices.Contains(repoOptions, name):
			value.Warnf("dnf has no such option%s; it is written", config.DidYouMean(name, repoOptions))
		}
		text, ok := optionText(value)
		if !ok {
			continue
		}
		r.secret = r.secret || strings.Contains(name, "password") || strings.Contains(text, "@")
		at := slices.IndexFunc(r.options, func(o config.Entry[string]) bool { return o.Key == name })
		if at < 0 {
			r.options = append(r.options, config.Entry[string]{Key: name, Value: text})
		} else {
			value.Warnf("the option %s is there twice; this one counts", name)
			r.options[at].Value = text
		}
	}
	if !slices.ContainsFunc(r.options, func(o config.Entry[string]) bool {
		return o.Key == "baseurl" || o.Key == "metalink" || o.Key == "mirrorlist"
	}) {
		r.at.Warnf("the repository has none of baseurl, metalink and mirrorlist; skipped")
		return false
	}
	return true
}

// optionText is a value as dnf reads it: 1 or 0, or a line for each of a list.
func optionText(value config.Cursor) (text string, ok bool) {
	switch value.Kind() {
	case config.List:
		var lines []string
		for _, item := range value.Items() {
			line, ok := optionText(item)
			if !ok {
				return "", false
			}
			lines = append(lines, line)
		}
		return strings.Join(lines, "\n"), true
	case config.Map, config.Null:
		value.Errorf("expected a string, a number or a boolean, got %s; the option is skipped", config.KindInWords(value.Value()))
		return "", false
	case config.Bool:
		if is, _ := value.Value().Bool(); is {
			return "1", true
		}
		return "0", true
	}
	text = value.Value().PyStr()
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		value.Errorf("the value holds a control character; the option is skipped")
		return "", false
	}
	return text, true
}

func runYumRepos(_ context.Context, e *Env, keys *yumReposKeys) error {
	dir := keys.Dir
	if dir == "" {
		dir = "/etc/yum.repos.d"
	}
	for _, r := range keys.repos {
		file := path.Join("/", dir, r.id+".repo")
		if !r.overwrite && e.Host.Exists(file) {
			r.at.Notef("%s is there and is unchanged; overwrite: true replaces it", file)
			continue
		}
		_, err := e.Host.WriteFile(file, r.content(), host.File{Secret: r.secret})
		r.at.Fail(err)
	}
	return nil
}

// content is the file. A line of a value that follows another is indented, so that none
// begins a section or an option.
func (r *yumRepo) content() []byte {
	var b strings.Builder
	b.WriteString("# Written by cloudseed: yum_repos of the instance's configuration.\n[" + r.id + "]\n")
	for _, o := range r.options {
		b.WriteString(o.Key + " = " + strings.ReplaceAll(o.Value, "\n", "\n\t") + "\n")
	}
	b.WriteString("\n")
	return []byte(b.String())
}
