// Command mutants shows what the tests hold: it negates one condition of the program after the other, and
// runs the tests that should fail by it.
//
// In come a number of conditions and a seed that chooses them; out goes for each whether a test failed
// (killed) or none did (survived), and a table. A mutant is laid over the sources by go's -overlay: no file
// of the tree changes. All runs in a sandbox, as nobody knows what a mutant does to the machine. What
// equivalent.txt lists cannot be killed by any test and is not chosen.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"cloudseed/sandbox"
)

type options struct {
	count    int
	seed     uint64
	parallel int
	at       string
	dir      string
	inside   bool
}

func main() {
	sandbox.KeeperMain()
	var o options
	flag.IntVar(&o.count, "n", 100, "how many conditions")
	flag.Uint64Var(&o.seed, "seed", 1, "which ones: a run with the same seed repeats one")
	flag.IntVar(&o.parallel, "p", 2, "how many at a time")
	flag.StringVar(&o.at, "at", "", "the conditions of these lines instead: file:line,file:line")
	flag.StringVar(&o.dir, "dir", ".", "the sources")
	flag.BoolVar(&o.inside, "inside", false, "this process is in the sandbox already")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := outside
	if o.inside {
		run = inside
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// outside runs this program in a sandbox.
func outside(ctx context.Context, _ options) error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	result, err := sandbox.Run(ctx, sandbox.Options{
		Args: append(os.Args[1:], "-inside", "-dir", dir), Env: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr,
	})
	if err == nil && result.Exit != 0 {
		err = errors.New("mutants survived, or were not run")
	}
	return err
}

func inside(ctx context.Context, o options) error {
	t, err := newTests(ctx, o.dir)
	if err != nil {
		return err
	}
	all, err := packages(ctx, o.dir)
	if err != nil {
		return err
	}
	chosen, err := choose(all, o)
	if err != nil {
		return err
	}
	if err := t.baseline(ctx, all); err != nil {
		return err
	}
	results := t.kill(ctx, chosen, o)
	survived := printTable(os.Stdout, results)
	if err := ctx.Err(); err != nil {
		return err
	}
	if survived > 0 {
		return fmt.Errorf("%d of %d survived", survived, len(results))
	}
	return nil
}

// choose returns a seed's conditions, the first of which are those to be negated; the
// others are for those of which the negation does not compile.
func choose(all []*product, o options) ([]condition, error) {
	equivalent, err := readEquivalent(o.dir)
	if err != nil {
		return nil, err
	}
	var chosen []condition
	for _, p := range all {
		found, err := p.conditions(o.dir)
		if err != nil {
			return nil, err
		}
		for _, c := range found {
			if !equivalent.has(c) && (o.at == "" || slices.Contains(strings.Split(o.at, ","), c.place())) {
				chosen = append(chosen, c)
			}
		}
	}
	if unused := equivalent.unused(); len(unused) > 0 {
		return nil, fmt.Errorf("%s names conditions that the sources do not have: %q", equivalentFile, unused)
	}
	fmt.Printf("%d conditions; seed %d\n", len(chosen), o.seed)
	rand.New(rand.NewPCG(o.seed, o.seed)).Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
	return chosen, nil
}

// kill negates conditions until as many as are wanted were tried, and prints each.
func (t *tests) kill(ctx context.Context, chosen []condition, o options) []outcome {
	var (
		mu      sync.Mutex
		next    int
		results []outcome
		workers sync.WaitGroup
	)
	take := func() (condition, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next >= len(chosen) || len(results) >= o.count || ctx.Err() != nil {
			return condition{}, false
		}
		next++
		return chosen[next-1], true
	}
	for range o.parallel {
		workers.Go(func() {
			for c, more := take(); more; c, more = take() {
				result := t.try(ctx, c)
				mu.Lock()
				if ctx.Err() == nil && result.end != unbuildable && len(results) < o.count {
					results = append(results, result)
					fmt.Printf("%3d %s\n", len(results), result)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return results
}

// printTable prints how many were killed in each package, and returns how many survived.
func printTable(w io.Writer, results []outcome) int {
	type row struct{ negated, killed int }
	rows := map[string]*row{}
	total := row{}
	for _, r := range results {
		at := rows[r.pkg.ImportPath]
		if at == nil {
			at = &row{}
			rows[r.pkg.ImportPath] = at
		}
		at.negated++
		total.negated++
		if r.end != survived {
			at.killed++
			total.killed++
		}
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\npackage\tnegated\tkilled\tsurvived")
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\n", name, rows[name].negated, rows[name].killed, rows[name].negated-rows[name].killed)
	}
	fmt.Fprintf(table, "all\t%d\t%d\t%d\n", total.negated, total.killed, total.negated-total.killed)
	table.Flush()
	for _, r := range results {
		if r.end == survived {
			fmt.Fprintln(w, r)
		}
	}
	return total.negated - total.killed
}
