package config_test

import (
	"testing"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/secret"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func parse(t *testing.T, text string) *config.Value {
	t.Helper()
	v, _, err := yaml.Parse("user-data", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDecode(t *testing.T) {
	t.Parallel()
	type user struct {
		Name   string        `key:"name"`
		Lock   *bool         `key:"lock_passwd,lock-passwd" deprecatedkeys:"lock-passwd=22.3"`
		Groups []string      `key:"groups" accept:"scalar"`
		Secret secret.String `key:"passwd"`
	}
	type keys struct {
		Pwauth bool                   `key:"ssh_pwauth"`
		Mode   string                 `key:"mode" enum:"auto|off"`
		Users  []user                 `key:"users"`
		Extra  config.Ordered[string] `key:"extra"`
		Raw    *config.Value          `key:"raw"`
		Old    string                 `key:"old" deprecated:"22.2: use new"`
		Count  int                    `key:"count"`
	}
	var got keys
	problems := parse(t, `
ssh_pwauth: 'True'
mode: atuo
users:
- name: 101
  lock-passwd: no
  groups: wheel
  passwd: hunter2
  shel: /bin/sh
- nonsense
extra: {z: 1, a: 2}
raw: [1]
old: x
count: many
other_modules_key: 1
`).Decode(&got)
	if !got.Pwauth || len(got.Users) != 2 || got.Users[0].Name != "101" || *got.Users[0].Lock || got.Users[0].Groups[0] != "wheel" {
		t.Errorf("decoded as %+v", got)
	}
	if got.Users[0].Secret.Reveal() != "hunter2" || got.Extra[0].Key != "z" || got.Raw.Kind() != config.List {
		t.Errorf("decoded as %+v", got)
	}
	var texts []string
	for _, p := range problems {
		texts = append(texts, p.Severity.String()+" "+p.Error())
	}
	want := []string{
		`error user-data:3:7: mode: expected auto or off, got "atuo" (did you mean auto?)`,
		"deprecated user-data:6:3: users.0.lock-passwd: deprecated since cloud-init 22.3: write lock_passwd",
		"warning user-data:9:3: users.0.shel: unknown key; it was ignored",
		`error user-data:10:3: users.1: expected a mapping, got a string`,
		"deprecated user-data:13:1: old: deprecated since cloud-init 22.2: use new",
		`error user-data:14:8: count: expected a whole number, got "many"`,
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("problems differ (-want +got):\n%s", diff)
	}
}

func TestLayers(t *testing.T) {
	t.Parallel()
	c := config.New(
		config.Layer{Name: "built-in", Value: parse(t, "a: {x: 1, y: 1}\nl: [1, 2]\n")},
		config.Layer{Name: "empty"},
		config.Layer{Name: "user-data", Value: parse(t, "a: {y: 2}\nl: [3]\n")},
	)
	if got := c.Root().PyStr(); got != "{'a': {'x': 1, 'y': 2}, 'l': [3]}" {
		t.Errorf("merged to %s", got)
	}
	origins := c.Origins("a.y")
	if len(origins) != 2 || origins[0].Layer != "user-data" || origins[1].Value.Text() != "1" {
		t.Errorf("origins are %+v", origins)
	}
	if got := c.Where("l.0"); got != "user-data:2:5" {
		t.Errorf("it stands at %s", got)
	}
}

func TestALayersOwnRulesJoinItsListsWithThoseAbove(t *testing.T) {
	t.Parallel()
	user := config.Layer{Name: "user-data", Value: parse(t, "runcmd: [u]\nx: 1\n")}
	c := config.New(config.Layer{Name: "a.cfg", Value: parse(t, "{merge_how: 'dict(recurse_array)+list(append)', runcmd: [a], x: 2, y: 2}")}, user)
	if got := c.Root().PyStr(); got != "{'runcmd': ['u', 'a'], 'x': 1, 'y': 2}" || len(c.Problems()) > 0 {
		t.Errorf("merged to %s, %v", got, c.Problems())
	}
	c = config.New(config.Layer{Name: "a.cfg", Value: parse(t, "{merge_how: nonsense, runcmd: [a], y: 2}")}, user)
	want := `user-data:1:13: merge_how: "nonsense" is no rule for merging: expected the like of list(append); it was merged as if it named no rules`
	if got := c.Root().PyStr(); got != "{'runcmd': ['u'], 'y': 2, 'x': 1}" || len(c.Problems()) != 1 || c.Problems()[0].Error() != want {
		t.Errorf("merged to %s, %v", got, c.Problems())
	}
}

func TestWhereNamesTheLayerOfWhatHasNoPlace(t *testing.T) {
	t.Parallel()
	c := config.New(config.Layer{Name: "built-in", Value: config.FromAny("", map[string]any{"a": 1})}, config.Layer{Name: "user-data", Value: parse(t, "b: 1")})
	if got := []string{c.Where("a"), c.Where("b"), c.Where("c")}; got[0] != "built-in" || got[1] != "user-data:1:4" || got[2] != "" {
		t.Errorf("they stand at %q", got)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	type group struct {
		Name string  `key:"name" doc:"Its name."`
		Sub  []group `key:"sub"`
	}
	type keys struct {
		Lock   *bool                 `key:"lock_passwd,lock-passwd" default:"true" doc:"Lock it." deprecatedkeys:"lock-passwd=22.3"`
		Mode   string                `key:"mode" enum:"a|b"`
		Groups []group               `key:"groups" accept:"scalar"`
		Secret secret.String         `key:"passwd"`
		Extra  config.Ordered[[]int] `key:"extra"`
		Raw    *config.Value         `key:"raw" type:"a text or a list"`
	}
	got := config.Describe(keys{})
	want := []config.KeyDoc{
		{
			Key: "lock_passwd", Aliases: []string{"lock-passwd"}, Type: "boolean", Doc: "Lock it.", Default: "true",
			Deprecated: map[string]string{"lock-passwd": "deprecated since cloud-init 22.3: write lock_passwd"},
		},
		{Key: "mode", Type: "string", Enum: []string{"a", "b"}},
		{Key: "groups", Type: "list of: mapping, or one alone", Children: []config.KeyDoc{
			{Key: "name", Type: "string", Doc: "Its name."}, {Key: "sub", Type: "list of: mapping"},
		}},
		{Key: "passwd", Type: "string (secret)"},
		{Key: "extra", Type: "mapping of: list of: whole number"},
		{Key: "raw", Type: "a text or a list"},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(config.KeyDoc{}, "Form", "OneAlone")); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}

func TestNumbersAreDecodedInEveryForm(t *testing.T) {
	t.Parallel()
	var k struct {
		A float64 `key:"a"`
		B float64 `key:"b"`
		C float64 `key:"c"`
		N int     `key:"n"`
	}
	if problems := parse(t, "{a: 1_000, b: '2.5', c: .5, n: 0x10}").Decode(&k); len(problems) > 0 || k.A != 1000 || k.B != 2.5 || k.C != 0.5 || k.N != 16 {
		t.Errorf("got %+v, %v", k, problems)
	}
}
