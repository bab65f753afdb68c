package userdata_test

import (
	"fmt"
	"strings"
	"testing"

	"cloudseed/userdata"
)

// Each stage reads user data anew, so that what this costs is paid four times a boot.
func BenchmarkProcess(b *testing.B) {
	for _, kilobytes := range []int{4, 40, 400, 4000} {
		var text strings.Builder
		text.WriteString("#cloud-config\nwrite_files:\n")
		for i := 0; text.Len() < kilobytes*1000; i++ {
			fmt.Fprintf(&text, "- path: /srv/f%d\n  permissions: \"0644\"\n  content: |\n%s", i, strings.Repeat("    setting = the value of it\n", 30))
		}
		b.Run(fmt.Sprintf("%dkB", kilobytes), func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				r := userdata.Process(b.Context(), "user-data", []byte(text.String()), userdata.Options{})
				if len(r.Problems) > 0 || r.CloudConfig == nil {
					b.Fatal(r.Problems)
				}
			}
		})
	}
}
