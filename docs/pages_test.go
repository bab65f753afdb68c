package docs

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pages are all pages of the project: the documentation, and those that lie beside code.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"../*.md", "*.md", "*/*.md", "../test/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

var (
	code    = regexp.MustCompile("(?ms)^```.*?^```$|`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
)

// TestEveryLinkLeadsSomewhere: a file that is there, and in it the heading; outside of the
// project, a URL that is one.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, page := range pages(t) {
		text := code.ReplaceAllString(read(t, page), "")
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			seen++
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				if u, err := url.Parse(target); err != nil || u.Scheme != "https" || u.Host == "" {
					t.Errorf("%s: %s is no https URL", page, target)
				}
				continue
			}
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: the link to %s: %v", page, match[1], err)
				continue
			}
			if anchor != "" && !anchors(read(t, file))[anchor] {
				t.Errorf("%s: %s has no heading %s", page, file, anchor)
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d links were seen", seen)
	}
}

// TestEveryPageIsReached: from the index, which README.md names.
func TestEveryPageIsReached(t *testing.T) {
	t.Parallel()
	index := read(t, "README.md")
	for _, page := range pages(t) {
		if !strings.HasPrefix(page, "../") && page != "README.md" && !strings.Contains(index, "("+page+")") {
			t.Errorf("docs/README.md has no link to %s", page)
		}
	}
}

// anchors are the names that headings have as the targets of links.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for _, match := range heading.FindAllStringSubmatch(code.ReplaceAllStringFunc(page, inline), -1) {
		all[anchor(match[1])] = true
	}
	return all
}

// inline leaves only code that is on one line.
func inline(s string) string {
	if strings.HasPrefix(s, "```") {
		return ""
	}
	return s
}

var notInAnchors = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

func anchor(heading string) string {
	return strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDifferencesHasATableOfContents, by topic, made of its headings.
func TestDifferencesHasATableOfContents(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- contents -->\n", "<!-- end of contents -->\n"
	text := read(t, "differences.md")
	head, rest, found := strings.Cut(text, begin)
	_, tail, ends := strings.Cut(rest, end)
	if !found || !ends {
		t.Fatal("differences.md has no place for its contents")
	}
	var contents strings.Builder
	for _, match := range regexp.MustCompile(`(?m)^(##+) (.+)$`).FindAllStringSubmatch(code.ReplaceAllStringFunc(tail, inline), -1) {
		contents.WriteString(strings.Repeat("  ", len(match[1])-2) + "- [" + match[2] + "](#" + anchor(match[2]) + ")\n")
	}
	want := head + begin + contents.String() + end + tail
	if *update {
		if err := os.WriteFile("differences.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want != text {
		t.Error("the contents are not the headings of differences.md: go test ./docs -run Contents -update")
	}
}
