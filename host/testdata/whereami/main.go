// Whereami prints the name of the machine in whose root it runs, and its directory.
package main

import (
	"fmt"
	"os"
)

func main() {
	name, err := os.ReadFile("/etc/name")
	if err != nil {
		panic(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	fmt.Printf("%s in %s", name, dir)
}
