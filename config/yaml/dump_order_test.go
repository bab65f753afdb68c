package yaml_test

import (
	"testing"

	"cloudseed/config"
	"cloudseed/config/yaml"
)

func TestAnOrderedMapIsWrittenInItsOrder(t *testing.T) {
	t.Parallel()
	v := config.FromAny("made", config.Ordered[any]{
		{Key: "version", Value: 2},
		{Key: "ethernets", Value: config.Ordered[any]{{Key: "b", Value: config.Ordered[any]{}}, {Key: "a", Value: []any{"yes", true}}}},
	})
	const want = "version: 2\nethernets:\n    b: {}\n    a:\n    - 'yes'\n    - true\n"
	if got := string(yaml.DumpInOrder(v)); got != want {
		t.Errorf("in order:\n%s", got)
	}
	const sorted = "ethernets:\n    a:\n    - 'yes'\n    - true\n    b: {}\nversion: 2\n"
	if got := string(yaml.Dump(v)); got != sorted {
		t.Errorf("sorted:\n%s", got)
	}
	const narrow = "ethernets:\n  a:\n  - 'yes'\n  - true\n  b: {}\nversion: 2\n"
	if got := string(yaml.DumpIndented(v, 2)); got != narrow {
		t.Errorf("with two spaces:\n%s", got)
	}
}
