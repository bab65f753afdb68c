package cloudconfig

import (
	"fmt"
	"net/netip"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/names"
	"cloudseed/host"
)

// Names are the guest's names as the configuration, the metadata or else the
// system has them.
type Names struct {
	Short, Full         string // Full has a domain, where one is known
	shortFrom, fullFrom origin
	guessed             bool // nobody gave a name: they are the system's own
}

// origin is where a name is from, for messages.
type origin struct {
	key   string // of the configuration, or ""
	pos   config.Pos
	other string // what else it is from
}

// NamesOf returns the names of a configuration, the metadata's hostname and a guest. It
// follows cloud-init's order: fqdn; a hostname with a dot in it;
// hostname beside the domain name of the metadata; the metadata; the system.
//
// Difference from cloud-init: a hostname may be a number, which cloud-init
// crashes on.
//
// Difference from cloud-init: where fqdn is not given, hostname loses only to a
// name of the metadata that has a domain. On RHEL cloud-init also prefers one
// without, and without any metadata the system's old name or "localhost".
func NamesOf(c *config.Config, metadata string, h *host.Host) Names {
	hostname, fqdn := strings.TrimSpace(c.Get("hostname").Text()), strings.TrimSpace(c.Get("fqdn").Text())
	if fqdn != "" {
		from := originOf(c, "fqdn")
		if hostname == "" {
			short, _, _ := strings.Cut(fqdn, ".")
			return Names{Short: short, Full: fqdn, shortFrom: from, fullFrom: from}
		}
		return Names{Short: hostname, Full: fqdn, shortFrom: originOf(c, "hostname"), fullFrom: from}
	}
	from := originOf(c, "hostname")
	if strings.Index(hostname, ".") > 0 {
		short, _, _ := strings.Cut(hostname, ".")
		return Names{Short: short, Full: hostname, shortFrom: from, fullFrom: from}
	}
	given := MetadataNames(metadata, h)
	if hostname == "" {
		return given
	}
	n := Names{Short: hostname, Full: hostname, shortFrom: from, fullFrom: from}
	if strings.Contains(given.Full, ".") && (!given.guessed || given.Short == hostname) {
		n.Full, n.fullFrom = given.Full, given.fullFrom
	}
	return n
}

func originOf(c *config.Config, key string) origin { return origin{key: key, pos: c.Get(key).Pos()} }

// MetadataNames returns the names of the metadata's hostname or, when there is none, the guest's.
func MetadataNames(metadata string, h *host.Host) Names {
	var n Names
	from := origin{other: "the hostname of the seed's metadata"}
	name := strings.TrimSpace(metadata)
	if name == "" {
		n.guessed, from.other = true, "the system's own hostname"
		name = names.OfSystem(h)
	} else if address, err := netip.ParseAddr(name); err == nil && address.Is4() {
		name = "ip-" + strings.ReplaceAll(name, ".", "-")
	}
	n.shortFrom, n.fullFrom = from, from
	n.Short, n.Full = names.Split(name)
	return n
}

// IsDefault reports whether the names are those of a machine that was never named.
// They are not set: whoever names it later, DHCP for one, must find it free.
func (n Names) IsDefault() bool { return n.guessed && n.Short == "localhost" }

// Choose returns the one name of the two that the machine gets: the full one if it is
// preferred, as on RHEL. A name that no system would take is reported, and "" returned.
//
// Difference from cloud-init: a full name that is longer than the kernel takes
// gives way to the short one, with a warning.
//
// Difference from cloud-init: a name with characters that no hostname may have is
// refused. hostnamectl would take it as a "pretty" name and set another, made of
// what characters it likes.
func (n Names) Choose(preferFull bool, found *config.Findings) string {
	name, from := n.Full, n.fullFrom
	if !preferFull && n.Short != "" {
		name, from = n.Short, n.shortFrom
	}
	name = strings.TrimSuffix(name, ".") // of a name as DNS writes it
	fault := names.Fault(name)
	if fault == "" {
		return name
	}
	if short := n.Short; len(name) > host.MaxHostname && name != short && names.Fault(short) == "" {
		from.report(found, config.Warning, fmt.Sprintf("%s %s; the short name %s is used", config.Quoted(name), fault, short))
		return short
	}
	from.report(found, config.Error, fmt.Sprintf("%s %s; the hostname was unchanged", config.Quoted(name), fault))
	return ""
}

func (o origin) report(found *config.Findings, severity config.Severity, message string) {
	if o.key == "" {
		message = o.other + ": " + message
	}
	found.At(o.pos, o.key).Reportf(severity, "%s", message)
}
