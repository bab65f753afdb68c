package config

import "slices"

// Merge lays one value over another by the rule of layers: maps are merged key by
// key, and of everything else the higher one replaces the lower whole.
//
// Difference from cloud-init: there a map of the lower one replaces a text or a list.
func Merge(low, high *Value) *Value {
	switch {
	case high == nil:
		return low
	case low == nil || low.kind != Map || high.kind != Map:
		return high
	}
	pairs := slices.Clone(low.pairs)
	for _, p := range high.pairs {
		p.Value = Merge(low.Get(p.Name), p.Value)
		pairs = append(pairs, p)
	}
	return NewMap(high.pos, pairs)
}
