package template

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

func filterAbs(in *interpreter, x any, _ []any) any {
	n, ok := number(x)
	if !ok {
		in.fail(`the filter "abs" needs a number, and this is %s`, in.describe(x))
	}
	if i, ok := n.(*big.Int); ok {
		return new(big.Int).Abs(i)
	}
	return math.Abs(float(n))
}

// filterInt is Python's int(), or a default for what is no number.
func filterInt(in *interpreter, x any, a []any) any {
	if u, ok := x.(*undefined); ok {
		in.fail("%s", u.problem())
	}
	base := in.integer(or(a[1], big.NewInt(10)), "the base")
	if text, ok := aText(x); ok && (base == 0 || base >= 2 && base <= 36) {
		if i, ok := in.parseInt(text, base); ok {
			return i
		}
	}
	if n, ok := number(x); ok {
		return in.finite(n)
	}
	if f, ok := in.parseFloat(x); ok && !math.IsInf(f, 0) && !math.IsNaN(f) {
		return whole(f)
	}
	return or(a[0], new(big.Int))
}

// parseInt reads a number as Python's int() does: blanks around it, a sign, underscores
// between digits, and the base's prefix.
func (in *interpreter) parseInt(text string, base int) (*big.Int, bool) {
	in.scan(len(text))
	text = strings.TrimFunc(text, unicode.IsSpace)
	if len(text) > maxDigits {
		return nil, false
	}
	digits := strings.TrimLeft(text, "+-")
	prefix := map[int]string{2: "0b", 8: "0o", 16: "0x"}[base]
	if prefix != "" && len(digits) > 2 && strings.EqualFold(digits[:2], prefix) {
		digits = strings.TrimPrefix(digits[2:], "_")
	}
	if len(text)-len(strings.TrimLeft(text, "+-")) > 1 || strings.HasPrefix(digits, "_") || strings.HasSuffix(digits, "_") || strings.Contains(digits, "__") {
		return nil, false
	}
	if base == 0 && len(digits) > 1 && digits[0] == '0' && unicode.IsDigit(rune(digits[1])) && strings.Trim(digits, "0_") != "" {
		return nil, false // Python has no octal numbers without "0o"
	}
	if base != 0 {
		digits = strings.ReplaceAll(digits, "_", "")
	}
	i, ok := new(big.Int).SetString(digits, base)
	if ok && strings.HasPrefix(text, "-") {
		i.Neg(i)
	}
	return i, ok
}

// parseFloat is Python's float().
func (in *interpreter) parseFloat(x any) (float64, bool) {
	if n, ok := number(x); ok {
		f := float(n)
		return f, true
	}
	text, ok := aText(x)
	if !ok {
		return 0, false
	}
	in.scan(len(text))
	text = strings.TrimFunc(text, unicode.IsSpace)
	if strings.ContainsAny(text, "xXpP") || strings.HasPrefix(text, "_") || strings.HasSuffix(text, "_") || strings.Contains(text, "__") {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	return f, err == nil || math.IsInf(f, 0)
}

func filterFloat(in *interpreter, x any, a []any) any {
	if u, ok := x.(*undefined); ok {
		in.fail("%s", u.problem())
	}
	if f, ok := in.parseFloat(x); ok {
		return f
	}
	return or(a[0], 0.0)
}

func filterRound(in *interpreter, x any, a []any) any {
	n, ok := number(x)
	if !ok {
		in.fail(`the filter "round" needs a number, and this is %s`, in.describe(x))
	}
	precision := in.integer(or(a[0], new(big.Int)), "the precision")
	method := in.want(or(a[1], "common"), "the method")
	if method == "common" && precision > maxPlaces {
		return n
	}
	if precision > maxPlaces || precision < -maxPlaces {
		in.fail("a number cannot be rounded to %d places", precision)
	}
	f := in.asFloat(n)
	switch method {
	case "common":
		if i, ok := n.(*big.Int); ok {
			return roundWhole(i, precision)
		}
		return roundFloat(f, precision)
	case "ceil":
		return (math.Ceil(f*math.Pow10(precision)) + 0) / math.Pow10(precision) // no negative zero
	case "floor":
		return (math.Floor(f*math.Pow10(precision)) + 0) / math.Pow10(precision)
	}
	in.fail(`the method of rounding is "common", "ceil" or "floor"`)
	return nil
}

// maxPlaces is about how many a number with a point has at most.
const maxPlaces = 300

// roundFloat rounds the exact number, a half to the even digit, as Python does.
func roundFloat(f float64, precision int) any {
	if precision >= 0 {
		rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', precision, 64), 64)
		if err == nil {
			return rounded
		}
		return f
	}
	return math.RoundToEven(f*math.Pow10(precision)) / math.Pow10(precision)
}

// roundWhole leaves a whole number what it is, but for places before the point.
func roundWhole(i *big.Int, precision int) any {
	if precision >= 0 {
		return i
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-precision)), nil)
	down, rest := new(big.Int).DivMod(i, unit, new(big.Int))
	if c := rest.Lsh(rest, 1).Cmp(unit); c > 0 || c == 0 && down.Bit(0) == 1 {
		down.Add(down, big.NewInt(1))
	}
	return down.Mul(down, unit)
}

func filterFileSize(in *interpreter, x any, a []any) any {
	size, ok := in.parseFloat(x)
	if !ok {
		in.fail("a size must be a number, and this is %s", in.describe(x))
	}
	base, units := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if in.truth(or(a[0], false)) {
		base, units = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	switch {
	case size == 1:
		return "1 Byte"
	case size < base:
		return fmt.Sprintf("%d Bytes", in.finite(size))
	}
	unit := base
	for i, name := range units {
		if size < unit*base || i == len(units)-1 {
			return fmt.Sprintf("%.1f %s", size/unit, name)
		}
		unit *= base
	}
	return nil
}
