package config_test

import (
	"fmt"
	"strings"
	"testing"

	"cloudseed/config"
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
				if _, _, err := config.Parse("user-data", []byte(text.String())); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	type file struct {
		Path    string `key:"path"`
		Content string `key:"content"`
		Append  bool   `key:"append"`
	}
	type keys struct {
		Files []file `key:"write_files"`
	}
	for _, n := range []int{10, 100, 1000, 10000} {
		v, _, err := config.Parse("user-data", []byte("write_files:\n"+strings.Repeat("- {path: /a, content: b, append: yes}\n", n)))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				var k keys
				if problems := v.Decode(&k); len(problems) > 0 {
					b.Fatal(problems)
				}
			}
		})
	}
}
