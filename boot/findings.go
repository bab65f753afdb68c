package boot

import (
	"cloudseed/config"
	"cloudseed/inputs"
	"cloudseed/schema"
)

// findings are what is wrong with the cloud-config of a seed: with each source by itself,
// since what another one overrides is wrong all the same, and with how they are merged.
func findings(in *inputs.UserData) []config.Problem {
	var list []config.Problem
	for _, s := range in.Sources {
		list = append(list, schema.CloudConfig(s.Result.CloudConfig)...)
	}
	return append(list, in.Config.Problems()...)
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

// known are the problems of a list, which is made when it is first asked for.
type known struct {
	list func() []config.Problem // nil: there are none
	told map[told]bool
}

func (k *known) has(p config.Problem) bool {
	if k.list != nil && k.told == nil {
		k.told = map[told]bool{}
		for _, p := range k.list() {
			k.told[asTold(p)] = true
		}
	}
	return k.told[asTold(p)]
}
