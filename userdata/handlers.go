package userdata

import (
	"fmt"
	"net/textproto"
	"strings"

	"cloudseed/config"
	"cloudseed/secret"
)

// Handler is a program, written in Python for cloud-init, that takes parts of some
// types in place of what is done with them here. Whoever has the result runs it.
type Handler struct {
	Name    string       // its file's name: "part-handler-000.py"
	Content secret.Bytes // of a handler that is a part; of others the file is there already
	Types   []string     // that it takes
	Parts   []Given      // for it, in their order
}

// Given is a part as a handler is given it.
type Given struct {
	Type     string
	Filename string
	Content  secret.Bytes
	Headers  map[string]string
}

// partHandler takes up a part handler: from here on it gets the parts of its types, as
// cloud-init has it, also those of types that are otherwise handled here.
func (p *processor) partHandler(part *Part) {
	part.Handler = "part-handler"
	if p.options.TypesOf == nil {
		p.at(config.Pos{File: part.place}).Notef("it is a Python program that is run at boot, and gets the parts of the types that it names then")
		return
	}
	h := Handler{
		Name: fmt.Sprintf("part-handler-%03d.py", p.options.FirstHandler+p.partHandlers), Content: part.Content,
	}
	types, err := p.options.TypesOf(p.ctx, h)
	if err != nil {
		part.Handler = ""
		p.fail(part, "it is a part handler, a Python program, which cannot be used: %v; it was skipped", err)
		return
	}
	p.partHandlers++
	h.Types = types
	p.register(h)
}

func (p *processor) register(h Handler) {
	if p.takes == nil {
		p.takes = map[string]int{}
	}
	p.result.Handlers = append(p.result.Handlers, h)
	for _, kind := range h.Types {
		p.takes[kind] = len(p.result.Handlers) - 1
	}
}

// give gives a part to the handler of its type, if there is one.
func (p *processor) give(part *Part) bool {
	kind := part.Type
	if kind == "" {
		kind = part.declared
	}
	i, taken := p.takes[kind]
	if !taken || kind == TypePartHandler {
		return false
	}
	h := &p.result.Handlers[i]
	h.Parts = append(h.Parts, Given{Type: kind, Filename: part.Filename, Content: part.Content, Headers: headers(part.header)})
	part.Handler, part.Problem = h.Name, ""
	return true
}

// headers are the first values of a part's headers.
func headers(all textproto.MIMEHeader) map[string]string {
	one := make(map[string]string, len(all))
	for name, values := range all {
		one[name] = strings.Join(values[:min(1, len(values))], "")
	}
	return one
}
