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
	os.Exit(m.Run())
}
