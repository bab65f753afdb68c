// Command man makes the manual pages of the documentation: its argument is the directory
// that they are written to, and it is run in the directory of the sources.
//
// It knows as much of Markdown as these pages use: headings, paragraphs, lists, tables,
// fenced blocks, links, code and emphasis.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// pages are those that are a manual page as a whole: file, name, section, what it is.
var pages = [][4]string{
	{"docs/troubleshooting.md", "cloudseed-debug", "7", "what to do when a guest is not as its seed asks for"},
	{"docs/boot.md", "cloudseed-boot", "7", "how a boot with cloudseed works"},
	{"docs/quickstart/bare-metal.md", "cloudseed-examples", "7", "a seed from its user data to the guest"},
	{"docs/files.md", "cloudseed-files", "5", "files and formats of cloudseed"},
	{"docs/modules.md", "cloud.cfg", "5", "cloud-config: modules and their keys"},
}

// links are names that show the page of another.
var links = map[string]string{
	"cloud-init.1":     "cloudseed.1",
	"cloud-init-per.1": "cloudseed.1",
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: man DIRECTORY")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	write := func(name, section, text string) error {
		path := filepath.Join(dir, "man"+section, name+"."+section)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, []byte(text), 0o644)
	}
	for _, p := range pages {
		text, err := os.ReadFile(p[0])
		if err != nil {
			return err
		}
		if err := write(p[1], p[2], page(p[1], p[2], p[3], string(text))); err != nil {
			return err
		}
	}
	text, err := os.ReadFile("docs/cli.md")
	if err != nil {
		return err
	}
	for _, section := range strings.Split(string(text), "\n## ")[1:] {
		heading, body, _ := strings.Cut(section, "\n\n")
		what, body, _ := strings.Cut(body, ".\n\n")
		name := strings.ReplaceAll(heading, " ", "-")
		if err := write(name, "1", page(name, "1", strings.ToLower(what[:1])+what[1:], "\n## DESCRIPTION\n\n"+body)); err != nil {
			return err
		}
	}
	for name, target := range links {
		if err := write(strings.TrimSuffix(name, ".1"), "1", ".so man1/"+target+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// page is a manual page, of a page of Markdown without its title.
func page(name, section, what, text string) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %q %q \"\" \"cloudseed\"\n.nh\n.ad l\n.SH NAME\n%s \\- %s\n", strings.ToUpper(name), section, escape(name), inline(what))
	_, body, found := strings.Cut("\n"+text, "\n# ")
	if found {
		_, body, _ = strings.Cut(body, "\n")
		b.WriteString(".SH DESCRIPTION\n")
	} else {
		body = text
	}
	lines := strings.Split(strings.TrimSpace(body), "\n")
	for len(lines) > 0 {
		lines = block(&b, lines)
	}
	b.WriteString(".SH SEE ALSO\n.BR cloudseed (1),\n.BR cloudseed-debug (7),\n.BR cloudseed-boot (7),\n.BR cloudseed-examples (7),\n.BR cloud.cfg (5),\n.BR cloudseed-files (5)\n")
	return b.String()
}

var item = regexp.MustCompile(`^\s*([-*]|\d+\.) `)

// block writes what the lines begin with, and returns the others.
func block(b *strings.Builder, lines []string) []string {
	line, rest := lines[0], lines[1:]
	switch {
	case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "<!--"):
		return rest
	case strings.HasPrefix(line, "```"):
		return fenced(b, line, rest)
	case strings.HasPrefix(line, "### "):
		fmt.Fprintf(b, ".SS %s\n", inline(line[4:]))
		return rest
	case strings.HasPrefix(line, "## "):
		fmt.Fprintf(b, ".SH %s\n", inline(line[3:]))
		return rest
	case strings.HasPrefix(line, "|"):
		return table(b, lines)
	case item.MatchString(line):
		fmt.Fprintf(b, ".IP %q 4\n", strings.NewReplacer("-", `\(bu`, "*", `\(bu`).Replace(strings.TrimSpace(item.FindString(line))))
		lines[0] = item.ReplaceAllString(line, "")
		return paragraph(b, lines)
	default:
		b.WriteString(".PP\n")
		return paragraph(b, lines)
	}
}

// fenced writes a block as it is; a drawing that only browsers draw is left out.
func fenced(b *strings.Builder, line string, rest []string) []string {
	shown := line != "```mermaid"
	if shown {
		b.WriteString(".PP\n.RS 4\n.nf\n")
	}
	for i, line := range rest {
		if line == "```" {
			rest = rest[i+1:]
			break
		}
		if shown {
			b.WriteString(escape(line) + "\n")
		}
	}
	if shown {
		b.WriteString(".fi\n.RE\n")
	}
	return rest
}

// paragraph writes lines up to one that begins something else.
func paragraph(b *strings.Builder, lines []string) []string {
	var text []string
	for i, line := range lines {
		if i > 0 && (strings.TrimSpace(line) == "" || item.MatchString(line) || strings.HasPrefix(line, "|") || strings.HasPrefix(line, "```")) {
			break
		}
		text = append(text, strings.TrimSpace(line))
	}
	b.WriteString(inline(strings.Join(text, "\n")) + "\n")
	return lines[len(text):]
}

// table writes each row as a paragraph whose label is the first cell.
func table(b *strings.Builder, lines []string) []string {
	heads := cells(lines[0])
	for i, line := range lines[1:] {
		if !strings.HasPrefix(line, "|") {
			return lines[i+1:]
		}
		row := cells(line)
		if strings.Trim(strings.Join(row, ""), "-: ") == "" {
			continue
		}
		fmt.Fprintf(b, ".TP\n%s\n", inline(row[0]))
		for c, cell := range row[1:] {
			if cell == "" {
				continue
			}
			if len(row) > 2 && c+1 < len(heads) {
				cell = "*" + heads[c+1] + ":* " + cell
			}
			if c > 0 {
				b.WriteString(".br\n")
			}
			b.WriteString(inline(cell) + "\n")
		}
	}
	return nil
}

func cells(row string) []string {
	row = strings.ReplaceAll(strings.Trim(strings.TrimSpace(row), "|"), `\|`, "\x00")
	all := strings.Split(row, "|")
	for i := range all {
		all[i] = strings.TrimSpace(strings.ReplaceAll(all[i], "\x00", "|"))
	}
	return all
}

var (
	link = regexp.MustCompile(`\[([^\]]+)\]\([^)]+\)`)
	mark = regexp.MustCompile("`([^`]+)`|\\*\\*([^*]+)\\*\\*|\\*([^*\\s][^*]*)\\*")
)

// inline writes code and emphasis in bold, and of a link its text.
func inline(text string) string {
	text = link.ReplaceAllString(text, "$1")
	var b strings.Builder
	for {
		at := mark.FindStringSubmatchIndex(text)
		if at == nil {
			break
		}
		b.WriteString(escape(text[:at[0]]))
		for i := 2; i < len(at); i += 2 {
			if at[i] >= 0 {
				b.WriteString(`\fB` + escape(text[at[i]:at[i+1]]) + `\fR`)
			}
		}
		text = text[at[1]:]
	}
	b.WriteString(escape(text))
	lines := strings.Split(b.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}

// escape has text taken as it is: hyphens that can be copied, no line that is a request.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n.", "\n\\&.", "\n'", "\n\\&'", "…", "...", "→", `\(->`, "/", `/\:`, ",", `,\:`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
