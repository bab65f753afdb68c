package datasource_test

import (
	"testing"

	"cloudseed/config/yaml"
	"cloudseed/datasource"

	"github.com/google/go-cmp/cmp"
)

func TestPublicKeysComeInManyShapes(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		written string
		want    []string
	}{
		"a string of lines":                {`"ssh-rsa A\nssh-rsa B\n"`, []string{"ssh-rsa A", "ssh-rsa B"}},
		"a list":                           {`[ssh-rsa A, ssh-rsa B]`, []string{"ssh-rsa A", "ssh-rsa B"}},
		"a mapping of names to keys":       {`{mine: ssh-rsa A, other: "ssh-rsa B\n"}`, []string{"ssh-rsa A", "ssh-rsa B"}},
		"a mapping of names to lists":      {`{mine: [ssh-rsa A, ""], other: [ssh-rsa B]}`, []string{"ssh-rsa A", "ssh-rsa B"}},
		"EC2's numbers, names beside keys": {`{"0": {openssh-key: ssh-rsa A, _name: 0=mine}, "1": {openssh-key: ssh-rsa B}}`, []string{"ssh-rsa A", "ssh-rsa B"}},
		"EC2's without a key":              {`{"0": {_name: 0=mine}}`, nil},
		"nothing":                          {`null`, nil},
		"a name without a key":             {`{mine: null}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, problems, err := yaml.Parse("meta-data", []byte("public-keys: "+row.written+"\n"))
			if err != nil || len(problems) > 0 {
				t.Fatal(err, problems)
			}
			if diff := cmp.Diff(row.want, datasource.Keys(v.Get("public-keys"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
