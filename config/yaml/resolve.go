package yaml

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"cloudseed/config"
)

// The plain scalars of YAML 1.1 as PyYAML's resolver knows them. They are narrower
// than YAML's own text: an exponent needs its dot and its sign.
var (
	isFloat = lazily(`^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?` +
		`|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?` +
		`|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*` +
		`|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
	isInt = lazily(`^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+` +
		`|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
	isTime = lazily(`^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}` +
		`|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$`)
)

// lazily compiles a pattern when it is first needed: most documents have no number but small ones.
func lazily(pattern string) func(string) bool {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
	return func(text string) bool { return compiled().MatchString(text) }
}

// resolve tells what PyYAML makes of a plain scalar: its kind and value.
func resolve(text string) (config.Kind, any, error) {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return config.Null, nil, nil
	case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return config.Bool, true, nil
	case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return config.Bool, false, nil
	}
	// Most scalars are words; the first letter rules the rest out.
	if !strings.ContainsRune("0123456789+-.", rune(text[0])) {
		return config.String, text, nil
	}
	if isSmall(text) {
		i, err := integer(text)
		return config.Int, i, err
	}
	switch {
	case isFloat(text):
		f, err := pythonFloat(text)
		return config.Float, f, err
	case isInt(text):
		i, err := integer(text)
		return config.Int, i, err
	case isTime(text):
		printed, err := pythonTime(text)
		return config.Timestamp, printed, err
	}
	return config.String, text, nil
}

// isSmall reports whether a string is a decimal number as most are written.
func isSmall(text string) bool {
	const most = 18 // digits of an int64
	return len(text) <= most && (text == "0" || text[0] != '0') && strings.Trim(text, "0123456789") == ""
}

// maxDigits is Python's own bound for numbers in text: reading longer ones takes time
// that grows faster than they do.
const maxDigits = 4300

// The errors do not show the text, which may be a password.
var (
	errNumber = errors.New("this looks like a number and is not valid: put it in quotes if it is a string")
	errTime   = errors.New("this looks like a date, and there is no such day or time: put it in quotes if it is a string")
)

// integer reads decimal, octal (a leading zero), binary, hexadecimal and base 60
// numbers with underscores.
func integer(text string) (any, error) {
	digits := strings.ReplaceAll(text, "_", "")
	if len(digits) > maxDigits {
		return nil, fmt.Errorf("a number of more than %d digits: put it in quotes if it is a string", maxDigits)
	}
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
				return nil, errNumber
			}
			n.Add(n.Mul(n, big.NewInt(60)), big.NewInt(value))
		}
	default:
		n, ok = n.SetString(digits, 10)
	}
	if !ok {
		return nil, errNumber
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
			if err != nil && !errors.Is(err, strconv.ErrRange) {
				return 0, errNumber
			}
			total = total*60 + value
		}
		return sign * total, nil
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // what is too large is infinite, as in Python
		return 0, errNumber
	}
	return sign * f, nil
}
