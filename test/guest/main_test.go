package guest_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"cloudseed/test/image"
)

// built is the guest that all tests boot.
var built *image.Image

// TestMain makes the guest once. These tests need root, Debian's debootstrap and
// systemd-nspawn and the package: `make test-guest` and CI run them, and there none is
// left out.
func TestMain(m *testing.M) {
	if os.Getenv("CLOUDSEED_GUEST") == "" {
		fmt.Println("LEFT OUT: boots in containers; make test-guest runs them")
		return
	}
	var err error
	if built, err = image.Build(context.Background(), os.Getenv("CLOUDSEED_RPM")); err != nil {
		fmt.Fprintln(os.Stderr, "cannot make the test guest:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
