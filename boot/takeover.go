package boot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"cloudseed/state"
)

// takeOver runs what the stages before this one left undone in this boot: a stage that
// was killed, or that could not run, must not end in a boot that says "done". What may be
// repeated runs again; what may not, and had begun, is reported as interrupted. That a
// stage died is an error in any case. false: it could not be done, and nothing that builds
// on it is to run.
func (b *Boot) takeOver(ctx context.Context, stage string) bool {
	if !b.store.BootBegun() {
		return true
	}
	for _, earlier := range sequence {
		if earlier.name == stage {
			break
		}
		standing, err := b.store.StageStanding(earlier.name)
		if err == nil && standing == state.Done {
			continue
		}
		b.note(errors.Join(err, fmt.Errorf("the stage %s %s; the stage %s runs what it left undone", earlier.name, undone[standing], stage)))
		b.stage, b.takingOver = earlier.name, true
		b.read()
		err = earlier.run(b, ctx)
		b.stage, b.takingOver = stage, false
		b.read()
		if err != nil {
			b.note(err)
			b.note(fmt.Errorf("the stage %s does not run: the stage %s could not be done", stage, earlier.name))
			return false
		}
		b.note(b.store.StageDone(earlier.name))
	}
	return true
}

// undone says how a stage stands that did not end.
var undone = map[state.Standing]string{
	state.NotRun:      "did not run in this boot",
	state.Interrupted: "was killed before its end",
}

// standingOf is how a module stands. What is always done is due in each run of its stage,
// but not again when another stage takes over.
func (b *Boot) standingOf(semaphore string, f state.Frequency) (state.Standing, error) {
	if f == state.Always && !b.takingOver {
		return state.NotRun, nil
	}
	return b.store.Standing(semaphore, f)
}

// onceABoot runs a program of the user data that may end this very process, so that the
// stage that takes over does not run it again.
func (b *Boot) onceABoot(what string, run func() error) error {
	sum := sha256.Sum256([]byte(what))
	name := "program_" + hex.EncodeToString(sum[:])
	standing, err := b.store.Standing(name, state.Always)
	switch {
	case err != nil:
		return err
	case standing == state.Interrupted:
		return errors.New("it ran when the stage was killed, and is not run again in this boot")
	case standing == state.Done && b.takingOver:
		return nil
	}
	if err := b.store.Begin(name, state.Always); err != nil {
		return err
	}
	return errors.Join(run(), b.store.End(name, state.Always))
}
