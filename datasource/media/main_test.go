package media

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	ChildMain()
	if os.Args[0] == confinedName {
		os.Exit(confinedMain(os.Args[1]))
	}
	if os.Args[0] == lyingName {
		os.Exit(lyingMain(os.Args[1]))
	}
	os.Exit(m.Run())
}
