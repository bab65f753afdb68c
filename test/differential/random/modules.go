package random

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Modules is a cloud-config for many modules, and the metadata beside it.
type Modules struct {
	User, Metadata string
	Meant          []string // see UserData
}

// NewModules makes a cloud-config of what people write, and of what they might. What is plain
// is the same but for the parts that are meant to come out otherwise.
func NewModules(r *rand.Rand, plain bool) Modules {
	made := UserData{}
	m := maker{gen{r}, &made, plain}
	sections := []func(maker) string{
		maker.users, maker.groups, maker.passwords, maker.keys, maker.names, maker.writeFiles, maker.commands, maker.packages,
		maker.repositories, maker.places, maker.mounts, maker.seeds,
	}
	m.Shuffle(len(sections), func(i, j int) { sections[i], sections[j] = sections[j], sections[i] })
	var b strings.Builder
	b.WriteString(pick(m.gen, "#cloud-config\n", "#cloud-config\n", "#cloud-config\n---\n", "#cloud-config\n# vim: syntax=yaml\n\n"))
	for _, section := range sections {
		if s := m.apart(); s.one(2) {
			b.WriteString(section(s.apart()))
			if s.one(6) {
				b.WriteString(pick(s.gen, "\n", "# a comment\n", "\n\n"))
			}
		}
	}
	text := b.String()
	if d := m.apart(); d.one(25) {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	// Without a name, what becomes of the machine's old one is compared by inputs of our own.
	metadata := "local-hostname: " + pick(m.gen, "meta1", "meta1.example.org", "192.0.2.7", "Meta.Example.ORG") + "\n"
	if d := m.apart(); d.one(2) {
		metadata += "public-keys: [" + pick(d.gen, publicKeys...) + "]\n"
	}
	return Modules{User: text, Metadata: metadata, Meant: made.Meant}
}

// publicKeys are real ones: others are refused.
var publicKeys = []string{
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJL5G1q4gJqDqnCnbXFGqVdDPGH9FyqvGdNUFJ0hhhJE jane@example",
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDkha2Y1GXCZgLzRGfsL0U7xKOMXeR35Mjqn+z/d9+wS",
	"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEePacyaRTnSvQ3VvQLihL0Xu8EUcays/MmcqUTD+mSIKGv010uq5sHHwdF0cPzeCB2hkpeKICS3UwagVW00yAo= a b c",
}

// words are a value as it stands, or in any quotes.
func (m maker) words(choices ...string) string {
	text := pick(m.gen, choices...)
	if m.one(2) {
		return text
	}
	return m.quoted(text)
}

// truth is a boolean in the words of YAML 1.1.
func (m maker) truth() string {
	return pick(m.gen, "true", "false", "True", "False", "yes", "no", "on", "off", "TRUE", "No")
}

// inList is a list of one to three, in either style, behind a key.
func (m maker) inList(indent int, item func(maker) string) string {
	var items []string
	for range 1 + m.IntN(3) {
		items = append(items, item(m.apart()))
	}
	if m.one(2) {
		return " [" + strings.Join(items, ", ") + "]\n"
	}
	dash := "\n" + strings.Repeat(" ", indent+pick(m.gen, 0, 2)) + "- "
	return dash + strings.Join(items, dash) + "\n"
}

func (m maker) userName() string {
	return pick(m.gen, "jane", "john", "app-1", "svc_web", "o.k", "Bob")
}

// users are entries of all forms; names differ, since what becomes of the second is another subject.
func (m maker) users() string {
	if m.one(12) {
		return pick(m.gen, "users: []\n", "users: {}\n", "user: jane\n", "users: [default]\n", "users:\n  - ssh-authorized-keys: "+publicKeys[0]+"\n    name: default2\n")
	}
	var b strings.Builder
	b.WriteString("users:\n")
	if m.one(2) {
		b.WriteString("- default\n")
	}
	seen := map[string]bool{}
	for range 1 + m.IntN(3) {
		u := m.apart()
		name := u.userName()
		if seen[name] {
			continue
		}
		seen[name] = true
		if u.one(6) {
			b.WriteString("- " + name + "\n")
			continue
		}
		b.WriteString("- name: " + name + "\n")
		for _, field := range u.fieldsOfUser(name) {
			b.WriteString("  " + field + "\n")
		}
	}
	return b.String()
}

// uids are the numbers of users: no two may have the same.
var uids = map[string]string{"jane": "2000", "john": `"2001"`, "app-1": "0x7d2", "svc_web": "2_003", "o.k": "2004", "Bob": "'2005'"}

func (m maker) fieldsOfUser(name string) []string {
	var fields []string
	add := func(n int, make func(maker) string) {
		if f := m.apart(); f.one(n) {
			fields = append(fields, make(f.apart()))
		}
	}
	add(2, func(m maker) string {
		return "gecos: " + m.quoted(pick(m.gen, "Jane Doe", "grüße ☃", "a, b", "it's", `say "hi"`, "# no comment", "- item", "yes"))
	})
	add(3, func(m maker) string {
		return pick(m.gen, "groups: ", "groups: ") + pick(m.gen, "wheel", "wheel, adm", "'wheel,new'", "[wheel, adm]", "[new]", `"adm"`, "[wheel, new, other]")
	})
	add(3, func(m maker) string { return "shell: " + pick(m.gen, "/bin/bash", "/bin/sh", "/sbin/nologin") })
	add(4, func(m maker) string {
		return pick(m.gen, "primary_group: ", "primary-group: ") + pick(m.gen, "users", "adm")
	})
	add(5, func(m maker) string { return "uid: " + uids[name] })
	add(6, func(m maker) string { return "homedir: /homes/" + pick(m.gen, "a", "b/c") })
	add(6, func(m maker) string { return "expiredate: '2032-09-01'" })
	add(6, func(m maker) string { return "inactive: '5'" })
	add(8, func(m maker) string { return pick(m.gen, "selinux_user: ", "selinux-user: ") + "staff_u" })
	add(8, func(m maker) string { return pick(m.gen, "no_log_init: ", "no-log-init: ") + m.truth() })
	add(8, func(m maker) string { return pick(m.gen, "no_user_group: ", "no-user-group: ") + m.truth() })
	add(2, func(m maker) string {
		return "sudo: " + pick(m.gen, "ALL=(ALL) NOPASSWD:ALL", `["ALL=(ALL) NOPASSWD:ALL"]`, "'ALL=(ALL) ALL'", "[ 'ALL=(ALL) ALL', 'ALL=(root) /bin/ls' ]", "null", "false", "~")
	})
	add(2, func(m maker) string {
		return pick(m.gen, "ssh_authorized_keys:", "ssh-authorized-keys:") + strings.TrimSuffix(m.inList(2, func(m maker) string { return m.quoted(pick(m.gen, publicKeys...)) }), "\n")
	})
	add(4, func(m maker) string { return pick(m.gen, "lock_passwd: true", "lock-passwd: true", "lock_passwd: yes") })
	add(4, func(m maker) string {
		return pick(m.gen, "hashed_passwd: $6$x$y", "plain_text_passwd: secret", `plain_text_passwd: "p:a#s s"`, "passwd: $6$rounds=4096$a$b", "passwd: '$6$a$b'")
	})
	if m.meant(12, "An account that is not locked is not unlocked") {
		fields = append(fields, "lock_passwd: false", "plain-text-passwd: x")
	}
	// What people write there, and nothing reads.
	add(12, func(m maker) string { return "chpasswd: { expire: False }" })
	return fields
}

func (m maker) groups() string {
	return "groups:" + pick(m.gen, " [one, two]\n", "\n- one\n- two\n", "\n  - one\n", " [wheel]\n", " one\n")
}

func (m maker) passwords() string {
	var b strings.Builder
	if m.one(2) {
		b.WriteString("password: " + m.words("secret", "passw0rd", "$6$abc$defghijk") + "\n")
	}
	if m.one(2) {
		b.WriteString("ssh_pwauth: " + pick(m.gen, m.truth(), m.truth(), "unchanged", `"yes"`, "'False'") + "\n")
	}
	if m.one(3) {
		return b.String()
	}
	b.WriteString("chpasswd:\n")
	if m.one(2) {
		b.WriteString("  expire: " + m.truth() + "\n")
	}
	b.WriteString(pick(m.gen,
		"  expire: false\n",
		"  list: |\n    root:secret\n    old:$6$abc$defghijk\n",
		"  list:\n    - root:se:cr:et\n",
		"  list: ['old:x']\n",
		"  users:\n  - {name: root, password: secret, type: text}\n",
		"  users: [{name: old, password: $6$x$y}, {name: root, password: $6$x$z, type: hash}]\n"))
	return b.String()
}

func (m maker) keys() string {
	var b strings.Builder
	if m.one(2) {
		b.WriteString("ssh_authorized_keys:" + m.inList(0, func(m maker) string { return m.quoted(pick(m.gen, publicKeys...)) }))
	}
	if m.one(3) {
		b.WriteString("disable_root: " + m.truth() + "\n")
	}
	if m.one(5) {
		b.WriteString("disable_root_opts: " + m.words("no-pty", `no-pty,command="echo $USER"`) + "\n")
	}
	if m.one(5) {
		b.WriteString("ssh_deletekeys: " + m.truth() + "\n")
	}
	if m.one(4) {
		b.WriteString("ssh_genkeytypes: " + pick(m.gen, "[rsa]", "[ed25519, ecdsa]", "['ecdsa']", "[]", "\n  - rsa\n  - ed25519") + "\n")
	}
	if m.one(6) {
		b.WriteString("allow_public_ssh_keys: " + m.truth() + "\n")
	}
	if m.one(6) {
		b.WriteString("no_ssh_fingerprints: " + m.truth() + "\n")
	}
	if m.one(6) {
		b.WriteString("authkey_hash: " + pick(m.gen, "sha256", "md5", "sha512") + "\n")
	}
	return b.String()
}

func (m maker) names() string {
	var b strings.Builder
	domain := m.one(2)
	switch {
	case domain:
		b.WriteString("fqdn: " + m.words("web1.example.org", "WEB.Example.ORG", "a-b.c.d") + "\n")
	case m.meant(3, "loses only to a metadata name"):
		b.WriteString("hostname: web1\n")
	default:
		b.WriteString("hostname: " + m.words("web1.example.org", "db.example.net") + "\n")
	}
	if m.one(4) && domain {
		b.WriteString("hostname: other\n")
	}
	const early = "what user data says of the hostname also holds before the network"
	for _, key := range []string{"preserve_hostname", "create_hostname_file", "prefer_fqdn_over_hostname"} {
		if k := m.apart(); k.one(5) {
			if value := k.truth(); k.meant(1, early) {
				b.WriteString(key + ": " + value + "\n")
			}
		}
	}
	if m.one(2) {
		b.WriteString("manage_etc_hosts: " + pick(m.gen, "true", "false", "template", "'True'", "no") + "\n")
	}
	return b.String()
}

func (m maker) writeFiles() string {
	var b strings.Builder
	b.WriteString("write_files:\n")
	for i := range 1 + m.IntN(3) {
		f := m.apart()
		fmt.Fprintf(&b, "- path: %s%d\n", pick(f.gen, "/etc/x", "/srv/a/b/", "/opt/ü ", "srv/", "/a/../b"), i)
		switch f.IntN(4) {
		case 0:
			b.WriteString("  content:" + f.blockText(2))
		case 1:
			b.WriteString("  content: " + f.quoted(pick(f.gen, texts...)) + "\n")
		case 2:
			b.WriteString("  content: aGVsbG8K\n  encoding: " + pick(f.gen, "b64", "base64", "B64") + "\n")
		}
		if f.one(2) {
			b.WriteString("  permissions: " + pick(f.gen, "'0644'", `"0600"`, "'755'", "0o640", "0644", "420", "'0o600'", "'4755'") + "\n")
		}
		if f.one(3) {
			b.WriteString("  owner: " + pick(f.gen, "root:root", "bin:adm", "root", "'bin:'", "old:old", "':adm'") + "\n")
		}
		if f.one(4) {
			b.WriteString("  append: " + f.truth() + "\n")
		}
		if f.one(4) {
			b.WriteString("  defer: " + f.truth() + "\n")
		}
	}
	return b.String()
}

func (m maker) commands() string {
	key := pick(m.gen, "runcmd", "runcmd", "bootcmd")
	if m.meant(10, "a string in place of the list is one command") {
		return key + ": |\n  echo a\n  echo b\n"
	}
	var b strings.Builder
	b.WriteString(key + ":\n")
	for range 1 + m.IntN(4) {
		c := m.apart()
		switch c.IntN(4) {
		case 0:
			b.WriteString("- " + c.quoted(pick(c.gen, texts...)+"x") + "\n")
		case 1:
			b.WriteString("- [" + c.quoted(pick(c.gen, texts...)) + ", " + pick(c.gen, scalarsOfCommands...) + ", " + c.quoted("a b") + "]\n")
		case 2:
			b.WriteString("- " + pick(c.gen, "ls -l /root", "systemctl daemon-reload", "mkdir -p /run/x && cd /run/x", "'echo a: b'", "null", "echo $HOME > /tmp/x") + "\n")
		default:
			b.WriteString("- |\n  if true; then\n    echo \"$x\"\n  fi\n")
		}
	}
	if c := m.apart(); c.meant(15, "only an entry that is no command is skipped, not the whole list") {
		b.WriteString("- echo a: b\n")
	}
	return b.String()
}

// scalarsOfCommands are what an argument may look like.
var scalarsOfCommands = []string{"-l", "5", "1.5", "true", "no", "null", "0x1F", "017", "1e3", "12:30", "~", "a b", "1_000", "'5'", "10.0.0.1", "2001-01-01", ".inf", "+1", "http://h/x"}

func (m maker) packages() string {
	var b strings.Builder
	if m.one(2) {
		b.WriteString(pick(m.gen, "package_update: ", "package_upgrade: ") + m.truth() + "\n")
	}
	if m.one(6) {
		b.WriteString("apt_update: " + m.truth() + "\n")
	}
	if m.one(3) {
		return b.String()
	}
	b.WriteString("packages:\n")
	names := []string{"- vim\n", "- nginx\n", "- [httpd, 2.4.1-1]\n", "- \"@development\"\n", "- 'python3-pip'\n", "- epel-release\n", "- [git, '2.40']\n", "- http://example.org/a.rpm\n"}
	m.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	b.WriteString(strings.Join(names[:1+m.IntN(4)], ""))
	if p := m.apart(); p.meant(10, "are skipped with a note") {
		b.WriteString("- {apt: [nginx]}\n")
	}
	return b.String()
}

func (m maker) repositories() string {
	var b strings.Builder
	b.WriteString("yum_repos:\n")
	for i := range 1 + m.IntN(2) {
		r := m.apart()
		fmt.Fprintf(&b, "  %s%d:\n    %s\n", pick(r.gen, "epel", "my-repo", "a b", "A.b_"), i, pick(r.gen, "baseurl: http://example.org/$releasever/$basearch", "metalink: https://example.org/m?repo=a&arch=b", "mirrorlist: 'https://example.org/m'", "baseurl: [http://a, http://b]", "BaseURL: http://a"))
		for _, field := range []string{
			"name: " + r.quoted(pick(r.gen, "EPEL", "a: b", "grün", "x # y", "a=b")), "enabled: " + r.truth(), "gpgcheck: " + r.truth(),
			"priority: " + pick(r.gen, "10", "'10'", "1_0"), "gpgkey: file:///etc/pki/k", "failovermethod: priority", "skip-if-unavailable: " + r.truth(),
		} {
			if r.one(2) {
				b.WriteString("    " + field + "\n")
			}
		}
	}
	return b.String()
}

func (m maker) places() string {
	var b strings.Builder
	if m.one(2) {
		b.WriteString("timezone: " + m.words("UTC", "Europe/Rome", "Europe/Atlantis") + "\n")
	}
	if m.one(2) {
		b.WriteString("locale: " + m.words("de_DE.UTF-8", "C.UTF-8", "en_US.utf8", "pt_BR.UTF-8") + "\n")
	}
	if m.one(6) {
		b.WriteString("locale: false\n")
	}
	if m.one(4) {
		b.WriteString("final_message: " + m.quoted("done") + "\n")
	}
	return b.String()
}

func (m maker) mounts() string {
	var b strings.Builder
	b.WriteString("mounts:\n")
	for i := range 1 + m.IntN(3) {
		e := m.apart()
		fields := []string{
			pick(e.gen, fmt.Sprintf("UUID=%d-1", i), fmt.Sprintf("LABEL=l%d", i), fmt.Sprintf("'server:/e%d'", i), fmt.Sprintf("/dev/vd%c1", 'b'+i), "tmpfs"),
			pick(e.gen, fmt.Sprintf("/data%d", i), fmt.Sprintf("\"/my data%d\"", i), fmt.Sprintf("/a/b/c%d", i)),
			pick(e.gen, "xfs", "auto", "nfs", "null"), pick(e.gen, "defaults", "'defaults,nofail'", "\"rw,_netdev\"", "null"), pick(e.gen, "'0'", "0", "null"), pick(e.gen, "'2'", "0", "\"0\""),
		}
		b.WriteString("- [" + strings.Join(fields[:2+e.IntN(5)], ", ") + "]\n")
	}
	if m.one(4) {
		b.WriteString("mount_default_fields: [null, null, " + pick(m.gen, "auto", "ext4") + ", " + pick(m.gen, "'defaults,nofail'", "noatime") + ", '0', '2']\n")
	}
	return b.String()
}

func (m maker) seeds() string {
	return "random_seed:\n  file: /dev/urandom\n  data: " + pick(m.gen, "abc\n", "aGVsbG8=\n  encoding: b64\n", "\"x y\"\n  encoding: raw\n", "aGVsbG8=\n  encoding: base64\n  command: [chattr, -v]\n", "x\n  command: [pollinate]\n")
}
