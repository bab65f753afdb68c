package config

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// The plain scalars of YAML 1.1 as PyYAML's resolver knows them. They are narrower
// than YAML's own text: an exponent needs its dot and its sign.
var scalars = sync.OnceValue(func() map[Kind]*regexp.Regexp {
	return map[Kind]*regexp.Regexp{
		Bool: regexp.MustCompile(`^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$`),
		Float: regexp.MustCompile(`^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?` +
			`|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?` +
			`|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*` +
			`|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`),
		Int: regexp.MustCompile(`^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+` +
			`|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$`),
		Null: regexp.MustCompile(`^(?:~|null|Null|NULL|)$`),
		Timestamp: regexp.MustCompile(`^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}` +
			`|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$`),
	}
})

// resolve tells what PyYAML makes of a plain scalar: its kind and value.
func resolve(text string) (Kind, any, error) {
	if text == "" {
		return Null, nil, nil
	}
	// Most scalars are words; the first letter rules the rest out.
	if !strings.ContainsRune("0123456789+-.~nNyYtTfFoO", rune(text[0])) {
		return String, text, nil
	}
	patterns := scalars()
	switch {
	case patterns[Bool].MatchString(text):
		return Bool, truth(text), nil
	case patterns[Float].MatchString(text):
		f, err := pythonFloat(text)
		return Float, f, err
	case patterns[Int].MatchString(text):
		i, err := integer(text)
		return Int, i, err
	case patterns[Null].MatchString(text):
		return Null, nil, nil
	case patterns[Timestamp].MatchString(text):
		return Timestamp, text, checkDate(text)
	}
	return String, text, nil
}

func truth(text string) bool {
	switch strings.ToLower(text) {
	case "yes", "true", "on":
		return true
	}
	return false
}

// integer reads decimal, octal (a leading zero), binary, hexadecimal and base 60
// numbers with underscores.
func integer(text string) (any, error) {
	digits := strings.ReplaceAll(text, "_", "")
	negative := strings.HasPrefix(digits, "-")
	digits = strings.TrimLeft(digits, "+-")
	n := new(big.Int)
	ok := true
	switch {
	case digits == "0":
	case strings.HasPrefix(digits, "0b"):
		n, ok = n.SetString(digits[2:], 2)
	case strings.HasPrefix(digits, "0x"):
		n, ok = n.SetString(digits[2:], 16)
	case strings.HasPrefix(digits, "0"):
		n, ok = n.SetString(digits, 8)
	case strings.Contains(digits, ":"):
		for part := range strings.SplitSeq(digits, ":") {
			value, err := strconv.ParseInt(part, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("%q is no number", text)
			}
			n.Add(n.Mul(n, big.NewInt(60)), big.NewInt(value))
		}
	default:
		n, ok = n.SetString(digits, 10)
	}
	if !ok {
		return nil, fmt.Errorf("%q is no number", text)
	}
	if negative {
		n.Neg(n)
	}
	if n.IsInt64() {
		return n.Int64(), nil
	}
	return n, nil
}

func pythonFloat(text string) (float64, error) {
	digits := strings.ToLower(strings.ReplaceAll(text, "_", ""))
	sign := 1.0
	if strings.HasPrefix(digits, "-") {
		sign = -1
	}
	digits = strings.TrimLeft(digits, "+-")
	switch {
	case digits == ".inf":
		return sign * math.Inf(1), nil
	case digits == ".nan":
		return math.NaN(), nil
	case strings.Contains(digits, ":"):
		total := 0.0
		for part := range strings.SplitSeq(digits, ":") {
			value, err := strconv.ParseFloat(part, 64)
			if err != nil {
				return 0, fmt.Errorf("%q is no number", text)
			}
			total = total*60 + value
		}
		return sign * total, nil
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no number", text)
	}
	return sign * f, nil
}

// pyFloat prints a number as Python's repr does: the shortest digits, always with a
// point or an exponent.
func pyFloat(f float64) string {
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

// checkDate refuses dates that are none, as Python's datetime does.
func checkDate(text string) error {
	fields := strings.FieldsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	month, _ := strconv.Atoi(fields[1])
	day, _ := strconv.Atoi(fields[2])
	year, _ := strconv.Atoi(fields[0])
	if month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return fmt.Errorf("%q looks like a date, and there is no such day; put it in quotes if it is a text", text)
	}
	return nil
}

func daysIn(year, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
