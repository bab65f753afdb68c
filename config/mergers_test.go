package config_test

import (
	"testing"

	"cloudseed/config"
)

// The expected results are cloud-init 22.4's own.
func TestMergersDoAsCloudInits(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, old, fresh, rules, want string }{
		{"a later part replaces whole keys by default", "{a: {x: 1}, b: [1]}", "{a: {y: 2}, c: 3}", "dict(replace)+list()+str()", "{'a': {'y': 2}, 'b': [1], 'c': 3}"},
		{"no_replace keeps what is there, and goes into maps", "{a: {x: 1, y: 1}, b: 1}", "{a: {y: 2, z: 2}, b: 2}", "dict(no_replace)+list()+str()", "{'a': {'x': 1, 'y': 1, 'z': 2}, 'b': 1}"},
		{"no_replace is the default of dict", "{b: 1}", "{b: 2}", "dict()", "{'b': 1}"},
		{"lists are appended to within maps", "{runcmd: [a], x: 1}", "{runcmd: [b], x: 2}", "dict(recurse_array)+list(append)", "{'runcmd': ['a', 'b'], 'x': 1}"},
		{"recurse_list is the same as recurse_array", "{runcmd: [a]}", "{runcmd: [b]}", "dict(recurse_list)+list(append)", "{'runcmd': ['a', 'b']}"},
		{"lists are put in front", "{runcmd: [a]}", "{runcmd: [b]}", "dict(recurse_array)+list(prepend)", "{'runcmd': ['b', 'a']}"},
		{"append goes before prepend whatever their order", "{l: [a]}", "{l: [b]}", "dict(recurse_array)+list(prepend,append)", "{'l': ['a', 'b']}"},
		{"replace on lists is by position, and the old length stays", "{l: [a, b]}", "{l: [c, d, e]}", "dict(recurse_array)+list(replace)", "{'l': ['c', 'd']}"},
		{"a shorter list leaves the rest", "{l: [a, b]}", "{l: [c]}", "dict(recurse_array)+list(replace)", "{'l': ['c', 'b']}"},
		{"no_replace on lists keeps the old one", "{l: [a]}", "{l: [b]}", "dict(recurse_array)+list(no_replace)", "{'l': ['a']}"},
		{"a list that is replaced by something else", "{l: [a]}", "{l: x}", "dict(recurse_str)+list()+str()", "{'l': 'x'}"},
		{"maps in lists are merged with recurse_dict", "{l: [{a: 1}]}", "{l: [{a: 2, b: 2}]}", "dict(recurse_array)+list(recurse_dict)", "{'l': [{'a': 1, 'b': 2}]}"},
		{"texts are appended", "{t: ab}", "{t: cd}", "dict(recurse_str)+str(append)", "{'t': 'abcd'}"},
		{"texts are replaced where appending is not asked for", "{t: ab}", "{t: cd}", "dict(recurse_str)+str()", "{'t': 'cd'}"},
		{"null deletes a key with allow_delete", "{a: 1, b: 2}", "{a: null}", "dict(replace,allow_delete)", "{'b': 2}"},
		{"null is a value without allow_delete", "{a: 1}", "{a: null}", "dict(replace)", "{'a': None}"},
		{"what no rule is for stays", "{a: 1}", "{a: 2}", "list(append)+str()", "{'a': 1}"},
		{"an old number stays whatever comes", "{a: 1, l: [1]}", "{a: [2], l: [[2]]}", "dict(recurse_array)+list(recurse_array)", "{'a': 1, 'l': [1]}"},
		{"names in any case, with dashes", "{l: [a]}", "{l: [b]}", "DICT(Recurse_Array) + List( Append )", "{'l': ['a', 'b']}"},
		{"the first rule for a type counts", "{a: 1}", "{a: 2}", "dict(no_replace)+dict(replace)", "{'a': 1}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rules, err := config.ParseMergers(test.rules)
			if err != nil {
				t.Fatal(err)
			}
			got, err := rules.Merge(parse(t, test.old), parse(t, test.fresh))
			if err != nil {
				t.Fatal(err)
			}
			if got.PyStr() != test.want {
				t.Errorf("got %s, want %s", got.PyStr(), test.want)
			}
		})
	}
}

func TestWhatCannotBeMergedIsAnError(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, old, fresh, want string }{
		{
			"a number behind a list", "l: [a]", "{merge_how: 'dict(recurse_array,no_replace)+list(append)+str()', l: {x: 1}}",
			"user-data:1:69: l: expected a list, as it is to be added to one",
		},
		{"a rule without brackets", "l: [a]", "{merge_how: append, l: [b]}", `user-data:1:13: merge_how: "append" is no rule for merging: expected the like of list(append)`},
		{"a rule that does not exist", "l: [a]", "{merge_type: set(), l: [b]}", `user-data:1:14: merge_type: there are no rules for merging "set": expected dict, list or str`},
		{"a rule that is no text", "l: [a]", "{merge_how: 1}", "user-data:1:13: merge_how: expected rules for merging as text or a list, got a number"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rules, part, err := config.TakeMergers(parse(t, test.fresh))
			if err == nil {
				_, err = rules.Merge(parse(t, test.old), part)
			}
			if err == nil || err.Error() != test.want {
				t.Errorf("error is %v, want %s", err, test.want)
			}
		})
	}
}

func TestRulesAreReadInAllTheirForms(t *testing.T) {
	t.Parallel()
	for _, how := range []string{
		"'dict(recurse_array)+list(append)'", "[{name: dict, settings: [recurse_array]}, {name: list, settings: [append]}]",
		"[[dict, recurse_array], [list, append]]", "[{name: dict, settings: recurse_array}, {name: list, settings: append}]",
	} {
		rules, part, err := config.TakeMergers(parse(t, "{merge_how: "+how+", l: [b]}"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := rules.Merge(parse(t, "l: [a]"), part)
		if err != nil || got.PyStr() != "{'l': ['a', 'b']}" {
			t.Errorf("%s: got %s, %v", how, got.PyStr(), err)
		}
	}
}
