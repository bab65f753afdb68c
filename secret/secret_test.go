package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"cloudseed/secret"
)

func TestNoWayOfPrintingShowsTheSecret(t *testing.T) {
	t.Parallel()
	const marker = "hunter2"
	values := map[string]any{
		"text":              secret.New(marker),
		"bytes":             secret.NewBytes([]byte(marker)),
		"a field":           struct{ P secret.String }{secret.New(marker)},
		"a pointer's field": &struct{ P secret.Bytes }{secret.NewBytes([]byte(marker))},
		"a list":            []secret.String{secret.New(marker)},
	}
	for name, v := range values {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, v)
		}
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out.Write(encoded)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		for _, form := range []string{marker, fmt.Sprintf("%x", marker), fmt.Sprint([]byte(marker)), "aHVudGVyMg"} {
			if strings.Contains(out.String(), form) {
				t.Errorf("%s: printed as %q in %q", name, form, out.String())
			}
		}
	}
}

func TestRevealGivesTheSecretBack(t *testing.T) {
	t.Parallel()
	if got := secret.New("x").Reveal(); got != "x" {
		t.Errorf("got %q", got)
	}
	if got := secret.NewBytes([]byte("x")); string(got.Reveal()) != "x" || got.Len() != 1 {
		t.Errorf("got %q, %d bytes", got.Reveal(), got.Len())
	}
}
