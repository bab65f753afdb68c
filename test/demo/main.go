// Command demo shows what the program is for: it makes the drive that oVirt attaches
// to a new machine and has the program apply it to a throw-away view of this one.
//
// In comes the path of the built program, out goes what it prints. It needs nothing that
// the program itself does not: what this machine lacks is in what is printed, as the
// error of the module that wanted it, and the demo is good all the same.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"cloudseed/datasource/media/image"
	"cloudseed/test/seed"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo PROGRAM")
		os.Exit(2)
	}
	if err := demo(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func demo(program string, to io.Writer) error {
	dir, err := os.MkdirTemp("", "cloudseed-demo")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	drive := filepath.Join(dir, "ovirt.iso")
	if err := image.WriteISO(drive, "config-2", seed.OVirtFS()); err != nil {
		return err
	}

	var said bytes.Buffer
	try := exec.Command(program, "try", "--seed", drive)
	try.Stdout, try.Stderr = io.MultiWriter(to, &said), os.Stderr
	if _, err := fmt.Fprintln(to, "$", try); err != nil {
		return err
	}
	// Its exit code tells how the boot went; whether there was one, what it changed:
	// any machine can be given a name.
	var ended *exec.ExitError
	if err := try.Run(); err != nil && !errors.As(err, &ended) {
		return err
	}
	if !bytes.Contains(said.Bytes(), []byte("/etc/hostname")) {
		return errors.New("nothing was tried: the hostname is not among the changes")
	}
	return nil
}
