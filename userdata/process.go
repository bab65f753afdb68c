// Package userdata takes user data and vendor data apart: what kinds of parts there
// are, and what becomes of each.
//
// In come the bytes of a seed, out come scripts, boothooks, one merged cloud-config
// and problems. A part that is broken costs that part only. It never knows modules,
// nor what is done with the parts.
package userdata

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/secret"
)

// The types of parts, by their names in MIME messages.
const (
	TypeCloudConfig  = "text/cloud-config"
	TypeScript       = "text/x-shellscript"
	TypePerBoot      = "text/x-shellscript-per-boot"
	TypePerInstance  = "text/x-shellscript-per-instance"
	TypePerOnce      = "text/x-shellscript-per-once"
	TypeBoothook     = "text/cloud-boothook"
	TypeArchive      = "text/cloud-config-archive"
	TypeJSONPatch    = "text/cloud-config-jsonp"
	TypeInclude      = "text/x-include-url"
	TypeIncludeOnce  = "text/x-include-once-url"
	TypePartHandler  = "text/part-handler"
	TypeTemplate     = "text/jinja2"
	typeNotMultipart = "text/x-not-multipart"
)

// Options are what taking data apart needs to know.
type Options struct {
	LaunchIndex string   // parts for another index are left out; "" takes all
	KnownKeys   []string // top-level keys of cloud-config, to recognise one without its header
}

// Part is a piece of the data.
type Part struct {
	Type     string
	Filename string
	Content  secret.Bytes

	header textproto.MIMEHeader // of a MIME part; nil for data that is no message
}

// Script is a program that the data brings.
type Script struct {
	Name      string // a file name
	Frequency string // "boot", "instance" or "once"; "" is the instance's own scripts
	Content   secret.Bytes
}

// Result is what became of the data.
type Result struct {
	Parts       []Part
	CloudConfig *config.Value // all cloud-config parts merged; nil when there is none
	Scripts     []Script
	Boothooks   []Script
	Problems    []config.Problem

	merged  []string // names of the parts that cloud-config came from
	ignored []string // and of those that could not be used
}

// Process takes data apart. name is what messages call it: "user-data".
func Process(_ context.Context, name string, raw []byte, o Options) Result {
	p := processor{name: name, options: o}
	p.blob(raw)
	for i := range p.result.Parts {
		p.handle(&p.result.Parts[i])
	}
	return p.result
}

// Append puts the outcome of further data behind: of the same top-level key, the later
// one counts.
func (r Result) Append(more Result) Result {
	return Result{
		Parts: slices.Concat(r.Parts, more.Parts), CloudConfig: replaceKeys(r.CloudConfig, more.CloudConfig),
		Scripts: slices.Concat(r.Scripts, more.Scripts), Boothooks: slices.Concat(r.Boothooks, more.Boothooks),
		Problems: slices.Concat(r.Problems, more.Problems),
		merged:   slices.Concat(r.merged, more.merged), ignored: slices.Concat(r.ignored, more.ignored),
	}
}

type processor struct {
	name    string
	options Options
	result  Result
}

func (p *processor) problem(s config.Severity, at config.Pos, format string, args ...any) {
	p.result.Problems = append(p.result.Problems, config.Problem{Severity: s, Pos: at, Message: fmt.Sprintf(format, args...)})
}

// blob finds the parts of one piece of data, which may be compressed and may be a MIME
// message.
func (p *processor) blob(raw []byte) {
	data, err := gunzip(raw)
	if err != nil {
		p.problem(config.Error, config.Pos{File: p.name}, "it is compressed, and cannot be unpacked: %v; all of it was left out", err)
		return
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return
	}
	if isMIME(data) {
		p.message(data)
		return
	}
	p.add(Part{Type: typeNotMultipart, Content: secret.NewBytes(data)})
}

// add settles a part's type and name, and keeps it if it is for this machine.
func (p *processor) add(part Part) {
	if slices.Contains([]string{"", "text/plain", typeNotMultipart, TypeScript}, part.Type) {
		part.Type = p.detect(part)
	}
	if part.Filename == "" {
		part.Filename = fmt.Sprintf("part-%03d", len(p.result.Parts)+1)
	}
	if index := part.header.Get("Launch-Index"); index != "" && p.options.LaunchIndex != "" && index != p.options.LaunchIndex {
		return
	}
	p.result.Parts = append(p.result.Parts, part)
}

// place is how messages name a part: the data itself when it is the only one.
func (p *processor) place(part Part) string {
	if part.header == nil && len(p.result.Parts) <= 1 {
		return p.name
	}
	return p.name + " " + part.Filename
}

// handle does with a part what its type asks for.
func (p *processor) handle(part *Part) {
	switch part.Type {
	case TypeCloudConfig:
		p.cloudConfig(part)
	case TypeScript:
		p.script(part, "")
	case TypePerBoot:
		p.script(part, "boot")
	case TypePerInstance:
		p.script(part, "instance")
	case TypePerOnce:
		p.script(part, "once")
	case TypeBoothook:
		p.boothook(part)
	case "":
		// detect has said what is wrong with it
	default:
		p.problem(config.Warning, config.Pos{File: p.place(*part)}, "nothing here can handle a part of type %s; it was left out", part.Type)
	}
}

func (p *processor) script(part *Part, frequency string) {
	p.result.Scripts = append(p.result.Scripts, Script{
		Name: cleanName(part.Filename), Frequency: frequency, Content: secret.NewBytes(unixLines(part.Content.Reveal())),
	})
}

// boothook is a script without its first line, which is the mark "#cloud-boothook".
func (p *processor) boothook(part *Part) {
	content := bytes.TrimLeft(part.Content.Reveal(), " \t\r\n")
	if hasPrefixFold(content, "#cloud-boothook") {
		content = content[len("#cloud-boothook"):]
		content = bytes.TrimLeft(content, " \t\r\n")
	}
	p.result.Boothooks = append(p.result.Boothooks, Script{
		Name: cleanName(part.Filename), Content: secret.NewBytes(unixLines(content)),
	})
}

// unixLines makes line ends Unix's if the first line's is not: an interpreter is
// looked for by the whole first line.
func unixLines(content []byte) []byte {
	first, _, _ := bytes.Cut(content, []byte("\n"))
	if !bytes.HasSuffix(first, []byte("\r")) {
		return content
	}
	return bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
}

// cleanName makes a part's name a file name, by cloud-init's rule.
func cleanName(name string) string {
	name = strings.ReplaceAll(name, "/", "_")
	name = strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') || strings.ContainsRune("_-.() ", r) {
			return r
		}
		return -1
	}, name)
	name = strings.TrimSpace(name)
	if strings.Trim(name, ".") == "" {
		return "part" // a name of nothing, or of dots, is none
	}
	return name
}

// cloudConfig merges a part of cloud-config over those before.
func (p *processor) cloudConfig(part *Part) {
	value, problems, err := config.Parse(p.place(*part), unixLines(trimBOM(part.Content.Reveal())))
	p.result.Problems = append(p.result.Problems, problems...)
	if err == nil {
		err = p.checkRoot(*part, value)
	}
	if err != nil {
		p.result.ignored = append(p.result.ignored, part.Filename)
		var problem config.Problem
		if errors.As(err, &problem) {
			if problem.Severity == config.Error {
				problem.Message += "; none of this cloud-config was applied"
			}
			p.result.Problems = append(p.result.Problems, problem)
		}
		return
	}
	p.result.CloudConfig = replaceKeys(p.result.CloudConfig, value)
	p.result.merged = append(p.result.merged, part.Filename)
}

// checkRoot wants keys at the top. An empty document is no mistake: producers write
// the header alone when there is nothing to say.
func (p *processor) checkRoot(part Part, value *config.Value) error {
	switch {
	case value.Kind() == config.Map:
		return nil
	case value.IsNull():
		return config.Problem{Severity: config.Note, Pos: config.Pos{File: p.place(part)}, Message: "it holds nothing but its header"}
	default:
		return config.Problem{Pos: value.Pos(), Message: "expected keys with values after #cloud-config"}
	}
}

// replaceKeys merges by cloud-init's default for parts: a top-level key of the later
// one replaces the whole of the earlier's.
func replaceKeys(early, late *config.Value) *config.Value {
	return config.Replace(early, late)
}
