package template

import (
	"context"
	"fmt"
	"strings"
)

// pos is a place in a template, both from 1 on.
type pos struct{ line, column int }

// budget is what a template may still use.
type budget struct {
	ctx    context.Context
	steps  int
	memory int
	depth  int
	due    int // steps until the clock is looked at again
	at     pos // of what is worked out now
}

func (b *budget) fail(format string, args ...any) {
	panic(failed(b.at, format, args...))
}

// failed cuts the message: a name in it may be as long as the template.
func failed(at pos, format string, args ...any) failure {
	message := fmt.Sprintf(format, args...)
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "") + "…"
	}
	return failure{message, at}
}

const maxMessage = 500

// clockSteps is how many steps pass between looks at the clock.
const clockSteps = 1024

// spend is for work: one step for each value, item or character looked at in a row.
func (b *budget) spend(steps int) {
	b.steps -= steps
	if b.steps < 0 {
		b.fail("the template has more to work out than a template may: is there a loop that does not end?")
	}
	if b.due -= steps; b.due <= 0 {
		b.due = clockSteps
		if b.ctx.Err() != nil {
			b.fail("the template was given up: %v", context.Cause(b.ctx))
		}
	}
}

// scan is for going through a text.
func (b *budget) scan(size int) { b.spend(1 + size/64) }

// grow is for making a text or a list, and is called before it is made if it can be
// larger than what it is made of.
func (b *budget) grow(bytes int) {
	if b.memory -= bytes; bytes < 0 || b.memory < 0 {
		b.memory = 0
		b.fail("the template makes more text than a template may: %d MiB in all", maxMemory>>20)
	}
	b.scan(bytes)
}

// text accounts for a text that was made.
func (b *budget) text(s string) string {
	b.grow(len(s))
	return s
}

// itemSize is about what an item of a list takes.
const itemSize = 32

// deeper is for what is in each other; the caller calls what it returns when it is done.
func (b *budget) deeper() func() {
	if b.depth++; b.depth > maxDepth {
		b.fail("more than %d things are in each other here: does something contain or call itself?", maxDepth)
	}
	return func() { b.depth-- }
}
