package boot

import (
	"cloudseed/config"
	"cloudseed/inputs"
	"cloudseed/schema"
)

// findings are what is wrong with the cloud-config of a seed: with each source by itself,
// since what another one overrides is wrong all the same, and with how they are merged.
func (b *Boot) findings(in *inputs.UserData) []config.Problem {
	var list []config.Problem
	for _, s := range in.Sources {
		list = append(list, schema.CloudConfig(s.Result.CloudConfig)...)
	}
	return append(list, b.config.Problems()...)
}

// told is a problem as people know it again.
type told struct {
	at           config.Pos
	key, message string
}

func asTold(p config.Problem) told {
	t := told{at: p.Pos, message: p.Message}
	if p.Pos.Line == 0 {
		t.key = p.Key // else the place says it, and in a merged list the path may be another
	}
	return t
}

// alreadyTold notes problems as told: modules find them again when they read their keys, in
// this stage or in a later one.
func (b *Boot) alreadyTold(list []config.Problem) {
	if b.told == nil {
		b.told = map[told]bool{}
	}
	for _, p := range list {
		b.told[asTold(p)] = true
	}
}

// wasTold tells whether a problem needs no second word.
func (b *Boot) wasTold(p config.Problem) bool { return b.told[asTold(p)] }
