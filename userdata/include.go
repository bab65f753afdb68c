package userdata

import (
	"fmt"
	"strings"

	"cloudseed/config"
	"cloudseed/secret"
)

// include puts in place of a part what its lines name, each a URL or a file. One that
// cannot be had is a problem, and the others are used.
func (p *processor) include(part *Part, depth int) {
	if p.options.Fetch == nil {
		p.fail(part, "it includes other data, and nothing can be fetched here; it was skipped")
		return
	}
	if depth >= maxNested {
		p.fail(part, "what is included includes more, %d times; the rest was skipped", maxNested)
		return
	}
	once := false
	number := 0
	for line := range strings.Lines(string(part.Content.Reveal())) {
		number++
		line = strings.TrimRight(line, "\r\n")
		switch lower := strings.ToLower(line); {
		case strings.HasPrefix(lower, "#include-once"):
			line, once = line[len("#include-once"):], true
		case strings.HasPrefix(lower, "#include"):
			line, once = line[len("#include"):], false
		}
		url := strings.TrimSpace(line)
		if url == "" || strings.HasPrefix(url, "#") {
			continue
		}
		if p.fetched++; p.fetched > maxFetched {
			p.fail(part, "more than %d includes in all; the rest was skipped", maxFetched)
			return
		}
		content, err := p.options.Fetch(p.ctx, url, once)
		if err != nil {
			p.at(config.Pos{File: part.place, Line: number, Column: 1}).Errorf("it includes what cannot be fetched: %v; the rest was used", err)
			continue
		}
		if !p.room(len(content)) {
			p.fail(part, "more than %d MiB are included or unpacked in all; the rest was skipped", maxUnpacked>>20)
			return
		}
		p.blob(content, p.name+" "+secret.URL(url), depth+1)
	}
}

// archive puts in place of a part the parts that it lists. They are what they say:
// cloud-init does not look for includes in them.
//
// Difference from cloud-init: an entry that is none costs itself, not all user data.
func (p *processor) archive(part *Part) {
	list, problems, err := part.yaml()
	p.found.Add(problems...)
	if err != nil {
		p.refuse(part, err)
		return
	}
	if list.Kind() != config.List {
		p.at(list.Pos()).Errorf("expected a list of parts after #cloud-config-archive; all of it was skipped")
		return
	}
	for i, item := range list.Items() {
		entry := item
		if item.Kind() == config.Map {
			entry = item.Get("content")
		} else if item.Kind() != config.String {
			p.at(item.Pos()).Errorf("expected a string, or a mapping with keys such as content; part %d of the archive was skipped", i+1)
			continue
		}
		if !p.room(len(entry.Text())) { // aliases may stand for much
			p.at(item.Pos()).Errorf("there are more than %d MiB in archives, or unpacked, in all; the rest was skipped", maxUnpacked>>20)
			return
		}
		p.archived(item, entry)
	}
}

// archived is one part of an archive.
func (p *processor) archived(item, content *config.Value) {
	if p.isFull(p.name) {
		return
	}
	number := fmt.Sprintf("part-%03d", p.count+1)
	part := Part{
		Type:    item.Get("type").Text(),
		Content: secret.NewBytes([]byte(content.Text())), place: p.name + " " + number, header: map[string][]string{},
	}
	if name := item.Get("filename"); name != nil {
		part.Filename = name.PyStr()
	}
	if part.Type == "" {
		part.Type = knownPrefix(part.Content.Reveal())
	}
	if part.Type == "" {
		part.Type = TypeCloudConfig
		if content.Kind() == config.Binary {
			part.Type = "application/octet-stream"
		}
	}
	for _, key := range item.Keys() {
		switch strings.ToLower(key) {
		case "content", "filename", "type", "launch-index", "content-disposition", "content-type", "number-attachments":
			// no headers, however they are spelt
		default:
			part.header.Set(key, item.Get(key).Text())
		}
	}
	if index := item.Get("launch-index"); index != nil {
		part.header.Set("Launch-Index", index.PyStr())
	}
	p.attach(part, number)
}
