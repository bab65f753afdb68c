package differential

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// way is a difference in how something is done that every machine shows. What it changes of
// what an agent did is not compared.
type way struct {
	reason string // words of docs/differences.md
	cure   func(b *booted, theirs bool) (cured bool)
	used   bool
}

func (w *way) apply(b *booted, theirs bool) {
	if w.cure(b, theirs) {
		w.used = true
	}
}

var ways = []way{
	{reason: "programs that only ask", cure: func(b *booted, _ bool) bool {
		return b.dropCalls(func(c call) bool { return c.starts(questions...) || slices.Equal(c.Argv, []string{"mount"}) })
	}},
	{reason: "they wait if the configuration may need it", cure: func(b *booted, _ bool) bool {
		return b.dropCalls(func(c call) bool { return c.starts("systemctl start network-online.target ") })
	}},
	{reason: "a service is restarted through systemd's own socket", cure: func(b *booted, _ bool) bool {
		return b.eachCall(func(c *call) bool {
			if !c.starts("systemctl try-restart ") {
				return false
			}
			c.Argv = []string{"systemctl", "restart", strings.TrimSuffix(c.Argv[2], ".service"), c.Argv[3]}
			return true
		})
	}},
	{reason: "a password's hash goes to chpasswd's input, not into an argument list", cure: func(b *booted, theirs bool) bool {
		return theirs && b.takePasswordsFromUseradd()
	}},
	{reason: "hostname by hostnamectl, which needs D-Bus", cure: func(b *booted, theirs bool) bool {
		return theirs && b.dropCalls(func(c call) bool { return c.starts("hostnamectl set-hostname ", "hostname ") })
	}},
	{reason: "the script of `bootcmd` has another name", cure: func(b *booted, _ bool) bool {
		return b.eachCall(func(c *call) bool {
			if !c.starts("sh /run/cloud-init/", "sh /var/lib/cloud/instance/scripts/runcmd") || len(c.Argv) != 2 {
				return false
			}
			c.Argv[1] = "/run/cloud-init/SCRIPT"
			return true
		})
	}},
	{reason: "what is run is a copy of the script with a mark before each command", cure: func(b *booted, theirs bool) bool {
		return !theirs && b.eachCall(func(c *call) bool {
			before := c.Script
			c.Script = marks.ReplaceAllString(c.Script, "")
			if c.Script != before && !closingMark.MatchString(before) {
				c.Script = strings.TrimSuffix(c.Script, "\n") // the line of the mark that its last entry has not
			}
			return c.Script != before
		})
	}},
	{reason: "dnf has `strict=0`", cure: func(b *booted, theirs bool) bool {
		return !theirs && b.eachCall(func(c *call) bool {
			before := len(c.Argv)
			c.Argv = slices.DeleteFunc(c.Argv, func(arg string) bool { return slices.Contains(installOptions, arg) })
			return len(c.Argv) != before
		})
	}},
	{reason: "`mounts` mounts its entries one by one", cure: func(b *booted, _ bool) bool {
		return b.dropCalls(func(c call) bool { return c.starts("mount -a ", "mount -- ") })
	}},
	{reason: "a mapping keeps its order", cure: func(b *booted, _ bool) bool { return b.sortRepositories() }},
	{reason: "a mapping keeps its order", cure: func(b *booted, _ bool) bool { return b.sortOptions() }},
	{reason: "restarted by systemctl", cure: func(b *booted, theirs bool) bool {
		return theirs && b.eachCall(func(c *call) bool {
			if !c.starts("service ") || len(c.Argv) != 3 {
				return false
			}
			c.Argv = []string{"systemctl", c.Argv[2], c.Argv[1]}
			return true
		})
	}},
	{reason: "public keys are in the order in which they were given", cure: func(b *booted, _ bool) bool { return b.sortKeys() }},
	{reason: "the file of a public key or certificate ends with a newline", cure: func(b *booted, theirs bool) bool { return theirs && b.endKeys() }},
	{reason: "host keys are generated in the local stage", cure: func(b *booted, _ bool) bool { return b.generateKeysAlike() }},
}

// questions are how programs begin that change nothing.
var questions = []string{
	"blkid ", "dmidecode ", "findmnt ", "growpart --help", "sh -n", "chronyd -v", "chronyd -p", "getent ", "lsblk ", "systemd-detect-virt ", "visudo -c ", "sshd -V", "sshd -t", "systemctl is-", "systemctl show", "systemctl status", "ps ", "rpm -q",
	"udevadm settle", "puppet config print", "python3 -c import pip", "python3 -m pip list", "ansible-pull --version",
}

// marks are what cloudseed puts between the entries of a script that it runs, to know how each ended.
var marks = regexp.MustCompile(`(?m)^__cloudseed_entry\(\) \{.*?return "\$3"; \}; (?:\n\z)?|^\{ __cloudseed_entry \d+ "\$\{_-\}" && : "\$__cloudseed_last"; \} 2>/dev/null(; |\n)`)

// closingMark is that behind the last entry, which a comment has not.
var closingMark = regexp.MustCompile(`2>/dev/null\n\z`)

// installOptions are what package managers are given so that one package does not cost the others.
var installOptions = []string{"--setopt=exit_on_lock=1", "--setopt=strict=0", "--setopt=skip_missing_names_on_install=1"}

// sortRepositories puts the options of repositories into an order.
func (b *booted) sortRepositories() bool {
	sorted := false
	for name, content := range b.files {
		if path.Ext(name) != ".repo" {
			continue
		}
		lines := strings.SplitAfter(content, "\n")
		if len(lines) > 3 && strings.HasPrefix(lines[1], "[") {
			slices.Sort(lines[2:])
			b.files[name] = strings.Join(lines, "")
			sorted = true
		}
	}
	return sorted
}

// sortOptions puts the options of Ansible, and those of MCollective's file, into an order.
func (b *booted) sortOptions() bool {
	sorted := b.eachCall(func(c *call) bool {
		if !c.starts("ansible-pull ", "ansible-playbook ") {
			return false
		}
		slices.SortStableFunc(c.Argv, func(x, y string) int {
			if !strings.HasPrefix(x, "--") || !strings.HasPrefix(y, "--") {
				return 0
			}
			return strings.Compare(x, y)
		})
		return true
	})
	const options = "/etc/mcollective/server.cfg"
	if content, ok := b.files[options]; ok && !strings.Contains(content, "\n[") {
		lines := strings.SplitAfter(content, "\n")
		slices.Sort(lines[1:])
		b.files[options] = strings.Join(lines, "")
		sorted = true
	}
	return sorted
}

// starts tells whether a call begins with one of some words.
func (c call) starts(words ...string) bool {
	line := strings.Join(c.Argv, " ")
	return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(line+" ", w) })
}

func (b *booted) dropCalls(drop func(call) bool) bool {
	before := len(b.calls)
	b.calls = slices.DeleteFunc(b.calls, drop)
	return len(b.calls) != before
}

func (b *booted) eachCall(cure func(*call) bool) bool {
	cured := false
	for i := range b.calls {
		cured = cure(&b.calls[i]) || cured
	}
	return cured
}

// takePasswordsFromUseradd has chpasswd called for the hashes that useradd is given.
func (b *booted) takePasswordsFromUseradd() bool {
	var calls []call
	taken := false
	for _, c := range b.calls {
		at := slices.Index(c.Argv, "--password")
		if !c.starts("useradd ") || at < 0 || at+1 == len(c.Argv) {
			calls = append(calls, c)
			continue
		}
		hash := c.Argv[at+1]
		c.Argv = slices.Delete(slices.Clone(c.Argv), at, at+2)
		calls = append(calls, c, call{Argv: []string{"chpasswd", "-e"}, Stdin: c.Argv[1] + ":" + hash})
		taken = true
	}
	b.calls = calls
	return taken
}

// generateKeysAlike has ssh-keygen called for keys of hosts as cloud-init calls it. They are
// generated at the same time, so their order is any.
func (b *booted) generateKeysAlike() bool {
	isKey := func(c call) bool {
		return c.starts("ssh-keygen ") && slices.Contains(c.Argv, "-t")
	}
	cured := b.eachCall(func(c *call) bool {
		if !isKey(*c) {
			return false
		}
		value := func(option string) string { return c.Argv[slices.Index(c.Argv, option)+1] }
		name := strings.TrimSuffix(strings.TrimPrefix(path.Base(value("-f")), "."), ".cloudseed~")
		c.Argv = []string{"ssh-keygen", "-t", value("-t"), "-N", value("-N"), "-f", "/etc/ssh/" + name}
		return true
	})
	var keys []call
	for _, c := range b.calls {
		if isKey(c) {
			keys = append(keys, c)
		}
	}
	b.dropCalls(isKey)
	slices.SortFunc(keys, func(x, y call) int { return strings.Compare(x.String(), y.String()) })
	b.calls = append(keys, b.calls...)
	return cured
}

// endKeys ends the lines of public keys and certificates of the host, whose order in sshd's
// configuration is any.
func (b *booted) endKeys() bool {
	ended := false
	for name, content := range b.files {
		if path.Dir(name) == "/etc/ssh" && strings.HasSuffix(name, ".pub") && !strings.HasSuffix(content, "\n") {
			b.files[name] = content + "\n"
			ended = true
		}
	}
	return ended
}

// sortKeys puts the lines of authorized_keys into an order: cloud-init has keys in a set, whose
// order is any.
func (b *booted) sortKeys() bool {
	sorted := false
	for name, content := range b.files {
		if path.Base(name) != "authorized_keys" && name != "console" {
			continue
		}
		lines := strings.SplitAfter(content, "\n")
		if len(lines) > 2 && name != "console" {
			slices.Sort(lines[1:])
			b.files[name] = strings.Join(lines, "")
			sorted = true
		}
		if name == "console" {
			slices.SortStableFunc(lines, func(x, y string) int { return strings.Compare(keyShown(x), keyShown(y)) })
			b.files[name] = strings.Join(lines, "")
		}
	}
	return sorted
}

// keyShown is a line of a table of keys; "" if it is another.
func keyShown(line string) string {
	if strings.HasPrefix(line, "ci-info: |") {
		return line
	}
	return ""
}
