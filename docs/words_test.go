package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPagesUseTheFieldsWords holds the documentation to the table of words in style.md.
func TestPagesUseTheFieldsWords(t *testing.T) {
	t.Parallel()
	avoided := avoidedWords(t)
	pages, err := filepath.Glob("*.md")
	if err != nil || len(pages) < 10 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	for _, page := range append(pages, "../README.md") {
		if page == "style.md" {
			continue
		}
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(strings.Fields(string(content)), " ") // lines are broken anywhere
		for _, at := range avoided.FindAllStringIndex(text, -1) {
			t.Errorf("%s: %q is not the field's word, by style.md: …%s…", page, text[at[0]:at[1]], text[max(0, at[0]-40):min(len(text), at[1]+40)])
		}
	}
}

// TestMessagesUseTheFieldsWords holds the strings of the program, its help and documentation of keys
// among them, to the table of words in style.md.
func TestMessagesUseTheFieldsWords(t *testing.T) {
	t.Parallel()
	avoided := avoidedWords(t)
	for _, line := range list(t, "{{.Dir}}", "./...") {
		if strings.Contains(line, "/test/") || strings.HasSuffix(line, "test") {
			continue
		}
		files, err := filepath.Glob(filepath.Join(line, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			places := token.NewFileSet()
			file, err := parser.ParseFile(places, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
					if word := avoided.FindString(text.Value); word != "" {
						t.Errorf("%s: %q is not the field's word, by style.md: %s", places.Position(text.Pos()), word, text.Value)
					}
				}
				return true
			})
		}
	}
}

// avoidedWords matches what the first column of style.md's table has.
func avoidedWords(t *testing.T) *regexp.Regexp {
	t.Helper()
	data, err := os.ReadFile("style.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(data), "| not | but |\n|---|---|\n")
	table, _, ended := strings.Cut(table, "\n\n")
	if !found || !ended {
		t.Fatal("style.md has no table of words")
	}
	var words []string
	for row := range strings.Lines(table) {
		not := strings.Split(row, "|")[1]
		for word := range strings.SplitSeq(not, ";") {
			words = append(words, regexp.QuoteMeta(strings.TrimSpace(word)))
		}
	}
	return regexp.MustCompile(`(?i)\b(` + strings.Join(words, "|") + `)\b`)
}
