package schema_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/modules"
	"cloudseed/network/read"
	"cloudseed/schema"
	"cloudseed/secret"
	"cloudseed/userdata"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the messages that there are now")

const head = "#cloud-config\n"

// mistakes are what people get wrong. The messages are in testdata/mistakes.txt, each
// below its sentence: where, what was expected, what was found.
var mistakes = []struct{ name, kind, input string }{
	{"a tab indents a key", "u", head + "users:\n\t- name: ann\n"},
	{"a colon is missing", "u", head + "hostname web1\n"},
	{"a blank after the colon is missing", "u", head + "hostname:web1\ntimezone: UTC\n"},
	{"a double quote is never closed", "u", head + "hostname: \"web1\nruncmd:\n- ls\n"},
	{"a single quote is never closed", "u", head + "final_message: 'it's done\n"},
	{"a square bracket is never closed", "u", head + "runcmd: [ls, -l\nhostname: a\n"},
	{"a brace is never closed", "u", head + "users: [{name: ann]\nhostname: a\n"},
	{"a key is indented too little", "u", head + "write_files:\n  - path: /x\n content: a\n"},
	{"a key is indented too far", "u", head + "hostname: a\n  timezone: UTC\n"},
	{"a key stands twice", "u", head + "hostname: a\nhostname: b\n"},
	{"a tag is unknown", "u", head + "hostname: !secret a\n"},
	{"a tag of Python's runs code", "u", head + "hostname: !!python/object/apply:os.system [ls]\n"},
	{"a second document follows", "u", head + "hostname: a\n---\nhostname: b\n"},
	{"a key is a list", "u", head + "? [a, b]\n: c\n"},
	{"a backslash stands before a letter that has no meaning", "u", head + "hostname: \"a\\qb\"\n"},
	{"an alias has no anchor", "u", head + "hostname: *name\n"},
	{"a text begins with a percent sign", "u", head + "hostname: %a\n"},
	{"a text begins with an at sign", "u", head + "password: @home\n"},
	{"a template was never filled in", "u", head + "hostname: {{ name }}\n"},
	{"a dash stands before a key of a map", "u", head + "hostname: a\n- timezone: UTC\n"},
	{"a value has a second colon", "u", head + "hostname: a: b\n"},
	{"the whole is a list", "u", head + "- hostname\n"},
	{"the whole is one text", "u", head + "hello\n"},
	{"a character is not allowed", "u", head + "hostname: a\x01b\n"},
	{"the text is not UTF-8", "u", head + "hostname: a\xffb\n"},

	{"a byte order mark stands first", "u", "\xef\xbb\xbf" + head + "hostname: a\n"},
	{"three dashes stand before the header", "u", "---\n" + head + "hostname: a\n"},
	{"the header has a blank in place of the hyphen", "u", "#cloud config\nhostname: a\n"},
	{"the header has a blank after the hash", "u", "# cloud-config\nhostname: a\n"},
	{"the header is missing", "u", "hostname: a\n"},
	{"it is a page of errors", "u", "<!DOCTYPE html>\n<html><body>404</body></html>\n"},
	{"it is base64 of user data", "u", base64.StdEncoding.EncodeToString([]byte(head + "hostname: a\n"))},
	{"it is an Ignition configuration", "u", `{"ignition": {"version": "3.0.0"}}`},
	{"it is UTF-16", "u", "\xff\xfe#\x00c\x00l\x00o\x00u\x00d\x00-\x00c\x00o\x00n\x00f\x00i\x00g\x00\n\x00"},
	{"it is neither script nor configuration", "u", "hello world\n"},
	{"it is compressed and cut short", "u", squeezed(head + "hostname: abcdefghijklmnop\n")[:30]},

	{"an unknown key", "u", head + "hostnam: a\n"},
	{"a hyphen in place of an underscore", "u", head + "write-files: []\n"},
	{"an unknown key that is like no other", "u", head + "frobnicate: 1\n"},
	{"network configuration in user data", "u", head + "network:\n  version: 2\n"},
	{"a list of datasources in user data", "u", head + "datasource_list: [NoCloud]\n"},
	{"user data in user data", "u", head + "hostname: a\nuser_data: '#!/bin/sh'\n"},
	{"an unknown key of a file", "u", head + "write_files:\n- path: /x\n  mode: '0644'\n"},
	{"an unknown key of chpasswd", "u", head + "chpasswd:\n  expires: false\n"},
	{"a truth that is neither", "u", head + "ssh_deletekeys: maybe\n"},
	{"a list where a text is wanted", "u", head + "hostname: [a]\n"},
	{"keys where a text is wanted", "u", head + "timezone: {zone: UTC}\n"},
	{"a text where a list is wanted", "u", head + "write_files: /etc/motd\n"},
	{"keys where a list is wanted", "u", head + "write_files:\n  path: /x\n  content: a\n"},
	{"a hostname with a blank", "u", head + "hostname: my host\n"},
	{"a hostname that is too long", "u", head + "hostname: " + strings.Repeat("a", 70) + "\n"},
	{"an event that there is not", "u", head + "updates: {network: {when: [always]}}\n"},
	{"host keys of a type that there is not", "u", head + "ssh_genkeytypes: [rsa, foo]\n"},
	{"an authorized key that is none", "u", head + "ssh_authorized_keys: [hello]\n"},
	{"ssh_pwauth that is neither", "u", head + "ssh_pwauth: sometimes\n"},

	{"permissions that are letters", "u", head + "write_files:\n- {path: /x, permissions: rw-r--r--}\n"},
	{"permissions without quotes and zero", "u", head + "write_files:\n- {path: /x, permissions: 644}\n"},
	{"permissions as a list", "u", head + "write_files:\n- {path: /x, permissions: [6, 4, 4]}\n"},
	{"an owner as a list", "u", head + "write_files:\n- {path: /x, owner: [root, root]}\n"},
	{"an encoding that there is not", "u", head + "write_files:\n- {path: /x, content: a, encoding: base32}\n"},
	{"content that is no base64", "u", head + "write_files:\n- {path: /x, content: abc, encoding: b64}\n"},
	{"content that is not base64, beside a source", "u", head + "write_files:\n- {path: /x, source: {uri: 'https://example.com/x'}, content: abc, encoding: b64}\n"},
	{"content that is no gzip", "u", head + "write_files:\n- {path: /x, content: abc, encoding: gzip}\n"},
	{"content as keys", "u", head + "write_files:\n- path: /x\n  content:\n    a: b\n"},
	{"a file without a path", "u", head + "write_files:\n- content: a\n"},
	{"a file that is a text", "u", head + "write_files: [/etc/motd]\n"},

	{"a user whose name is nothing", "u", head + "users:\n- name:\n"},
	{"a user whose name has a colon", "u", head + "users:\n- name: 'a:b'\n"},
	{"a user whose name is a list", "u", head + "users:\n- name: [a]\n"},
	{"a user that is nothing", "u", head + "users:\n-\n"},
	{"an unknown key of a user", "u", head + "users:\n- {name: ann, sudoers: ALL}\n"},
	{"a top-level key in a user", "u", head + "users:\n- {name: ann, chpasswd: {expire: false}}\n"},
	{"a top-level key in a file", "u", head + "write_files:\n- {path: /x, runcmd: [ls]}\n"},
	{"a user's old spelling", "u", head + "users:\n- {name: ann, lock-passwd: false}\n"},
	{"a user's keys and redirection", "u", head + "users:\n- {name: ann, ssh_redirect_user: true, ssh_authorized_keys: [ssh-ed25519 AAAA a]}\n"},
	{"a system user with keys", "u", head + "users:\n- {name: ann, system: true, ssh_authorized_keys: [ssh-ed25519 AAAA a]}\n"},
	{"users as a number", "u", head + "users: 5\n"},
	{"a group's members as keys", "u", head + "groups:\n- admins: {ann: yes}\n"},

	{"a password's type that there is not", "u", head + "chpasswd: {users: [{name: a, password: b, type: plain}]}\n"},
	{"a password without a user", "u", head + "chpasswd: {users: [{password: b}]}\n"},
	{"a list of passwords without a colon", "u", head + "chpasswd: {list: [root]}\n"},
	{"a password that is a list", "u", head + "password: [hunter2]\n"},
	{"a command with a colon and a blank", "u", head + "runcmd:\n- echo Note: done\n"},
	{"a command that is a number", "u", head + "runcmd:\n- 5\n"},
	{"commands as keys", "u", head + "runcmd:\n  first: ls\n"},
	{"commands as one text", "u", head + "bootcmd: ls -l\n"},

	{"a MIME message without a boundary", "u", "Content-Type: multipart/mixed\nMIME-Version: 1.0\n\n--X\nContent-Type: text/cloud-config\n\nhostname: a\n--X--\n"},
	{"a MIME part of an unknown type", "u", "Content-Type: multipart/mixed; boundary=\"X\"\nMIME-Version: 1.0\n\n--X\nContent-Type: text/x-frob\n\nhostname: a\n--X--\n"},
	{"a MIME part that is broken YAML", "u", "Content-Type: multipart/mixed; boundary=\"X\"\nMIME-Version: 1.0\n\n--X\nContent-Type: text/cloud-config\n\n#cloud-config\nhostname: [a\n--X--\n"},
	{"a MIME part whose base64 is broken", "u", "Content-Type: multipart/mixed; boundary=\"X\"\nMIME-Version: 1.0\n\n--X\nContent-Type: text/cloud-config\nContent-Transfer-Encoding: base64\n\n!!!\n--X--\n"},
	{"an archive that is no list", "u", "#cloud-config-archive\ntype: text/cloud-config\n"},
	{"an archive's item without content", "u", "#cloud-config-archive\n- type: text/cloud-config\n"},
	{"an archive's item of an unknown form", "u", "#cloud-config-archive\n- [a]\n"},
	{"a JSON patch that is no JSON", "u", "#cloud-config-jsonp\n[{op: add}\n"},
	{"a JSON patch with an operation that there is not", "u", "#cloud-config-jsonp\n[{\"op\": \"put\", \"path\": \"/a\", \"value\": 1}]\n"},
	{"a JSON patch of what is not there", "u", "#cloud-config-jsonp\n[{\"op\": \"remove\", \"path\": \"/a\"}]\n"},
	{"an include of what is not there", "u", "#include\nhttp://127.0.0.1/x\n"},
	{"an include of no URL", "u", "#include\nnot a url\n"},
	{"rules for merging that there are not", "u", head + "merge_how: lists(append)\nhostname: a\n"},

	{"a version of the network that there is not", "n", "version: 3\n"},
	{"a network without a version", "n", "renderer: networkd\n"},
	{"an address that is none", "n", "version: 2\nethernets:\n  eth0:\n    addresses: [10.0.0.300/24]\n"},
	{"a gateway that is none", "n", "version: 2\nethernets:\n  eth0:\n    addresses: [10.0.0.3/24]\n    gateway4: nowhere\n"},
	{"ethernets as a list", "n", "version: 2\nethernets:\n- eth0\n"},
	{"a MAC address that is none", "n", "version: 2\nethernets:\n  eth0:\n    match: {macaddress: '52:54'}\n    dhcp4: true\n"},
	{"an unknown key of an ethernet", "n", "version: 2\nethernets:\n  eth0:\n    dhpc4: true\n"},
	{"a VLAN without an id", "n", "version: 2\nvlans:\n  vlan1: {link: eth0}\n"},
	{"a route without a target", "n", "version: 2\nethernets:\n  eth0:\n    addresses: [10.0.0.3/24]\n    routes: [{via: 10.0.0.1}]\n"},
	{"a type of device that there is not", "n", "version: 1\nconfig:\n- {type: ethernet, name: eth0}\n"},
	{"a device without a name", "n", "version: 1\nconfig:\n- {type: physical, subnets: [{type: dhcp}]}\n"},
	{"a type of subnet that there is not", "n", "version: 1\nconfig:\n- {type: physical, name: eth0, subnets: [{type: dynamic}]}\n"},
	{"a static subnet without an address", "n", "version: 1\nconfig:\n- {type: physical, name: eth0, subnets: [{type: static}]}\n"},
	{"config as keys", "n", "version: 1\nconfig: {eth0: dhcp}\n"},
	{"an interfaces file with a word that there is not", "e", "auto eth0\niface eth0 inet dynamic\n"},
	{"an interfaces file with an address that is none", "e", "auto eth0\niface eth0 inet static\n  address 10.0.0.300\n"},
	{"an interfaces file with an option of no interface", "e", "address 10.0.0.3\n"},
	{"network_data.json of a type that there is not", "o", `{"links": [{"id": "a", "type": "phy", "ethernet_mac_address": "52:54:00:00:00:01"}], "networks": [{"id": "n", "link": "a", "type": "ipv5"}]}`},
	{"network_data.json whose links are no list", "o", `{"links": {}, "networks": []}`},
}

func squeezed(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.String()
}

// said is what is said of an input.
func said(ctx context.Context, kind, input string) []config.Problem {
	if kind == "u" {
		include := func(_ context.Context, url string, _ bool) ([]byte, error) {
			return nil, fmt.Errorf("cannot fetch %s: the server says 404 Not Found", url)
		}
		r := userdata.ProcessPieces(ctx, "user-data", []userdata.Piece{{Name: "user-data", Content: secret.NewBytes([]byte(input))}},
			userdata.Options{KnownKeys: modules.Keys(), Fetch: include})
		return append(r.Problems, schema.CloudConfig(r.CloudConfig)...)
	}
	if kind == "e" {
		_, problems := read.ENI("interfaces", input, nil)
		return problems
	}
	v, problems, err := yaml.Parse("network-config", []byte(input))
	if err != nil {
		p := config.Problem{Message: err.Error()}
		errors.As(err, &p)
		return append(problems, p)
	}
	if kind == "o" {
		_, more := read.OpenStack(v, nil)
		return append(problems, more...)
	}
	return append(problems, schema.NetworkConfig(v)...)
}

func TestMistakesAreExplained(t *testing.T) {
	t.Parallel()
	const golden = "testdata/mistakes.txt"
	var out strings.Builder
	for _, m := range mistakes {
		fmt.Fprintf(&out, "%s\n", m.name)
		problems := said(t.Context(), m.kind, m.input)
		if len(problems) == 0 {
			t.Errorf("nothing is said of this: %s", m.name)
		}
		for _, p := range problems {
			fmt.Fprintf(&out, "    %s: %s\n", p.Severity, p.Error())
			if p.Pos.Line == 0 || p.Pos.Column == 0 {
				t.Errorf("%s: without line and column: %s", m.name, p.Error())
			}
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Error(diff)
	}
}
