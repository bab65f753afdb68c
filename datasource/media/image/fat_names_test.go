package image

import "testing"

func TestShortNamesHaveOnlyWhatEveryReaderKnows(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, want string
		number     int
	}{
		{"meta-data", "META-D~1   ", 1},
		{"a", "A~2        ", 2},
		{"0000", "0000~3     ", 3},
		{"99.yaml", "99YAML~4   ", 4},
		{"a:b@c[d", "ABCD~5     ", 5},
		{"user data", "USERDA~6   ", 6},
		{"network_data.json", "NETWO~12   ", 12},
	} {
		if got := shortName(row.name, row.number); got != row.want {
			t.Errorf("%q has the short name %q, want %q", row.name, got, row.want)
		}
	}
}
