package modules

import (
	"fmt"
	"net/netip"
	"strings"

	"cloudseed/config"
	"cloudseed/host"
)

// hostnameKeys are the keys of set_hostname and update_hostname.
type hostnameKeys struct {
	PreserveHostname   bool   `key:"preserve_hostname" doc:"leave the hostname as it is" default:"false"`
	Hostname           string `key:"hostname" doc:"the hostname, short or with its domain"`
	FQDN               string `key:"fqdn" doc:"the fully qualified domain name"`
	PreferFQDN         *bool  `key:"prefer_fqdn_over_hostname" doc:"use the fully qualified name as the hostname, if there is one" default:"true"`
	CreateHostnameFile *bool  `key:"create_hostname_file" doc:"write the name to /etc/hostname, so that it lasts" default:"true"`
}

// names are the guest's names as the configuration, the metadata or else the
// system has them.
type names struct {
	short, full         string // full has a domain, where one is known
	shortFrom, fullFrom origin
	guessed             bool // nobody gave a name: they are the system's own
}

// origin is where a name is from, for messages.
type origin struct {
	key   string // of the configuration, or ""
	pos   config.Pos
	other string // what else it is from
}

// HostnameGiven tells whether the configuration or the metadata has a hostname, so
// that it can be set before the network starts.
func HostnameGiven(e *Env) bool {
	return e.Instance.Hostname != "" || !e.Config.Get("hostname").IsNull() || !e.Config.Get("fqdn").IsNull()
}

// localDomain is a domain that says nothing.
const localDomain = "localdomain"

// findNames follows cloud-init's order: fqdn; a hostname with a dot in it;
// hostname beside the domain name of the metadata; the metadata; the system.
//
// Difference from cloud-init: a hostname may be a number, which cloud-init
// crashes on.
//
// Difference from cloud-init: where fqdn is not given, hostname loses only to a
// name of the metadata that has a domain. On RHEL cloud-init also prefers one
// without, and without any metadata the system's old name or "localhost".
func findNames(e *Env, keys *hostnameKeys) names {
	hostname, fqdn := strings.TrimSpace(keys.Hostname), strings.TrimSpace(keys.FQDN)
	if fqdn != "" {
		from := originOf(e, "fqdn")
		if hostname == "" {
			short, _, _ := strings.Cut(fqdn, ".")
			return names{short: short, full: fqdn, shortFrom: from, fullFrom: from}
		}
		return names{short: hostname, full: fqdn, shortFrom: originOf(e, "hostname"), fullFrom: from}
	}
	from := originOf(e, "hostname")
	if strings.Index(hostname, ".") > 0 {
		short, _, _ := strings.Cut(hostname, ".")
		return names{short: short, full: hostname, shortFrom: from, fullFrom: from}
	}
	given := metadataNames(e)
	if hostname == "" {
		return given
	}
	n := names{short: hostname, full: hostname, shortFrom: from, fullFrom: from}
	if strings.Contains(given.full, ".") && (!given.guessed || given.short == hostname) {
		n.full, n.fullFrom = given.full, given.fullFrom
	}
	return n
}

func originOf(e *Env, key string) origin { return origin{key: key, pos: e.Config.Get(key).Pos()} }

// metadataNames are the names of the metadata or, when it has none, the system's.
func metadataNames(e *Env) names {
	var n names
	from := origin{other: "the hostname of the seed's metadata"}
	name := strings.TrimSpace(e.Instance.Hostname)
	if name == "" {
		n.guessed, from.other = true, "the system's own hostname"
		name = systemName(e.Host)
	} else if address, err := netip.ParseAddr(name); err == nil && address.Is4() {
		name = "ip-" + strings.ReplaceAll(name, ".", "-")
	}
	short, domain, _ := strings.Cut(name, ".")
	n.short, n.full, n.shortFrom, n.fullFrom = short, name, from, from
	if domain == localDomain || domain == "" {
		n.full = short
	}
	return n
}

// systemName is the name that the system has already, with its domain if
// /etc/hosts knows it.
func systemName(h *host.Host) string {
	name, err := h.Hostname()
	if err != nil || name == "" || name == "(none)" { // the kernel's word for it
		return "localhost"
	}
	if full := nameInHosts(h, name); strings.Contains(full, ".") {
		return full
	}
	return name
}

// nameInHosts is the first name of the line of /etc/hosts that has name as an
// alias.
func nameInHosts(h *host.Host, name string) string {
	data, err := h.ReadFile("/etc/hosts")
	if err != nil {
		return "" // without the file there is no domain to find
	}
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		for i := 2; i < len(fields); i++ {
			if fields[i] == name {
				return fields[1]
			}
		}
	}
	return ""
}

// isDefault tells whether the names are those of a machine that was never named.
// They are not set: whoever names it later, DHCP for one, must find it free.
func (n names) isDefault() bool { return n.guessed && n.short == "localhost" }

// choose is the one name of the two that the machine gets. RHEL's is the full one
// unless the configuration says otherwise. A name that no system would take gives
// a problem and no name.
//
// Difference from cloud-init: a full name that is longer than the kernel takes
// gives way to the short one, with a warning.
//
// Difference from cloud-init: a name with characters that no hostname may have is
// refused. hostnamectl would take it as a "pretty" name and set another, made of
// what characters it likes.
func (n names) choose(keys *hostnameKeys) (string, *config.Problem) {
	name, from := n.full, n.fullFrom
	if keys.PreferFQDN != nil && !*keys.PreferFQDN && n.short != "" {
		name, from = n.short, n.shortFrom
	}
	name = strings.TrimSuffix(name, ".") // of a name as DNS writes it
	fault := hostnameFault(name)
	if fault == "" {
		return name, nil
	}
	if short := n.short; len(name) > host.MaxHostname && name != short && hostnameFault(short) == "" {
		return short, from.problem(config.Warning, fmt.Sprintf("%s %s; the short name %s is used", config.Quoted(name), fault, short))
	}
	return "", from.problem(config.Error, fmt.Sprintf("%s %s; the hostname was unchanged", config.Quoted(name), fault))
}

func (o origin) problem(severity config.Severity, message string) *config.Problem {
	if o.key == "" {
		message = o.other + ": " + message
	}
	return &config.Problem{Severity: severity, Pos: o.pos, Key: o.key, Message: message}
}

// hostnameFault says what is wrong with a hostname, "" when nothing is: hostname(7)
// and systemd's own check, and the underscore, which the kernel takes and people use.
func hostnameFault(name string) string {
	if name == "" {
		return "is empty"
	}
	if len(name) > host.MaxHostname {
		return fmt.Sprintf("has %d characters, and a hostname can have %d", len(name), host.MaxHostname)
	}
	for _, r := range name {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.", r)) {
			return fmt.Sprintf("has the character %q, and a hostname can have letters a to z, digits, '-', '_' and '.'", r)
		}
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" {
			return "has an empty part beside a dot"
		}
		if strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return "has a part that begins or ends with '-'"
		}
	}
	return ""
}

// applyHostname names the machine: now, through the kernel, and for later boots,
// through /etc/hostname. hostnamectl does the same over D-Bus, which does not run
// yet when the network needs the name.
func applyHostname(e *Env, keys *hostnameKeys, name string) error {
	if keys.CreateHostnameFile == nil || *keys.CreateHostnameFile {
		if _, err := e.Host.WriteFile("/etc/hostname", []byte(name+"\n"), host.File{KeepMeta: true}); err != nil {
			return err
		}
	}
	return e.Host.SetHostname(name)
}
