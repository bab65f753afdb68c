package random

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"mime/quotedprintable"
	"slices"
	"strings"
)

// UserData is what a seed holds beside its metadata.
type UserData struct {
	User            []byte
	Vendor, Vendor2 string            // JSON; "": there is none
	Index           *int              // the machine's launch index
	System          string            // a file of the system's configuration
	Files           map[string][]byte // what can be included, by absolute paths

	// Meant are the reasons, in the words of docs/differences.md, for which it may come
	// out otherwise than with cloud-init.
	Meant []string
}

// maker makes user data. Whatever cloudseed takes otherwise on purpose is made by meant.
type maker struct {
	gen
	made  *UserData
	plain bool // nothing is to come out otherwise
}

// NewUserData makes user data of every kind. What is plain is the same as what is not,
// but for the parts that are meant to come out otherwise.
func NewUserData(r *rand.Rand, plain bool) UserData {
	made := UserData{Files: map[string][]byte{}}
	m := maker{gen{r}, &made, plain}
	made.User = m.apart().data(0)
	if v := m.apart(); v.one(4) {
		made.Vendor = v.vendor()
	}
	if v := m.apart(); v.one(8) {
		made.Vendor2 = v.vendor()
	}
	if s := m.apart(); s.one(3) {
		made.System = s.fields(s.apart(), 0, 1)
	}
	if i := m.apart(); i.one(3) {
		index := i.IntN(3)
		made.Index = &index
	}
	return made
}

// apart is chance of its own: what is skipped of one thing changes no other.
func (m maker) apart() maker {
	m.gen = gen{rand.New(rand.NewPCG(m.Uint64(), m.Uint64()))}
	return m
}

// meant tells yes once in n times, for something that is meant to come out otherwise.
func (m maker) meant(n int, reason string) bool {
	if !m.one(n) || m.plain {
		return false
	}
	if !slices.Contains(m.made.Meant, reason) {
		m.made.Meant = append(m.made.Meant, reason)
	}
	return true
}

// data is user data of any kind.
func (m maker) data(depth int) []byte {
	var data []byte
	switch n := m.IntN(12); {
	case n < 4:
		data = m.content(depth)
	case n < 7:
		data = m.archive(depth)
	case n < 11:
		data = m.message()
	default:
		data = m.include(depth)
	}
	if m.one(10) {
		data = zipped(data)
	}
	return data
}

func zipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data) // into memory
	_ = w.Close()
	return b.Bytes()
}

// content is a part that is no container, by its first line.
func (m maker) content(depth int) []byte {
	switch n := m.IntN(12); {
	case n < 8:
		return []byte(m.cloudConfig())
	case n < 10:
		return []byte(m.script())
	case n == 10:
		return []byte("#cloud-boothook\n" + pick(m.gen, "", "\n") + m.script())
	case depth == 0 && m.one(2):
		return m.include(1)
	}
	return []byte(m.patch())
}

func (m maker) script() string {
	return "#!" + pick(m.gen, "/bin/sh", "/usr/bin/env python3", " /bin/sh -e") + "\n" + pick(m.gen, "", "echo a\n", "echo b", "printf 'grün'\n\n")
}

// cloudConfig may say how it is merged, and for which machine it is.
func (m maker) cloudConfig() string {
	var b strings.Builder
	b.WriteString(pick(m.gen, "#cloud-config\n", "#cloud-config\n", "#cloud-config\n", "\n#cloud-config\n", "#Cloud-Config\n", "#cloud-config # mine\n"))
	if m.one(20) {
		b.WriteString("---\n")
	}
	if r := m.apart(); r.one(4) {
		fmt.Fprintf(&b, "%s: %s\n", pick(r.gen, "merge_how", "merge_type"), r.rules())
	}
	if i := m.apart(); i.one(12) {
		fmt.Fprintf(&b, "launch-index: %s\n", pick(i.gen, "0", "1", "'2'", "2.0"))
	}
	if v := m.apart(); v.one(20) {
		fmt.Fprintf(&b, "vendor_data: {enabled: %s}\n", pick(v.gen, "false", "true", "'no'"))
	}
	b.WriteString(m.document())
	if f := m.apart(); f.one(8) {
		if !strings.HasSuffix(b.String(), "\n") || strings.Contains(b.String(), "...") {
			b.WriteString("\n")
		}
		b.WriteString(pick(f.gen, faults...))
	}
	return b.String()
}

// rules are rules for merging, as a text or a list.
func (m maker) rules() string {
	of := map[string][]string{
		"list": {"append", "prepend", "replace", "no_replace", "recurse_dict", "recurse_list", "recurse_array", "recurse_str"},
		"dict": {"replace", "no_replace", "recurse_dict", "recurse_list", "recurse_array", "recurse_str", "allow_delete"},
		"str":  {"append"},
	}
	names := []string{"list", "dict", "str"}
	m.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var words, entries []string
	for _, name := range names {
		if name != "dict" && m.one(4) {
			continue // those without a rule for maps are compared by inputs of our own
		}
		var settings []string
		for _, setting := range of[name] {
			if m.one(3) {
				settings = append(settings, setting)
			}
		}
		words = append(words, name+"("+strings.Join(settings, ",")+")")
		entries = append(entries, fmt.Sprintf("{name: %s, settings: [%s]}", name, strings.Join(settings, ", ")))
	}
	if m.one(3) {
		return "[" + strings.Join(entries, ", ") + "]"
	}
	return strings.Join(words, "+")
}

// patch adds a key that nothing else has.
func (m maker) patch() string {
	added := pick(m.gen, `/p%d", "value": "x"`, `/p%d", "value": 5`, `/p%d", "value": true`, `/p%d", "value": null`, `/pl%d", "value": [1]`, `/pm%d", "value": {"a": "b"}`)
	return fmt.Sprintf("#cloud-config-jsonp\n[{\"op\": \"add\", \"path\": \""+added+"}]\n", m.IntN(3))
}

// archive is a cloud-config-archive.
func (m maker) archive(depth int) []byte {
	var b strings.Builder
	b.WriteString("#cloud-config-archive\n")
	for range 1 + m.IntN(4) {
		e := m.apart()
		content := string(e.content(depth + 1))
		if e.one(2) {
			fmt.Fprintf(&b, "- %s\n", e.quoted(content))
			continue
		}
		fmt.Fprintf(&b, "- content: %s\n", e.quoted(content))
		if name := e.filename(); name != "" {
			fmt.Fprintf(&b, "  filename: %s\n", e.quoted(name))
		}
		if e.one(3) {
			fmt.Fprintf(&b, "  type: %s\n", e.typeOf(content))
		}
		if e.one(6) {
			fmt.Fprintf(&b, "  launch-index: %d\n", e.IntN(3))
		}
		if e.one(8) {
			fmt.Fprintf(&b, "  Merge-Type: %s\n", e.quoted(e.headerRules()))
		}
	}
	return []byte(b.String())
}

// headerRules are rules that a header can have: a text.
func (m maker) headerRules() string {
	for {
		if rules := m.rules(); !strings.HasPrefix(rules, "[") {
			return rules
		}
	}
}

// typeOf is the type that a content's first line has, or one that leaves it to that.
func (m maker) typeOf(content string) string {
	if m.one(4) {
		return pick(m.gen, "text/plain", "text/x-not-multipart")
	}
	switch first, _, _ := strings.Cut(strings.TrimLeft(content, " \n"), "\n"); {
	case strings.HasPrefix(first, "#!"):
		return pick(m.gen, "text/x-shellscript", "text/x-shellscript", "text/x-shellscript-per-boot", "text/x-shellscript-per-instance", "text/x-shellscript-per-once", "text/x-unheard-of")
	case strings.HasPrefix(first, "#cloud-boothook"):
		return "text/cloud-boothook"
	case strings.HasPrefix(first, "#cloud-config-jsonp"):
		return "text/cloud-config-jsonp"
	case strings.HasPrefix(first, "#include"):
		return "text/x-include-url"
	}
	return "text/cloud-config"
}

// filename is a part's name; "": it has none.
func (m maker) filename() string {
	if m.meant(60, "a part whose name is nothing, or dots, becomes nothing") {
		return pick(m.gen, "..", ".", "!!")
	}
	return pick(m.gen, "", "", "a.sh", "b.yaml", "sub/c", "with blank", "(d)", "x..y", "quo'te", "sch\u00f6n")
}

// include names files, which hold more user data.
func (m maker) include(depth int) []byte {
	var b strings.Builder
	b.WriteString(pick(m.gen, "#include\n", "#include\n", "#include-once\n"))
	for i := range 1 + m.IntN(3) {
		f := m.apart()
		path := fmt.Sprintf("/srv/%d-%d-%d", depth, i, f.IntN(1000))
		if f.one(6) {
			b.WriteString("# a comment\n")
		}
		if !f.meant(30, "an `#include` that cannot be fetched costs all user data") {
			if depth == 0 && f.one(5) {
				m.made.Files[path] = f.archive(1)
			} else {
				m.made.Files[path] = f.content(depth + 1)
			}
			if f.one(12) {
				m.made.Files[path] = zipped(m.made.Files[path])
			}
		}
		b.WriteString(pick(f.gen, "", "file://") + path + "\n")
	}
	return []byte(b.String())
}

// vendor is vendor_data.json: one piece of data, several, or one under a key.
func (m maker) vendor() string {
	piece := func() string { return string(m.apart().plainData()) }
	var data any = piece()
	switch {
	case m.one(4):
		data = []string{piece(), piece()}
	case m.meant(20, "vendor data that is a list of one is kept as a list in `vendor-data.txt`"):
		data = []string{piece()}
	case m.one(4):
		data = map[string]any{"cloud-init": piece(), "other": 1}
	}
	text, err := json.Marshal(data)
	if err != nil {
		panic(err) // they are texts
	}
	return string(text)
}

// plainData is user data that is text.
func (m maker) plainData() []byte {
	if m.one(3) {
		return m.archive(1)
	}
	return m.content(1)
}

// message is a MIME message.
func (m maker) message() []byte {
	var b bytes.Buffer
	if m.one(2) {
		b.WriteString("MIME-Version: 1.0\n")
		m.multipart(&b, 0)
	} else {
		m.multipartHeader(&b)
	}
	data := b.Bytes()
	if m.one(10) && !bytes.Contains(data, []byte("\r")) {
		data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
	}
	return data
}

// multipartHeader writes the version behind the type, and more that does not matter.
func (m maker) multipartHeader(b *bytes.Buffer) {
	b.WriteString(pick(m.gen, "From: a@example.org\n", "Subject: =?utf-8?q?gr=C3=BCn?=\n", "X-A: b\n c\n", ""))
	b.WriteString("Mime-version: 1.0\n")
	m.multipart(b, 0)
}

// multipart writes the rest of a header, and the parts.
func (m maker) multipart(b *bytes.Buffer, depth int) {
	boundary := pick(m.gen, "b", "=====", "===============8815==", "a b", "(x)'+_,-./:=?") + fmt.Sprint(depth)
	fmt.Fprintf(b, "%s: multipart/%s; boundary=\"%s\"\n\n", pick(m.gen, "Content-Type", "content-type"), pick(m.gen, "mixed", "mixed", "alternative", "related"), boundary)
	b.WriteString(pick(m.gen, "", "", "This is a message of parts.\n"))
	for range 1 + m.IntN(4) {
		p := m.apart()
		fmt.Fprintf(b, "--%s%s\n", boundary, pick(p.gen, "", "", "", "  "))
		if depth < 2 && p.one(8) {
			p.multipart(b, depth+1)
		} else {
			p.part(b)
		}
	}
	end := pick(m.gen, "--\n", "--", "--\nbehind\n", "--  \n")
	if depth > 0 && end == "--" {
		end = "--\n" // else it is no end
	}
	b.WriteString("--" + boundary + end)
}

// part writes a part of a message, with its header.
func (m maker) part(b *bytes.Buffer) {
	content := m.content(1)
	kind := m.typeOf(string(content))
	compressed := m.one(10) && (isASCII(string(content)) || m.meant(3, "text of a compressed part that is not ASCII is broken"))
	if compressed {
		content, kind = zipped(content), pick(m.gen, "application/gzip", "application/x-gzip")
	}
	header := func(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }
	charset := pick(m.gen, "", "", `; charset="utf-8"`, "; charset=us-ascii")
	if compressed || !isASCII(string(content)) {
		charset = ""
	}
	if !m.one(6) {
		header("Content-Type: %s%s", kind, charset)
	} else if compressed {
		header("Content-Type: %s", kind)
	}
	if m.one(3) {
		header("MIME-Version: 1.0")
	}
	if name := m.filename(); name != "" && isASCII(name) {
		header(`Content-Disposition: %s; filename="%s"`, pick(m.gen, "attachment", "inline"), name)
	}
	if m.one(8) {
		header("Launch-Index: %d", m.IntN(3))
	}
	if m.one(6) && (!compressed || m.meant(1, "`Merge-Type` of a compressed part is lost")) {
		header("%s: %s", pick(m.gen, "Merge-Type", "X-Merge-Type"), m.headerRules())
	}
	m.body(b, content, compressed)
}

// body writes the end of the header, and a part's content in one of the encodings.
func (m maker) body(b *bytes.Buffer, content []byte, compressed bool) {
	switch n := m.IntN(4); {
	case compressed || n == 0:
		b.WriteString("Content-Transfer-Encoding: base64\n\n")
		for line := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString(content)), 60+m.IntN(20)) {
			b.Write(line)
			b.WriteByte('\n')
		}
	case n == 1 || !isASCII(string(content)) && !m.meant(20, "text in a MIME message that is not encoded and not ASCII is broken"):
		b.WriteString("Content-Transfer-Encoding: quoted-printable\n\n")
		w := quotedprintable.NewWriter(b)
		_, _ = w.Write(content) // into memory
		_ = w.Close()
		b.WriteByte('\n')
	default:
		b.WriteString(pick(m.gen, "", "Content-Transfer-Encoding: 7bit\n", "Content-Transfer-Encoding: 8bit\n") + "\n")
		b.Write(content)
		b.WriteByte('\n')
	}
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c > 0x7e })
}
