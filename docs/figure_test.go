package docs

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// Measures of the figure, in pixels.
const (
	figureWidth = 920
	boxHeight   = 26
	rowHeight   = 72
	letterWidth = 8 // of the boxes' font, about
)

// TestTheFigureShowsTheRooms holds the figure of architecture.md to go list.
func TestTheFigureShowsTheRooms(t *testing.T) {
	t.Parallel()
	const file = "architecture.svg"
	want := drawRooms(t, roomArrows(t))
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != want {
		t.Errorf("%s does not show the rooms as they are (%v): go test ./docs -run TestTheFigureShowsTheRooms -update", file, err)
	}
}

func TestAnArrowThatOthersImplyIsNotDrawn(t *testing.T) {
	t.Parallel()
	got := reduced(map[string][]string{"boot": {"host", "modules"}, "modules": {"host"}, "host": nil})
	if strings.Join(got["boot"], " ") != "modules" || strings.Join(got["modules"], " ") != "host" {
		t.Errorf("got %v, want boot above modules above host", got)
	}
}

// roomArrows are the rooms of the program, each a folder with all that is below it, and the
// rooms that they import.
func roomArrows(t *testing.T) map[string][]string {
	t.Helper()
	arrows := map[string][]string{}
	for _, line := range list(t, `{{.ImportPath}} {{join .GoFiles ","}} {{join .Imports ","}}`, "./...") {
		fields := strings.Split(strings.TrimPrefix(line, "cloudseed/"), " ")
		if strings.HasPrefix(fields[0], "test/") || strings.HasSuffix(fields[0], "test") || fields[1] == "" {
			continue
		}
		from, _, _ := strings.Cut(fields[0], "/")
		arrows[from] = append(arrows[from], nil...)
		for _, i := range strings.Split(fields[2], ",") {
			i, ours := strings.CutPrefix(i, "cloudseed/")
			to, _, _ := strings.Cut(i, "/")
			if ours && to != from && !slices.Contains(arrows[from], to) {
				arrows[from] = append(arrows[from], to)
			}
		}
	}
	return arrows
}

// reduced leaves out the arrows that lead where other arrows lead too.
func reduced(arrows map[string][]string) map[string][]string {
	fewer := map[string][]string{}
	for from, direct := range arrows {
		for _, to := range direct {
			implied := slices.ContainsFunc(direct, func(by string) bool { return by != to && leadsTo(arrows, by, to) })
			if !implied {
				fewer[from] = append(fewer[from], to)
			}
		}
		slices.Sort(fewer[from])
	}
	return fewer
}

func leadsTo(arrows map[string][]string, from, to string) bool {
	return slices.Contains(arrows[from], to) || slices.ContainsFunc(arrows[from], func(by string) bool { return leadsTo(arrows, by, to) })
}

// height is how many rooms are below one another from a room down. Go has no circles of
// packages; a circle of rooms is a mistake.
func height(t *testing.T, arrows map[string][]string, room string, above ...string) int {
	t.Helper()
	if slices.Contains(above, room) {
		t.Fatalf("rooms import each other in a circle: %v", append(above, room))
	}
	highest := 0
	for _, to := range arrows[room] {
		highest = max(highest, 1+height(t, arrows, to, append(above, room)...))
	}
	return highest
}

// drawRooms draws each room above all that it imports.
func drawRooms(t *testing.T, arrows map[string][]string) string {
	t.Helper()
	var rows [][]string
	for _, room := range slices.Sorted(maps.Keys(arrows)) {
		h := height(t, arrows, room)
		for len(rows) <= h {
			rows = append(rows, nil)
		}
		rows[h] = append(rows[h], room)
	}
	type box struct{ x, y, width int } // x of the middle, y of the top
	boxes := map[string]box{}
	for h, row := range rows {
		for i, room := range row {
			x := figureWidth*(2*i+1)/(2*len(row)) + h%3*34 - 34 // so that no arrow runs behind a box
			boxes[room] = box{x, 20 + (len(rows)-1-h)*rowHeight, 16 + letterWidth*len(room)}
		}
	}
	var svg strings.Builder
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="monospace" font-size="13">`+"\n", figureWidth, 40+len(rows)*rowHeight-rowHeight+boxHeight)
	svg.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n")
	fewer := reduced(arrows)
	for _, from := range slices.Sorted(maps.Keys(fewer)) {
		for _, to := range fewer[from] {
			a, b := boxes[from], boxes[to]
			fmt.Fprintf(&svg, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#9ab"/>`+"\n", a.x, a.y+boxHeight, b.x, b.y)
		}
	}
	for _, room := range slices.Sorted(maps.Keys(boxes)) {
		b := boxes[room]
		fmt.Fprintf(&svg, `<rect x="%d" y="%d" width="%d" height="%d" rx="4" fill="#eef3f8" stroke="#357"/>`, b.x-b.width/2, b.y, b.width, boxHeight)
		fmt.Fprintf(&svg, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", b.x, b.y+boxHeight-8, room)
	}
	svg.WriteString("</svg>\n")
	return svg.String()
}
