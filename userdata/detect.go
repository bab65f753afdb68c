package userdata

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"

	"cloudseed/config"
)

// prefixes are the headers by which cloud-init knows a part, longest first. Blanks and
// lines before them, and upper case, do not matter.
var prefixes = []struct{ prefix, kind string }{
	{TypePerInstance, TypePerInstance}, // so that cloud-init's make-mime knows the types of scripts
	{TypePerBoot, TypePerBoot},
	{TypePerOnce, TypePerOnce},
	{"#cloud-config-archive", TypeArchive},
	{"#cloud-config-jsonp", TypeJSONPatch},
	{"## template: jinja", TypeTemplate},
	{"#cloud-boothook", TypeBoothook},
	{"#cloud-config", TypeCloudConfig},
	{"#include-once", TypeIncludeOnce},
	{"#part-handler", TypePartHandler},
	{"#include", TypeInclude},
	{"#!", TypeScript},
}

// knownPrefix is the type that a header gives, "" when there is none.
func knownPrefix(content []byte) string {
	content = bytes.TrimLeft(content, " \t\r\n\v\f")
	for _, known := range prefixes {
		if hasPrefixFold(content, known.prefix) {
			return known.kind
		}
	}
	return ""
}

func hasPrefixFold(data []byte, prefix string) bool {
	return len(data) >= len(prefix) && strings.EqualFold(string(data[:len(prefix)]), prefix)
}

// detect settles a part's type by its first line. The type "" is a part that nothing
// can be done with here, and then it knows why.
func (p *processor) detect(part *Part) {
	part.declared = part.Type
	part.Type = knownPrefix(part.Content.Reveal())
	if first, _, _ := bytes.Cut(bytes.TrimSpace(part.Content.Reveal()), []byte("\n")); part.Type == TypeScript && isMistakenScript(bytes.TrimSpace(first)) {
		// Difference from cloud-init: it runs a program cloud-config, which there is not.
		p.meant(part, TypeCloudConfig, fmt.Sprintf("its first line is %q, which names a program", bytes.TrimSpace(first)), `make the first line "#cloud-config"`)
	}
	if part.Type != "" {
		return
	}
	if part.declared == TypeScript {
		part.Type = TypeScript // and may name its interpreter in a way of its own
		return
	}
	if len(bytes.TrimSpace(part.Content.Reveal())) > 0 {
		p.diagnose(part)
	}
}

// isMistakenScript reports whether a line that names a program is meant to say that
// cloud-config follows: "#!cloud-config" or "#!/cloud-config".
func isMistakenScript(first []byte) bool {
	return slices.Contains([]string{"#!cloud-config", "#!/cloud-config"}, string(first[:min(len(first), 20)]))
}

const (
	bomUTF8    = "\xef\xbb\xbf"
	bomUTF16LE = "\xff\xfe"
	bomUTF16BE = "\xfe\xff"
)

// diagnose says what data without a known header looks like, and what to change.
// Where there is no doubt what was meant it is taken as that, with a warning.
func (p *processor) diagnose(part *Part) {
	content := part.Content.Reveal()
	trimmed := bytes.TrimLeft(content, " \t\r\n")
	first, _, _ := bytes.Cut(trimmed, []byte("\n"))
	first = bytes.TrimSpace(first)
	switch {
	case bytes.HasPrefix(content, []byte(bomUTF8)):
		p.asIf(part, content[len(bomUTF8):], "it begins with a byte order mark, as some editors on Windows write one", "save it as UTF-8 without one")
	case bytes.HasPrefix(content, []byte(bomUTF16LE)):
		p.asIf(part, decodeUTF16(content[2:], binary.LittleEndian), "it is UTF-16 text", "save it as UTF-8")
	case bytes.HasPrefix(content, []byte(bomUTF16BE)):
		p.asIf(part, decodeUTF16(content[2:], binary.BigEndian), "it is UTF-16 text", "save it as UTF-8")
	case knownPrefix(bytes.TrimPrefix(trimmed, []byte("---"))) == TypeCloudConfig:
		p.meant(part, TypeCloudConfig, `a line "---" stands before the header`, `make the first line "#cloud-config"`)
	case squeezed(first) == "#cloudconfig":
		p.meant(part, TypeCloudConfig, fmt.Sprintf("its first line is %q, which is no known header", first), `make the first line "#cloud-config"`)
	case squeezed(first) == "##template:jinja":
		p.meant(part, TypeTemplate, fmt.Sprintf("its first line is %q, which is no known header", first), `make the first line "## template: jinja"`)
	case hasPrefixFold(trimmed, "<!doctype html"), hasPrefixFold(trimmed, "<html"):
		part.refuse(config.Error, "it is a web page, perhaps an error page that was saved as user data; nothing of it was applied")
	case bytes.HasPrefix(trimmed, []byte("{")) && bytes.Contains(trimmed, []byte(`"ignition"`)):
		part.refuse(config.Warning, "it is an Ignition configuration, which is not for this program; it was skipped")
	case isURLEncoded(trimmed):
		part.refuse(config.Error, "it is URL-encoded (%23 in the place of #): give the decoded text; nothing of it was applied")
	case isBase64(trimmed):
		part.refuse(config.Error, "it looks like text in base64: give the decoded text; nothing of it was applied")
	case p.hasKnownKey(part):
		p.meant(part, TypeCloudConfig, "it has no header", `make the first line "#cloud-config"`)
	default:
		part.refuse(config.Error, `its first line is no known header, such as "#cloud-config" or "#!/bin/sh"; nothing of it was applied`)
	}
}

func (part *Part) top() config.Pos { return config.Pos{File: part.place, Line: 1, Column: 1} }

// meant takes a part as a type that is not its header's.
func (p *processor) meant(part *Part, kind, what, change string) {
	part.Type = kind
	p.at(part.top()).Warnf("%s; it was taken as %s: %s", what, inWords(kind), change)
}

// asIf takes a part as if it had other content, if that has a known header.
func (p *processor) asIf(part *Part, content []byte, what, change string) {
	kind := knownPrefix(content)
	if kind == "" {
		part.refuse(config.Error, what+", and no known header comes after that: "+change+"; nothing of it was applied")
		return
	}
	part.become(content, nil)
	p.meant(part, kind, what, change)
}

// refuse keeps why nothing can be done with a part. It is told if no part handler
// takes it all the same.
func (part *Part) refuse(s config.Severity, why string) {
	part.Problem, part.refused = why, s
}

func inWords(kind string) string {
	switch kind {
	case TypeCloudConfig:
		return "cloud-config"
	case TypeScript:
		return "a script"
	case TypeBoothook:
		return "a boothook"
	case TypeTemplate:
		return "a template"
	case TypeArchive:
		return "an archive"
	case TypeJSONPatch:
		return "a JSON patch"
	case TypePartHandler:
		return "a part handler"
	}
	return "a list of includes"
}

// squeezed is a line in lower case without blanks, dashes and the like: "#cloud config",
// "# cloud-config" and "#cloud_config:" are all "#cloudconfig".
func squeezed(line []byte) string {
	line = bytes.TrimRight(line, ": \t")
	return strings.NewReplacer(" ", "", "\t", "", "-", "", "_", "").Replace(strings.ToLower(string(line)))
}

func decodeUTF16(data []byte, order binary.ByteOrder) []byte {
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = order.Uint16(data[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// isURLEncoded reports whether a document becomes one with a known header when it is
// decoded as a URL is.
func isURLEncoded(content []byte) bool {
	if !bytes.HasPrefix(content, []byte("%23")) {
		return false
	}
	const enough = 90 // for any header, three bytes a character
	head := content[:min(len(content), enough)]
	if at := bytes.LastIndexByte(head, '%'); at > len(head)-3 {
		head = head[:at] // in the middle of a character
	}
	decoded, err := url.QueryUnescape(string(head))
	return err == nil && knownPrefix([]byte(decoded)) != ""
}

// isBase64 tells a text that is one long piece of base64 and holds what could be user
// data: something with a header, or something compressed.
func isBase64(content []byte) bool {
	joined := strings.Join(strings.Fields(string(content)), "")
	decoded, err := base64.StdEncoding.DecodeString(joined)
	return len(joined) >= 16 && err == nil && (bytes.HasPrefix(decoded, []byte("#")) || bytes.HasPrefix(decoded, []byte(gzipMagic)))
}

// hasKnownKey tells YAML with a top-level key that modules know.
func (p *processor) hasKnownKey(part *Part) bool {
	if len(p.options.KnownKeys) == 0 || part.Content.Len() > maxGuessed {
		return false
	}
	value, _, err := part.yaml()
	if err != nil || value.Kind() != config.Map {
		return false
	}
	return slices.ContainsFunc(value.Keys(), func(key string) bool { return slices.Contains(p.options.KnownKeys, key) })
}
