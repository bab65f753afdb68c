package datasource_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"cloudseed/datasource"
	"cloudseed/secret"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// revealed compares secrets by what they hold.
var revealed = cmp.Transformer("reveal", func(b secret.Bytes) string { return string(b.Reveal()) })

func full() *datasource.Seed {
	return &datasource.Seed{
		Datasource: "ConfigDrive", Description: "DataSourceConfigDrive [net,ver=2][source=/dev/sr0]", Source: "/dev/sr0",
		InstanceID: "i-1", Hostname: "h", Mode: "net", Platform: "openstack", Subplatform: "config-disk (/dev/sr0)",
		CloudName: "configdrive", AvailabilityZone: "nova", Region: "r", LaunchIndex: "0",
		Metadata: map[string]any{
			"int": int64(1) << 60, "big": new(big.Int).Lsh(big.NewInt(1), 100), "float": 1.5, "nan": math.Inf(1),
			"text": "0644", "date": "2024-01-01", "lines": "a\n  b\n\n", "yes": "yes", "true": true, "null": nil, "bytes": []byte("\x00\xff"),
			"list": []any{"a", []any{}, map[string]any{}}, "": map[string]any{"é: #": "😀\t"},
		},
		EC2:        map[string]any{"block-device-mapping": map[string]any{"ami": "vda"}},
		PublicKeys: []string{"ssh-ed25519 A"}, UserData: secret.NewBytes([]byte("hunter2\x00\xff")),
		VendorData:  []secret.Bytes{secret.NewBytes([]byte("v1")), secret.NewBytes([]byte("v2"))},
		VendorData2: []secret.Bytes{secret.NewBytes([]byte("w"))},
		Network:     &datasource.NetworkConfig{Format: datasource.FormatENI, Name: "x", Data: []byte("auto lo\n")},
		RandomSeed:  secret.NewBytes([]byte{1, 2, 3}),
	}
}

func TestASeedSurvivesTheCacheWithItsSecrets(t *testing.T) {
	t.Parallel()
	for name, seed := range map[string]*datasource.Seed{"everything": full(), "nothing": {}} {
		data, err := seed.EncodeCache()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := datasource.DecodeCache(data)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, data)
		}
		if diff := cmp.Diff(seed, got, revealed, cmpopts.IgnoreUnexported(datasource.NetworkConfig{}), cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 }), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: saved and loaded (-want +got):\n%s", name, diff)
		}
	}
}

func TestTheCacheLeavesOutWhatIsDoneOnce(t *testing.T) {
	t.Parallel()
	seed := full()
	seed.Files = []datasource.File{{Path: "/x", Content: secret.NewBytes([]byte("once only"))}}
	data, err := seed.EncodeCache()
	if err != nil {
		t.Fatal(err)
	}
	got, err := datasource.DecodeCache(data)
	if err != nil || got.Files != nil || bytes.Contains(data, []byte("once")) {
		t.Errorf("got files %v, error %v", got.Files, err)
	}
}

func TestACacheThatCannotBeUnderstoodIsAnError(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]string{
		"":                                "unexpected end",
		"{":                               "unexpected end",
		`{"Version": 99}`:                 "version 99",
		`{"Version":1,"Metadata":"[1"}`:   "metadata:1:1",
		`{"Version":1,"Metadata":"text"}`: "expected a mapping",
		`{"Version":1,"EC2":"- a"}`:       "ec2 metadata",
	} {
		seed, err := datasource.DecodeCache([]byte(data))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %+v and the error %v, want one with %q", data, seed, err, want)
		}
	}
}

func TestNoWayOfPrintingASeedShowsItsSecrets(t *testing.T) {
	t.Parallel()
	seed := full()
	seed.Metadata = nil // has values that JSON cannot hold
	encoded, err := json.Marshal(seed)
	if text := fmt.Sprintf("%v %+v %#v %s", seed, seed, seed, encoded); err != nil || strings.Contains(text, "hunter2") {
		t.Errorf("error %v, or the user data is in %s", err, text)
	}
}
