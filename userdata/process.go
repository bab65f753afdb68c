// Package userdata takes user data and vendor data apart: what kinds of parts there
// are, and what becomes of each.
//
// In come the bytes of a seed, out come scripts, boothooks, one merged cloud-config
// and problems. A part that is broken costs that part only. It never knows modules,
// nor what is done with the parts.
package userdata

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/secret"
	"cloudseed/template"
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
	typePlain        = "text/plain"
)

// Types are those that a part of a message may have, sorted.
func Types() []string {
	all := []string{
		TypeCloudConfig, TypeScript, TypePerBoot, TypePerInstance, TypePerOnce, TypeBoothook, TypeArchive, TypeJSONPatch,
		TypeInclude, TypeIncludeOnce, TypePartHandler, TypeTemplate,
	}
	slices.Sort(all)
	return all
}

// Options are what taking data apart needs to know.
type Options struct {
	LaunchIndex string   // parts for another index are skipped; "" takes all
	KnownKeys   []string // top-level keys of cloud-config, to recognise one without its header

	Idle     bool     // parts are found, and nothing is done with them
	LeaveOut []string // types of parts with which nothing is done

	// Fetch gets what an #include names, a URL or a file; once says that what was
	// fetched before may be used again. Its errors name the URL, without its secrets. Without Fetch an include is a problem.
	Fetch func(ctx context.Context, url string, once bool) ([]byte, error)
	// Variables are what templates know of the instance; its error costs the template. It is
	// asked only if there is one. Without Variables a template is a problem.
	Variables func() (map[string]any, error)

	// TypesOf asks a part handler which types of parts it takes. Without TypesOf it is
	// said that it will be asked.
	TypesOf      func(ctx context.Context, h Handler) ([]string, error)
	Handlers     []Handler // of the machine, which come before all part handlers
	FirstHandler int       // the number of the first part handler
}

// Part is a piece of the data.
type Part struct {
	Type     string
	Filename string
	Content  secret.Bytes
	Handler  string // what became of it: "cloud-config", "script", "boothook", or "" for nothing
	Problem  string // why nothing, or less, became of it

	place    string               // what messages call it
	header   textproto.MIMEHeader // of a MIME part
	declared string               // its type before it was looked at
	lines    []int                // of the template that it was
	index    string               // of the machine that it is for; "": of all, or none that can be told
	parsed   *document            // its content as YAML, once something asked for it
	refused  config.Severity      // of why it has no type
}

// document is what a text is as YAML.
type document struct {
	value    *config.Value
	warnings []config.Problem
	err      error
}

// yaml returns the content as YAML. It is parsed once, whoever asks.
func (part *Part) yaml() (*config.Value, []config.Problem, error) {
	if part.parsed == nil {
		value, warnings, err := yaml.ParseFilled(part.place, part.Content.Reveal(), part.lines)
		part.parsed = &document{value, warnings, err}
	}
	return part.parsed.value, part.parsed.warnings, part.parsed.err
}

// become gives a part other content. lines are those of the template that it was.
func (part *Part) become(content []byte, lines []int) {
	part.Content, part.lines, part.parsed = secret.NewBytes(content), lines, nil
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
	Handlers    []Handler // in the order in which they begin; those without parts too
	Problems    []config.Problem

	merged  []string // names of the parts that cloud-config came from
	ignored []string // and of those that could not be used
}

// Process takes data apart. name is what messages call it: "user-data".
func Process(ctx context.Context, name string, raw []byte, o Options) Result {
	return ProcessList(ctx, name, []secret.Bytes{secret.NewBytes(raw)}, o)
}

// ProcessList takes several pieces of data apart, as vendor data may be.
func ProcessList(ctx context.Context, name string, pieces []secret.Bytes, o Options) Result {
	named := make([]Piece, len(pieces))
	for i, piece := range pieces {
		named[i] = Piece{name, piece}
		if len(pieces) > 1 {
			named[i].Name = fmt.Sprintf("%s item %d", name, i+1)
		}
	}
	return ProcessPieces(ctx, name, named, o)
}

// Piece is data with what messages call it.
type Piece struct {
	Name    string
	Content secret.Bytes
}

// ProcessPieces takes pieces of data apart. Their parts are numbered through, and each
// piece's cloud-config is merged into those before.
func ProcessPieces(ctx context.Context, name string, pieces []Piece, o Options) Result {
	p := processor{ctx: ctx, name: name, options: o}
	for _, piece := range pieces {
		if len(pieces) == 1 && piece.Content.Len() == 0 {
			break // there is none
		}
		p.blob(piece.Content.Reveal(), piece.Name, 0)
	}
	for _, h := range o.Handlers {
		p.register(h)
	}
	for i := range p.result.Parts {
		part := &p.result.Parts[i]
		if !o.Idle && !p.isForOthers(part) && !slices.Contains(o.LeaveOut, part.Type) {
			p.handle(part)
		}
	}
	p.result.Problems = p.found.List()
	return p.result
}

type processor struct {
	ctx     context.Context
	name    string
	options Options
	result  Result
	found   config.Findings

	count    int   // of parts, with those for other machines
	full     bool  // there are too many parts, and that was said
	fetched  int   // includes
	unpacked int64 // bytes of what was unpacked, included or in archives

	takes        map[string]int // types of parts, with the handlers in the result that take them
	partHandlers int            // that can be used
}

// at returns a place to report at.
func (p *processor) at(pos config.Pos) config.Cursor { return p.found.At(pos, "") }

// fail is a problem of a part, which is skipped for it.
func (p *processor) fail(part *Part, format string, args ...any) {
	part.Problem = fmt.Sprintf(format, args...)
	p.at(part.top()).Errorf("%s", part.Problem)
}

// refuse is fail for an error that may know its place.
func (p *processor) refuse(part *Part, err error) {
	part.Problem = p.at(part.top()).Refuse(err, "nothing of it was applied").Message
}

// blob finds the parts of one piece of data, which may be compressed and may be a MIME
// message. place is what messages call it; depth counts data that named this data.
func (p *processor) blob(raw []byte, place string, depth int) {
	if len(raw) > maxSize {
		p.at(config.Pos{File: place}).Errorf("it is larger than %d MiB; nothing of it was applied", maxSize>>20)
		return
	}
	data, err := p.gunzip(raw)
	if err != nil {
		part := Part{declared: typeNotMultipart, Content: secret.NewBytes(raw), place: place}
		part.refuse(config.Error, fmt.Sprintf("it is compressed, and cannot be unpacked: %v; all of it was skipped", err))
		p.attach(part, fmt.Sprintf("part-%03d", p.count+1)) // it keeps its number
		return
	}
	if isMIME(data) {
		p.message(data, place, depth)
		return
	}
	p.add(Part{Type: typeNotMultipart, Content: secret.NewBytes(data), place: place}, depth)
}

// add settles a part's type and name, and keeps it if it is for this machine. What
// stands for other parts gives way to them.
func (p *processor) add(part Part, depth int) {
	if p.isFull(p.name) {
		return
	}
	number := fmt.Sprintf("part-%03d", p.count+1)
	if part.place == "" {
		part.place = p.name + " " + number
	}
	if slices.Contains([]string{"", typePlain, typeNotMultipart, TypeScript}, part.Type) {
		p.detect(&part)
	}
	switch part.Type {
	case TypeInclude, TypeIncludeOnce:
		p.include(&part, depth)
		return
	case TypeArchive:
		p.archive(&part)
		return
	}
	p.attach(part, number)
}

// isFull tells, and says once, that there are too many parts.
func (p *processor) isFull(place string) bool {
	if p.count < maxParts {
		return false
	}
	if !p.full {
		p.at(config.Pos{File: place}).Errorf("there are more than %d parts; the rest was skipped", maxParts)
	}
	p.full = true
	return true
}

// attach gives a part its number; an archive's parts come here at once, since
// cloud-init does not look into them again.
func (p *processor) attach(part Part, number string) {
	p.count++
	if part.Filename == "" {
		part.Filename = number
	}
	part.index = launchIndex(&part)
	p.result.Parts = append(p.result.Parts, part)
}

// launchIndex is the launch index of the machine that a part is for. The header counts,
// as it is, and then the key of a cloud-config, if it is a number for Python.
func launchIndex(part *Part) string {
	if index := part.header["Launch-Index"]; index != nil {
		return cmp.Or(strings.TrimSpace(index[0]), "none")
	}
	if part.Type != TypeCloudConfig {
		return ""
	}
	value, _, err := part.yaml()
	if err != nil {
		return ""
	}
	index := value.Get("launch-index")
	if n, ok := index.Int(); ok {
		return strconv.FormatInt(n, 10)
	}
	if f, ok := index.Float(); ok && math.Abs(f) < 1<<53 {
		return strconv.FormatInt(int64(f), 10)
	}
	if truth, ok := index.Bool(); ok {
		return map[bool]string{false: "0", true: "1"}[truth]
	}
	if n, err := strconv.Atoi(strings.TrimSpace(index.Text())); err == nil {
		return strconv.Itoa(n)
	}
	return ""
}

// isForOthers tells a part whose launch index is another machine's, or nobody's.
func (p *processor) isForOthers(part *Part) bool {
	wanted, err := strconv.Atoi(p.options.LaunchIndex)
	if err != nil || part.index == "" {
		return false
	}
	index, err := strconv.Atoi(part.index)
	return err != nil || index != wanted
}

// handle does with a part what its type asks for, or gives it to who asks for its type.
func (p *processor) handle(part *Part) {
	if !p.give(part) {
		p.builtIn(part)
	}
}

// builtIn does with a part what its type asks for.
func (p *processor) builtIn(part *Part) {
	switch part.Type {
	case TypeCloudConfig, TypeJSONPatch:
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
	case TypeTemplate:
		p.template(part)
	case "":
		if part.Problem != "" {
			p.at(part.top()).Reportf(part.refused, "%s", part.Problem)
		}
	case TypePartHandler:
		p.partHandler(part)
	default:
		part.Problem = fmt.Sprintf("nothing here can handle a part of type %s; it was skipped", oneLine(part.Type))
		p.at(part.top()).Warnf("%s", part.Problem)
	}
}

// script is written as it is.
//
// Difference from cloud-init: it drops one that is no UTF-8.
func (p *processor) script(part *Part, frequency string) {
	part.Handler = "script"
	name := part.Filename
	if frequency != "" {
		name = name[strings.LastIndexByte(name, '/')+1:] // for these alone
	}
	p.result.Scripts = append(p.result.Scripts, Script{
		Name: cleanName(name), Frequency: frequency, Content: secret.NewBytes(unixLines(part.Content.Reveal())),
	})
}

// boothook is a script without its first line, which is the mark "#cloud-boothook".
//
// Difference from cloud-init: it leaves a mark in capitals or behind blank lines, and then
// the boothook cannot be run.
func (p *processor) boothook(part *Part) {
	const mark = "#cloud-boothook"
	part.Handler = "boothook"
	content := bytes.TrimLeft(unixLines(part.Content.Reveal()), " \t\r\n")
	if hasPrefixFold(content, mark) {
		content = bytes.TrimLeft(content[len(mark):], " \t\r\n")
	}
	p.result.Boothooks = append(p.result.Boothooks, Script{Name: cleanName(part.Filename), Content: secret.NewBytes(content)})
}

// template fills in a template, and has what comes out handled by its own header.
func (p *processor) template(part *Part) {
	if p.options.Variables == nil {
		p.fail(part, "it is a jinja template, and none can be filled in here; it was skipped")
		return
	}
	variables, err := p.options.Variables()
	if err != nil {
		p.refuse(part, fmt.Errorf("it is a jinja template, which cannot be filled in: %w", err))
		return
	}
	content := part.Content.Reveal()
	trimmed := bytes.TrimLeft(content, " \t\r\n")
	header, body, _ := bytes.Cut(trimmed, []byte("\n"))
	above := bytes.Count(content[:len(content)-len(trimmed)+len(header)], []byte("\n")) + 1 // lines, with the header
	became, err := template.Template{Text: string(body), At: config.Pos{File: part.place, Line: above + 1}}.Fill(p.ctx, variables)
	p.found.Add(became.Missing...)
	if err != nil {
		p.refuse(part, err)
		return
	}
	filled := *part
	filled.become([]byte(became.Text), became.Lines)
	filled.Type = knownPrefix(filled.Content.Reveal())
	switch filled.Type {
	case TypeCloudConfig, TypeJSONPatch, TypeScript, TypeBoothook: // Difference from cloud-init: it does not know patches here
		p.builtIn(&filled)
		part.Handler, part.Problem = filled.Handler, filled.Problem
	default:
		p.fail(part, `after the line "## template: jinja" there must be "#cloud-config", "#!" or "#cloud-boothook"; it was skipped`)
	}
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
		if r < 0x80 && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z') || strings.ContainsRune("_-.()", r) {
			return r
		}
		return -1
	}, name)
	if strings.Trim(name, ".") == "" {
		// Difference from cloud-init: it fails at a name of nothing, or of dots.
		return "part"
	}
	return name
}
