package docs

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// byHand are the files of the program, outside of config, that put a report together by its fields, with why
// a cursor cannot.
var byHand = map[string]string{
	"modules/set_passwords.go": "it has a cause that the boot looks for: a program that is not installed",
	"netconf/plan.go":          "it has a cause that the boot looks for: a program that is not installed",
}

// There is one way to report: a cursor knows severity, place, key path and message.
func TestProblemsAreReportedByACursor(t *testing.T) {
	t.Parallel()
	literal := regexp.MustCompile(`(?m)[^\]]config\.Problem\{([^}\n]|$)`) // not one of a list that a cursor or a place has made
	found := map[string]bool{}
	for _, line := range list(t, `{{.ImportPath}} {{.Dir}} {{join .GoFiles ","}}`, "./...") {
		fields := strings.Split(line, " ")
		room := strings.TrimPrefix(fields[0], "cloudseed/")
		for file := range strings.FieldsFuncSeq(fields[2], func(r rune) bool { return r == ',' }) {
			data, err := os.ReadFile(filepath.Join(fields[1], file))
			if err != nil {
				t.Fatal(err)
			}
			name := room + "/" + file
			if found[name] = literal.Match(data) && !strings.HasPrefix(room, "test/"); found[name] && byHand[name] == "" {
				t.Errorf("%s makes a config.Problem by hand: report by config.Cursor or config.Pos", name)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byHand)) {
		if !found[name] {
			t.Errorf("%s need not be listed any more", name)
		}
	}
}
