package differential

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"cloudseed/network"
	"cloudseed/network/convert"
	"cloudseed/test/differential/cloudinit"
)

// input is a network configuration that both agents convert.
type input struct {
	name string // of the case; its ending is the kind: see kindOf
	text string

	// interfaces are the machine's, MAC addresses by names. Nothing else is known of
	// them: net-convert's -m tells no more.
	interfaces map[string]string

	existing map[string]string // files that are there before, by their paths
}

func (in input) nics() []network.NIC {
	var nics []network.NIC
	for _, name := range slices.Sorted(maps.Keys(in.interfaces)) {
		nics = append(nics, network.NIC{Name: name, MAC: in.interfaces[name], Virtual: name == "lo"})
	}
	return nics
}

// kindOf tells an input's kind by its ending.
func kindOf(t testing.TB, name string) string {
	t.Helper()
	for ending, kind := range map[string]string{".yaml": convert.YAML, ".eni": convert.ENI, ".json": convert.OpenStack} {
		if strings.HasSuffix(name, ending) {
			return kind
		}
	}
	t.Fatalf("%s: no kind of input has this ending", name)
	return ""
}

// outcome is what an agent made of an input for one output: files by their paths, or
// why there are none.
type outcome struct {
	files map[string]string // "0600 path": content
	err   string
}

// both gives what cloud-init made of an input and what cloudseed did, by the outputs:
// those that are named, or all.
func both(t testing.TB, in input, outputs ...string) (theirs, ours map[string]outcome) {
	t.Helper()
	if len(outputs) == 0 {
		outputs = convert.Outputs()
	}
	kind := kindOf(t, in.name)
	results, err := real.Convert(cloudinit.Network{
		Kind: kind, Input: in.text, Outputs: outputs, Distro: "rhel", Interfaces: in.interfaces, Existing: in.existing,
	})
	if err != nil {
		t.Fatalf("%s: %v", in.name, err)
	}
	theirs, ours = map[string]outcome{}, map[string]outcome{}
	for _, output := range outputs {
		their := outcome{files: map[string]string{}, err: results[output].Error}
		for path, f := range results[output].Files {
			their.files[f.Mode+path] = f.Content
		}
		theirs[output] = their

		our := outcome{files: map[string]string{}}
		files, _, err := convert.Files(convert.Input{
			Name: "network-config", Kind: kind, Text: []byte(in.text), NICs: in.nics(),
			Existing: func(path string) []byte { return []byte(in.existing[path]) },
		}, output)
		if err != nil {
			our.err = err.Error()
		}
		for _, f := range files {
			our.files[fmt.Sprintf("%04o%s", f.Mode, f.Path)] = string(f.Content)
		}
		ours[output] = our
	}
	return theirs, ours
}

// equal tells whether two outcomes are the same: the same files byte for byte with the
// same modes. Where both refuse an input, in what words is not compared.
func (o outcome) equal(other outcome) bool {
	return maps.Equal(o.files, other.files) && (o.err == "") == (other.err == "")
}
