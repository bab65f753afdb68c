package networktest_test

import (
	"math/rand/v2"
	"testing"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/network"
	"cloudseed/network/networktest"
	"cloudseed/network/read"
)

// languages are the generators with the parsers of what they make.
var languages = map[string]struct {
	make  func(*rand.Rand, networktest.Options) (string, []networktest.NIC)
	parse func(text string, nics []network.NIC) (*network.Config, []config.Problem, error)
}{
	"version 1": {networktest.V1, parseYAML(read.YAML)},
	"version 2": {networktest.V2, parseYAML(read.YAML)},
	"openstack": {networktest.OpenStack, parseYAML(read.OpenStack)},
	"eni": {networktest.ENI, func(text string, _ []network.NIC) (*network.Config, []config.Problem, error) {
		c, problems := read.ENI("interfaces", text, nil)
		return c, problems, nil
	}},
}

func parseYAML(parse func(*config.Value, []network.NIC) (*network.Config, []config.Problem)) func(string, []network.NIC) (*network.Config, []config.Problem, error) {
	return func(text string, nics []network.NIC) (*network.Config, []config.Problem, error) {
		v, problems, err := yaml.Parse("random", []byte(text))
		if err != nil {
			return nil, nil, err
		}
		c, more := parse(v, nics)
		return c, append(problems, more...), nil
	}
}

func TestEverythingThatIsMadeIsUnderstood(t *testing.T) {
	t.Parallel()
	for name, language := range languages {
		for _, o := range []networktest.Options{{}, {CloudInit: true}} {
			for seed := range uint64(300) {
				text, made := language.make(rand.New(rand.NewPCG(seed, 0)), o)
				if again, _ := language.make(rand.New(rand.NewPCG(seed, 0)), o); again != text {
					t.Fatalf("%s, seed %d: it was made differently a second time", name, seed)
				}
				var nics []network.NIC
				for _, nic := range made {
					nics = append(nics, network.NIC{Name: nic.Name, MAC: nic.MAC})
				}
				c, problems, err := language.parse(text, nics)
				if err != nil || c == nil {
					t.Fatalf("%s, %+v, seed %d: %v\n%s", name, o, seed, err, text)
				}
				for _, p := range problems {
					if p.Severity == config.Error {
						t.Errorf("%s, %+v, seed %d: %v\n%s", name, o, seed, p, text)
					}
				}
			}
		}
	}
}
