package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// median is that of values, which it sorts.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

// of is the median of something of costs.
func of(costs []cost, something func(cost) float64) float64 {
	values := make([]float64, 0, len(costs))
	for _, c := range costs {
		values = append(values, something(c))
	}
	return median(values)
}

func ownMS(c cost) float64      { return c.own.Seconds() * 1000 }
func childrenMS(c cost) float64 { return c.children.Seconds() * 1000 }
func wallMS(c cost) float64     { return c.wall.Seconds() * 1000 }
func peakMiB(c cost) float64    { return float64(c.peak) / (1 << 20) }

// ratio is the median of the ratios of rounds: another program's cost by ours.
func ratio(ours, others []cost) float64 {
	values := make([]float64, 0, len(ours))
	for i := range min(len(ours), len(others)) {
		values = append(values, ownMS(others[i])/ownMS(ours[i]))
	}
	return median(values)
}

// render is the table; the first program is what others are compared with.
func render(programs []booted, all map[string]*results, rounds int) string {
	var t strings.Builder
	fmt.Fprintf(&t, "Medians of %d rounds. Own: processor time of the program's processes with their threads; a ratio is the\nmedian of the rounds' ratios to the first program's own time.\n\n", rounds)
	t.WriteString("| boot | program | own | ratio | children | wall | peak memory | system calls | opens | syncs | flushes | bytes written | processes started |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	first := all[programs[0].name]
	for k := range kinds {
		for _, b := range programs {
			r := all[b.name]
			if len(r.boots[k]) == 0 {
				continue
			}
			n := r.counted[k]
			fmt.Fprintf(&t, "| %s | %s | %.1f ms | %.2f | %.1f ms | %.0f ms | %.1f MiB | %d | %d | %d | %d | %d | %d |\n", k, b.name,
				of(r.boots[k], ownMS), ratio(first.boots[k], r.boots[k]), of(r.boots[k], childrenMS), of(r.boots[k], wallMS), of(r.boots[k], peakMiB),
				n.calls, n.opens, n.syncs, n.flushes, n.written, n.started)
		}
	}
	t.WriteString("\n| command | program | own | ratio | peak memory |\n|---|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(programs[0].commands)) {
		for _, b := range programs {
			c := all[b.name].commands[name]
			fmt.Fprintf(&t, "| %s | %s | %.1f ms | %.2f | %.1f MiB |\n", name, b.name, of(c, ownMS), ratio(first.commands[name], c), of(c, peakMiB))
		}
	}
	return t.String()
}

const begin, end = "<!-- bench -->\n", "<!-- end of bench -->\n"

// write puts the table into its place in a page.
func write(page, table string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, ends := strings.Cut(rest, end)
	if !found || !ends {
		return fmt.Errorf("%s has no place for the table", page)
	}
	return os.WriteFile(page, []byte(head+begin+table+end+tail), 0o644)
}
