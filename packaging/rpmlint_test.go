package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"cloudseed/test/needs"
)

// TestRpmlintFindsNothing but what rpmlint.toml has a reason for.
func TestRpmlintFindsNothing(t *testing.T) {
	t.Parallel()
	needs.Programs(t, "rpmlint")
	made, err := filepath.Glob(filepath.Join(filepath.Dir(os.Getenv("CLOUDSEED_RPM")), "*.rpm"))
	if err != nil || len(made) < 3 {
		t.Fatalf("there are %d packages: %v", len(made), err)
	}
	out, err := exec.CommandContext(t.Context(), "rpmlint", append([]string{"--strict", "--config", "rpmlint.toml"}, made...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
