package yaml_test

import (
	"fmt"
	"strings"
	"testing"

	"cloudseed/config/yaml"
)

// What is done per key must be done once: these take ten times as long for ten times
// as many.
func BenchmarkParse(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10000} {
		var text strings.Builder
		text.WriteString("#cloud-config\nwrite_files:\n")
		for i := range n {
			fmt.Fprintf(&text, "- path: /etc/file%d\n  permissions: 0644\n  owner: \"root:root\"\n  content: |\n    line: one\n    line two\n", i)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				if _, _, err := yaml.Parse("user-data", []byte(text.String())); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
