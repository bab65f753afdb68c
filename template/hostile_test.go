package template_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"cloudseed/template"
)

const (
	mib = 1 << 20

	// hostileMemory is the bound that docs/limits.md states: the most that a process may
	// need, at its peak, to fill in any template or to refuse it.
	hostileMemory = 512 * mib

	// hostileVariable names the template that this test's child process fills in.
	hostileVariable = "CLOUDSEED_TEST_HOSTILE"
)

const (
	tooLong  = "makes more text than a template may"
	tooMuch  = "more to work out than a template may"
	tooDeep  = "more than 1000 things are in each other"
	tooLarge = "too large"
	tooMany  = "more than 500000 names, operators and the like"
)

// hostile are templates made to do harm, and what is said of each; "" is what can be
// filled in, and must not cost more for that.
var hostile = map[string]struct {
	text func() string // made in the child: its own size counts
	want string
}{
	"a range of a billion":                {func() string { return "{% for i in range(10**9) %}x{% endfor %}" }, "a range of 1000000000 numbers is too long"},
	"a range of more than can be counted": {func() string { return "{{ range(0, 10**30) | length }}" }, "too long"},
	"loops in loops":                      {func() string { return nested("{% for i in range(1000) %}", 9, "x", "{% endfor %}") }, "template may"},
	"loops in loops that print nothing":   {func() string { return nested("{% for i in range(100000) %}", 3, "", "{% endfor %}") }, "template may"},
	"loops in loops that print much": {func() string {
		return nested("{% for i in range(1000) %}", 3, strings.Repeat("x", 10_000), "{% endfor %}")
	}, tooLong},
	"a loop that makes its list longer": {func() string { return "{% set l = [1] %}{% for i in range(1000) %}{% do l.extend(l) %}{% endfor %}" }, tooLong},
	"a loop that makes its text longer": {func() string {
		return "{% set n = namespace(t='x') %}{% for i in range(1000) %}{% set n.t = n.t ~ n.t %}{% endfor %}"
	}, tooLong},
	"a loop that makes its number larger": {func() string {
		return "{% set n = namespace(i=3) %}{% for i in range(1000) %}{% set n.i = n.i * n.i %}{% endfor %}"
	}, tooLarge},
	"a loop that calls itself": {func() string { return "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}" }, tooDeep},
	"a loop that calls itself for more": {func() string {
		return "{% for i in [1, 2] recursive %}{{ loop([1, 2]) if loop.depth < 40 }}{% endfor %}"
	}, "template may"},
	"a text times a billion":                  {func() string { return "{{ 'x' * 10**9 }}" }, tooLong},
	"a text times more than can be counted":   {func() string { return "{{ 'x' * 10**30 }}" }, "nothing can be repeated so many times"},
	"a billion times a list":                  {func() string { return "{{ 10**9 * [1] }}" }, tooLong},
	"a tuple times a billion":                 {func() string { return "{{ (1, 2) * 10**9 }}" }, tooLong},
	"nothing times a billion":                 {func() string { return "{{ '' * 10**9 }}{{ [] * 10**9 }}" }, ""},
	"a power of a billion":                    {func() string { return "{{ 2 ** (10**9) }}" }, tooLarge},
	"a power of powers":                       {func() string { return "{{ 9 ** (9 ** (9 ** 9)) }}" }, tooLarge},
	"one to the power of a large number":      {func() string { return "{{ 1 ** 10**100 }}{{ (-1) ** 10**100 }}" }, ""},
	"a number of a million digits":            {func() string { return "{{ " + strings.Repeat("9", 1_000_000) + " }}" }, tooLarge},
	"a number that is too long to be printed": {func() string { return "{{ 10 ** 5000 }}" }, "more than 4300 digits"},
	"numbers that are long, again and again":  {func() string { return "{% for i in range(100000) %}{{ 7 ** 5000 % 10 }}{% endfor %}" }, tooMuch},
	"a chain of tildes":                       {func() string { return "{% set x = 'x' * 1000000 %}{{ x" + strings.Repeat(" ~ x", 1000) + " }}" }, tooLong},
	"a long chain of tildes":                  {func() string { return "{{ 1" + strings.Repeat("~1", 300_000) + " }}" }, tooMany},
	"a long sum":                              {func() string { return "{{ 1" + strings.Repeat("+1", 200_000) + " }}" }, tooDeep},
	"a long chain of dots":                    {func() string { return "{{ a" + strings.Repeat(".a", 200_000) + " }}" }, tooDeep},
	"a long chain of filters":                 {func() string { return "{{ 1" + strings.Repeat("|e", 200_000) + " }}" }, tooDeep},
	"a long name of a filter":                 {func() string { return "{{ 1|a" + strings.Repeat(".a", 200_000) + " }}" }, "there is no filter"},
	"brackets in brackets":                    {func() string { return "{{ " + strings.Repeat("(", 100_000) + strings.Repeat(")", 100_000) + " }}" }, tooDeep},
	"lists in lists":                          {func() string { return "{{ " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + " }}" }, tooDeep},
	"dictionaries in dictionaries":            {func() string { return "{{ " + strings.Repeat("{1:", 100_000) + strings.Repeat("}", 100_000) + " }}" }, tooDeep},
	"not not":                                 {func() string { return "{{ " + strings.Repeat("not ", 100_000) + "1 }}" }, tooDeep},
	"minus minus":                             {func() string { return "{{ " + strings.Repeat("-", 100_000) + "1 }}" }, tooDeep},
	"choices in choices":                      {func() string { return "{{ " + strings.Repeat("1 if 1 else ", 100_000) + "1 }}" }, tooDeep},
	"conditions in conditions":                {func() string { return strings.Repeat("{% if 1 %}", 100_000) }, tooDeep},
	"many conditions beside each other":       {func() string { return "{% if 0 %}" + strings.Repeat("{% elif 0 %}", 50_000) + "{% endif %}" }, ""},
	"a macro that calls itself":               {func() string { return "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}" }, tooDeep},
	"a macro that calls itself twice": {func() string {
		return "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}"
	}, tooMuch},
	"macros that call each other": {func() string {
		return "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}"
	}, tooDeep},
	"a caller that calls its macro": {func() string {
		return "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{{ caller() }}{% endmacro %}{% call m() %}x{% endcall %}"
	}, tooDeep},
	"a block that prints itself": {func() string { return "{% block b %}{{ self.b() }}{% endblock %}" }, tooDeep},
	"a width of a billion":       {func() string { return "{{ '%1000000000d' % 1 }}" }, tooLarge},
	"a width that is a value":    {func() string { return "{{ '%*d' % (10**12, 1) }}" }, tooLarge},
	"a precision of a billion":   {func() string { return "{{ '%.1000000000f' % 1.5 }}" }, tooLarge},
	"a width of a format":        {func() string { return "{{ '{:1000000000}'.format(1) }}" }, tooLarge},
	"a width of a million digits": {func() string {
		return "{{ '{:" + strings.Repeat("0", 10) + strings.Repeat("9", 1_000_000) + "}'.format(1) }}"
	}, tooLarge},
	"a width that comes from a format": {func() string { return "{{ '{:{}}'.format(1, 10**12) }}" }, tooLarge},
	"widths, again and again":          {func() string { return "{% for i in range(1000) %}{{ '%1000000d' % 1 }}{% endfor %}" }, tooLong},
	"formats in formats": {func() string {
		return "{{ '" + strings.Repeat("{:", 2000) + strings.Repeat("}", 2000) + "'.format(1, 2) }}"
	}, "the format asks for value 3"},
	"center":                                {func() string { return "{{ 'x' | center(10**9) }}" }, tooLong},
	"ljust":                                 {func() string { return "{{ 'x'.ljust(10**9) }}" }, tooLong},
	"zfill":                                 {func() string { return "{{ 'x'.zfill(10**30) }}" }, tooLong},
	"expandtabs":                            {func() string { return `{{ '\t'.expandtabs(10**9) }}` }, tooLong},
	"indent":                                {func() string { return "{{ ('x\n' * 1000) | indent(1000000) }}" }, tooLong},
	"indent by a billion":                   {func() string { return "{{ 'x' | indent(10**9) }}" }, tooLong},
	"JSON with an indentation of a billion": {func() string { return "{{ [1] | tojson(10**9) }}" }, tooLong},
	"join":                                  {func() string { return "{{ range(100000) | join('x' * 10000) }}" }, tooLong},
	"the method join":                       {func() string { return "{{ ('x' * 1000000).join('y' * 1000) }}" }, tooLong},
	"replace":                               {func() string { return "{{ ('x' * 100000).replace('x', 'y' * 100000) }}" }, tooLong},
	"replace of nothing":                    {func() string { return "{{ ('x' * 100000) | replace('', 'y' * 100000) }}" }, tooLong},
	"batch":                                 {func() string { return "{{ [1] | batch(10**9, 'x') | list }}" }, tooLong},
	"slice":                                 {func() string { return "{{ [1] | slice(10**9) | list }}" }, tooLong},
	"round":                                 {func() string { return "{{ 12 | round(-(10**9)) }}" }, "cannot be rounded"},
	"split":                                 {func() string { return "{{ ('x ' * 10000000).split() | length }}" }, tooLong},
	"split from the right":                  {func() string { return "{{ ('x ' * 100000).rsplit(None, 100000) | length }}" }, tooMuch},
	"words that are counted":                {func() string { return "{{ ('x ' * 15000000) | wordcount }}" }, ""},
	"words without tags":                    {func() string { return "{{ ('x ' * 15000000) | striptags | length }}" }, ""},
	"words with capitals":                   {func() string { return "{{ ('x ' * 15000000) | title | length }}" }, ""},
	"lines of a text in a list":             {func() string { return `{{ ('\n' * 30000000).splitlines() | length }}` }, tooLong},
	"indented lines":                        {func() string { return `{{ ('\n' * 30000000) | indent }}` }, tooLong},
	"a text for HTML":                       {func() string { return "{{ ('\"' * 30000000) | e | length }}" }, tooLong},
	"a text for a URL":                      {func() string { return "{{ ('/' * 30000000) | urlencode | length }}" }, tooLong},
	"a text as JSON":                        {func() string { return `{{ ('\x01' * 30000000) | tojson | length }}` }, tooLong},
	"a text as Python writes it":            {func() string { return `{{ ['\x01' * 30000000] | string | length }}` }, tooLong},
	"letters that become two":               {func() string { return "{{ ('ß' * 30000000) | upper | length }}" }, tooLong},
	"places of a format":                    {func() string { return "{{ ('{0}' * 10000000).format('x') | length }}" }, "template may"},
	"places for values":                     {func() string { return "{{ ('%%' * 15000000) % () | length }}" }, "template may"},
	"pieces of a text":                      {func() string { return "{{ ('a,' * 15000000).split(',') | length }}" }, tooLong},
	"a text and its characters in a set":    {func() string { return "{{ ('abc' * 10000000) | unique | list }}" }, tooLong},
	"strip by many characters":              {func() string { return "{{ (('x' * 1000000) ~ 'y') | trim('" + letters(100_000) + "') }}" }, ""},
	"characters of a long text":             {func() string { return "{{ ('x' * 10000000) | list | length }}" }, tooLong},
	"tags that are not closed":              {func() string { return "{{ ('<!-- >' * 1000000) | striptags }}" }, ""},
	"sorting a large list, again and again": {func() string {
		return "{% for i in range(1000) %}{{ range(100000) | sort(reverse=true) | first }}{% endfor %}"
	}, "template may"},
	"sorting long texts that are equal": {func() string { return "{% set x = 'x' * 100000 %}{{ ([x] * 10000) | sort | length }}" }, "template may"},
	"groups of a large list": {func() string {
		return "{% for i in range(100) %}{{ range(100000) | map('string') | groupby(0) | length }}{% endfor %}"
	}, "template may"},
	"unique of long texts":                  {func() string { return "{% set x = 'x' * 1000000 %}{{ ([x] * 10000) | unique | list | length }}" }, "template may"},
	"looking for an item that is not there": {func() string { return "{% for i in range(100000) %}{{ 'a' in range(100000) }}{% endfor %}" }, "template may"},
	"removing from a large dictionary": {func() string {
		return "{% set d = dict() %}{% for i in range(100000) %}{% do d.update({i: i}) %}{% endfor %}{% for i in range(100000) %}{% do d.pop(i) %}{% endfor %}"
	}, "template may"},
	"a list in itself":         {func() string { return "{% set l = [] %}{% do l.append(l) %}{{ l }}" }, ""},
	"a list in itself as JSON": {func() string { return "{% set l = [] %}{% do l.append(l) %}{{ l | tojson }}" }, tooDeep},
	"lists in each other that are compared": {func() string {
		return "{% set a = [] %}{% set b = [] %}{% do a.append(b) %}{% do b.append(a) %}{{ a == b }}"
	}, tooDeep},
	"lists in each other many times": {func() string {
		return "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l }}"
	}, "template may"},
	"tuples in each other many times as a key": {func() string {
		return "{% set n = namespace(l=(1,)) %}{% for i in range(60) %}{% set n.l = (n.l, n.l) %}{% endfor %}{{ {n.l: 1} }}"
	}, "template may"},
	"a dictionary in itself": {func() string {
		return "{% set d = {} %}{% do d.update(a=d) if 0 %}{% do d.update({'a': d}) %}{{ d }}{{ d | string | length }}"
	}, ""},
	"a namespace in itself":               {func() string { return "{% set n = namespace() %}{% set n.n = n %}{{ n.n.n.n }}{{ n | tojson }}" }, "cannot be written as JSON"},
	"a template of 100 MB":                {func() string { return strings.Repeat("x", 100*mib) }, "a template can have 16 MiB at most"},
	"a template of just less than 16 MiB": {func() string { return strings.Repeat("x", 16*mib-1) }, ""},
	"many values to print":                {func() string { return strings.Repeat("{{1}}", 3*mib) }, tooMany},
	"as many values to print as can be":   {func() string { return strings.Repeat("{{a}}", 160_000) }, ""},
	"many comments":                       {func() string { return strings.Repeat("{##}", 4*mib) }, ""},
	"many comments that are not closed":   {func() string { return strings.Repeat("{#", 8*mib) }, "has no end"},
	"many raws":                           {func() string { return strings.Repeat("{% raw %}", mib) }, "has no"},
	"a long name":                         {func() string { return "{{ " + strings.Repeat("x", 15*mib) + " + 1 }}" }, "xxx… has no value"},
	"a long key": {func() string {
		return "{% for i in range(100000) %}{{ [1]['" + strings.Repeat("x", 10*mib) + "'] is defined }}{% endfor %}"
	}, ""},
	"a long key of a dictionary": {func() string {
		return "{% for i in range(100000) %}{{ {}['" + strings.Repeat("x", 10*mib) + "'] is defined }}{% endfor %}"
	}, "template may"},
	"a long string":             {func() string { return "{{ '" + strings.Repeat(`\n`, 7*mib) + "' | length }}" }, ""},
	"strings beside each other": {func() string { return "{{ " + strings.Repeat("'' ", 400_000) + "}}" }, ""},
	"many arguments":            {func() string { return "{{ dict(" + strings.Repeat("a=1,", 100_000) + ") }}" }, ""},
	"a list as arguments":       {func() string { return "{{ dict(*range(100000)) }}" }, "one value at most"},
	"many line ends":            {func() string { return strings.Repeat("\n", 15*mib) + "{{" }, "has no end"},
	"lines of a text":           {func() string { return `{{ '\n' * (60 * 2**20) }}` }, tooLong},
	"as many lines as can be":   {func() string { return strings.Repeat("\n", 7*mib) }, ""},
	"many blanks in tags":       {func() string { return strings.Repeat("{%- "+strings.Repeat(" ", 1000)+"set a = 1 -%}", 10_000) }, ""},
}

// nested is something with itself inside.
func nested(begin string, times int, inside, end string) string {
	return strings.Repeat(begin, times) + inside + strings.Repeat(end, times)
}

// letters are that many different characters.
func letters(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteRune(rune(0x10000 + i))
	}
	return b.String()
}

// told is what the child says.
type told struct {
	Error string
	Peak  int64 // bytes
}

func TestMain(m *testing.M) {
	name := os.Getenv(hostileVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	_, _, err := template.Template{Text: hostile[name].text()}.Render(context.Background(), nil)
	t := told{Peak: peak()}
	if err != nil {
		t.Error = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(t); err != nil {
		panic(err)
	}
}

// peak is the most memory that this process has had (VmHWM in proc_pid_status(5)).
func peak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscanf(rest, "%d kB", &kib); err != nil {
		panic(err)
	}
	return kib << 10
}

func TestHostileTemplatesAreRefusedInBoundedMemory(t *testing.T) {
	t.Parallel()
	for name, test := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), hostileVariable+"="+name)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			var said told
			if err == nil {
				err = json.Unmarshal(out, &said)
			}
			if err != nil {
				t.Fatalf("%v: %.2000s", err, stderr.String())
			}
			t.Logf("%d MiB", said.Peak/mib)
			if (test.want == "") != (said.Error == "") || !strings.Contains(said.Error, test.want) {
				t.Errorf("it is not told %q but %.500q", test.want, said.Error)
			}
			if len(said.Error) > 600 {
				t.Errorf("its error has %d bytes", len(said.Error))
			}
			if said.Peak > hostileMemory {
				t.Errorf("it took %d MiB, more than %d", said.Peak/mib, hostileMemory/mib)
			}
		})
	}
}
