package userdata

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"cloudseed/config"
)

// prefixes are the headers by which cloud-init knows a part, longest first. Blanks and
// lines before them, and upper case, do not matter.
var prefixes = []struct{ prefix, kind string }{
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

// detect tells a part's type by its first line. "" is a part that nothing can be done
// with; why is then a problem.
func (p *processor) detect(part Part) string {
	content := bytes.TrimLeft(part.Content.Reveal(), " \t\r\n")
	for _, known := range prefixes {
		if hasPrefixFold(content, known.prefix) {
			return known.kind
		}
	}
	if part.Type == TypeScript {
		return TypeScript // declared so, and it may name its interpreter in no way we know
	}
	return p.diagnose(part, content)
}

func hasPrefixFold(data []byte, prefix string) bool {
	return len(data) >= len(prefix) && strings.EqualFold(string(data[:len(prefix)]), prefix)
}

func trimBOM(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) }

// diagnose says what data without a known header looks like. Where there is no doubt
// what was meant it is taken as that, with a warning.
func (p *processor) diagnose(part Part, content []byte) string {
	at := config.Pos{File: p.place(part), Line: 1, Column: 1}
	meant := func(what string) string {
		p.problem(config.Warning, at, "%s; it was taken as cloud-config: make the first line \"#cloud-config\"", what)
		return TypeCloudConfig
	}
	refuse := func(what string) string {
		p.problem(config.Error, at, "%s; nothing of it was applied", what)
		return ""
	}
	first, _, _ := bytes.Cut(content, []byte("\n"))
	first = bytes.TrimSpace(first)
	switch {
	case bytes.HasPrefix(content, []byte("\xef\xbb\xbf")):
		inner := bytes.TrimLeft(trimBOM(content), " \t\r\n")
		for _, known := range prefixes {
			if hasPrefixFold(inner, known.prefix) && known.kind == TypeCloudConfig {
				return meant("it begins with a byte order mark, as some editors on Windows write one")
			}
		}
		return refuse("it begins with a byte order mark and no known header after that: save it as UTF-8 without one")
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("\xfe\xff")):
		return refuse("it is UTF-16 text: save it as UTF-8")
	case headerAfterMarker(content):
		return meant(`a line "---" stands before the header`)
	case looksLikeHeader(string(first)):
		return meant(fmt.Sprintf("its first line is %q, which is no known header", first))
	case hasPrefixFold(content, "<!doctype html"), hasPrefixFold(content, "<html"):
		return refuse("it is a web page, perhaps an error page that was saved as user data")
	case isIgnition(content):
		p.problem(config.Warning, at, "it is an Ignition configuration, which is not for this program; it was left alone")
		return ""
	case isBase64(content):
		return refuse("it looks like text in base64: give the decoded text")
	case p.hasKnownKey(content):
		return meant(`it has no header`)
	}
	return refuse(`its first line is no known header, such as "#cloud-config" or "#!/bin/sh"`)
}

// headerAfterMarker finds "#cloud-config" behind a document's "---".
func headerAfterMarker(content []byte) bool {
	rest, ok := bytes.CutPrefix(content, []byte("---"))
	return ok && hasPrefixFold(bytes.TrimLeft(rest, " \t\r\n"), "#cloud-config")
}

// looksLikeHeader finds "#cloud config", "# cloud-config", "#cloud_config:".
func looksLikeHeader(line string) bool {
	if !strings.HasPrefix(line, "#") {
		return false
	}
	letters := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(line))
	return letters == "cloudconfig"
}

func isIgnition(content []byte) bool {
	return bytes.HasPrefix(content, []byte("{")) && bytes.Contains(content, []byte(`"ignition"`))
}

// isBase64 tells a text that is one long piece of base64 and holds text.
func isBase64(content []byte) bool {
	joined := strings.Join(strings.Fields(string(content)), "")
	if len(joined) < 16 {
		return false
	}
	decoded, err := base64.StdEncoding.DecodeString(joined)
	return err == nil && (bytes.HasPrefix(decoded, []byte("#")) || bytes.HasPrefix(decoded, []byte("\x1f\x8b")))
}

// hasKnownKey tells YAML with a top-level key that modules know.
func (p *processor) hasKnownKey(content []byte) bool {
	value, _, err := config.Parse(p.name, content)
	if err != nil || value.Kind() != config.Map {
		return false
	}
	return slices.ContainsFunc(value.Keys(), func(key string) bool { return slices.Contains(p.options.KnownKeys, key) })
}
