// Command demo shows what the program is for: it makes the drive that oVirt attaches
// to a new machine and has the program apply it to a throw-away view of this one.
//
// In comes the path of the built program, out go what it prints and its exit code. It
// needs nothing that the program itself does not.
package main

import (
	"errors"
	"fmt"
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
	err := demo(os.Args[1])
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		os.Exit(ended.ExitCode()) // it has said why
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func demo(program string) error {
	dir, err := os.MkdirTemp("", "cloudseed-demo")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	drive := filepath.Join(dir, "ovirt.iso")
	if err := image.WriteISO(drive, "config-2", seed.OVirtFS()); err != nil {
		return err
	}
	try := exec.Command(program, "try", "--seed", drive)
	fmt.Println("$", try)
	try.Stdout, try.Stderr = os.Stdout, os.Stderr
	return try.Run()
}
