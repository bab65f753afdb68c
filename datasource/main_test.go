package datasource_test

import (
	"os"
	"testing"

	"cloudseed/datasource/media"
)

func TestMain(m *testing.M) {
	media.ChildMain() // this program is its own confined reader
	os.Exit(m.Run())
}
