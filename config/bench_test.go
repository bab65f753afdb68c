package config_test

import (
	"fmt"
	"strings"
	"testing"

	"cloudseed/config/yaml"
)

// What is done per key must be done once: this takes ten times as long for ten times
// as many.
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
		v, _, err := yaml.Parse("user-data", []byte("write_files:\n"+strings.Repeat("- {path: /a, content: b, append: yes}\n", n)))
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
