package packaging

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden file anew")

// TestMain leaves the test out where there is no package to look into; `make test-rpm`
// and CI build it first.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv("CLOUDSEED_RPM") == "" {
		fmt.Println("LEFT OUT: what is in the rpm; make test-rpm builds and tests it")
		return
	}
	os.Exit(m.Run())
}

func TestThePackageHoldsTheFilesOfTheGolden(t *testing.T) {
	rpm := os.Getenv("CLOUDSEED_RPM")
	// Mode, owner, what rpm takes it for (config, doc), name, target of a link.
	format := `[%{FILEMODES:perms} %{FILEUSERNAME} %{FILEGROUPNAME} %{FILEFLAGS:fflags} %{FILENAMES} %{FILELINKTOS}\n]`
	out := query(t, rpm, format+`provides: [%{PROVIDES} ]\nobsoletes: [%{OBSOLETES} ]\npayload: %{PAYLOADCOMPRESSOR}\n`)
	const golden = "files.golden"
	if *update {
		if err := os.WriteFile(golden, out, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(out)); diff != "" {
		t.Errorf("the package's files differ from %s (-want +got), which -update writes anew:\n%s", golden, diff)
	}
}

func query(t *testing.T, rpm, format string) []byte {
	t.Helper()
	out, err := exec.Command("rpm", "-qp", "--nosignature", "--qf", format, rpm).Output()
	if err != nil {
		t.Fatalf("cannot look into %s: %v", rpm, err)
	}
	return out
}
