package printable

import (
	"strings"
	"unicode/utf8"
)

// Table draws a table with a title as cloud-init does, whose tables programs read from the
// console: the first row is its head, cells and title are centered. What is in it cannot move the
// cursor. Each line begins with "ci-info: " and ends with a newline.
func Table(title string, rows [][]string) string {
	lines := drawn(rows)
	title = String(title)
	missing := max(0, utf8.RuneCountInString(lines[0])-utf8.RuneCountInString(title))
	lines = append([]string{strings.Repeat("+", missing/2) + title + strings.Repeat("+", missing-missing/2)}, lines...)
	return "ci-info: " + strings.Join(lines, "\nci-info: ") + "\n"
}

// drawn draws the table without its title.
func drawn(rows [][]string) []string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(String(cell))+2)
		}
	}
	rule := "+"
	for _, width := range widths {
		rule += strings.Repeat("-", width) + "+"
	}
	lines := []string{rule}
	for i, row := range rows {
		line := "|"
		for i, cell := range row {
			line += centered(String(cell), widths[i]) + "|"
		}
		lines = append(lines, line)
		if i == 0 {
			lines = append(lines, rule)
		}
	}
	return append(lines, rule)
}

// centered is Python's str.center: of an odd number of spaces, the one more is on the left
// if the width is odd, else on the right.
func centered(cell string, width int) string {
	missing := width - utf8.RuneCountInString(cell)
	left := missing/2 + missing&width&1
	return strings.Repeat(" ", left) + cell + strings.Repeat(" ", missing-left)
}
