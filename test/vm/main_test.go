package vm_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"cloudseed/test/image"
)

// built is the guest that all tests boot.
var built *image.Image

// TestMain makes the guest's disk and initramfs once. These tests need root, QEMU,
// Debian's debootstrap and the package: `make test-vm` and CI run them, and there none
// is skipped.
func TestMain(m *testing.M) {
	if os.Getenv("CLOUDSEED_VM") == "" {
		fmt.Println("LEFT OUT: boots in virtual machines; make test-vm runs them")
		return
	}
	if err := prepare(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "cannot make the test guest:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare(ctx context.Context) (err error) {
	if built, err = image.Build(ctx, os.Getenv("CLOUDSEED_RPM")); err != nil {
		return err
	}
	_, err = built.Disk(ctx, image.Ext4)
	return err
}
