package config_test

import "testing"

func TestPatch(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, patch, want, err string }{
		{name: "a key is added", patch: `[{"op": "add", "path": "/b", "value": 1}]`, want: "{'a': {'x': [1, 2]}, 'b': 1}"},
		{name: "an item is put in", patch: `[{"op": "add", "path": "/a/x/1", "value": 9}]`, want: "{'a': {'x': [1, 9, 2]}}"},
		{name: "an item is put last", patch: `[{"op": "add", "path": "/a/x/-", "value": 9}]`, want: "{'a': {'x': [1, 2, 9]}}"},
		{name: "a key is removed", patch: `[{"op": "remove", "path": "/a/x"}]`, want: "{'a': {}}"},
		{name: "an item is removed", patch: `[{"op": "remove", "path": "/a/x/0"}]`, want: "{'a': {'x': [2]}}"},
		{name: "an item is replaced", patch: `[{"op": "replace", "path": "/a/x/0", "value": null}]`, want: "{'a': {'x': [None, 2]}}"},
		{name: "a key is moved", patch: `[{"op": "move", "from": "/a/x", "path": "/y"}]`, want: "{'a': {}, 'y': [1, 2]}"},
		{name: "an item is copied", patch: `[{"op": "copy", "from": "/a/x/1", "path": "/y~1z"}]`, want: "{'a': {'x': [1, 2]}, 'y/z': 2}"},
		{name: "a test that holds", patch: `[{"op": "test", "path": "/a/x", "value": [1, 2]}]`, want: "{'a': {'x': [1, 2]}}"},
		{name: "the whole is replaced", patch: `[{"op": "replace", "path": "", "value": {}}]`, want: "{}"},
		{
			name: "a test that does not hold", patch: `[{"op": "test", "path": "/a/x", "value": 1}]`,
			err: "user-data:1:2: the test of this operation fails: there is another value",
		},
		{name: "nothing to remove", patch: `[{"op": "remove", "path": "/q"}]`, err: "user-data:1:2: there is nothing at the path of this operation"},
		{name: "no value", patch: `[{"op": "add", "path": "/q"}]`, err: "user-data:1:2: the operation add needs a value"},
		{name: "no path", patch: `[{"op": "remove"}]`, err: "user-data:1:2: the operation needs a path, a string"},
		{
			name: "no such operation", patch: `[{"op": "fix", "path": "/q"}]`,
			err: `user-data:1:2: there is no operation "fix": there are add, remove, replace, move, copy and test`,
		},
		{name: "no list", patch: `{}`, err: "user-data:1:1: expected a list of operations, got a mapping"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(t, "a: {x: [1, 2]}").Patch(parse(t, test.patch))
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Errorf("error is %v, want %s", err, test.err)
				}
				return
			}
			if err != nil || got.PyStr() != test.want {
				t.Errorf("got %s, %v; want %s", got.PyStr(), err, test.want)
			}
		})
	}
}
