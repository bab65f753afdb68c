// Package python writes and reads what cloud-init's files and inputs have of Python's:
// numbers, strings, JSON, base64 and gzip. What reads them must find the same in ours.
//
// It takes values and returns their text, or the reverse. It knows nothing of what the
// values mean.
package python

import (
	"math"
	"strconv"
	"strings"
)

// Float is a number as Python's repr has it: the shortest digits, always with a point or
// an exponent.
func Float(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if magnitude := math.Abs(f); magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
