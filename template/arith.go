package template

import (
	"math"
	"math/big"
	"strings"
)

// arithmetic is an operator between two values, as Python has it.
func (in *interpreter) arithmetic(op string, x, y any) any {
	in.refuseMissing(op, x, y)
	a, aNumber := number(x)
	b, bNumber := number(y)
	if aNumber && bNumber {
		return in.calculate(op, a, b)
	}
	text, isText := aText(x)
	switch op {
	case "+":
		if sum, ok := in.join(x, y); ok {
			return sum
		}
	case "*":
		if aNumber {
			x, b, bNumber = y, a, true
		}
		if times, ok := b.(*big.Int); ok {
			return in.repeat(x, times)
		}
	case "%":
		if isText {
			return in.percent(text, y)
		}
	}
	hint := ""
	if _, alsoText := aText(y); op == "+" && (isText || alsoText) {
		hint = `; "~" joins strings and values`
	}
	in.fail("%q cannot be done with %s and %s%s", op, in.describe(x), in.describe(y), hint)
	return nil
}

// refuseMissing stops at variables without a value: what would come out would look like
// something.
func (in *interpreter) refuseMissing(op string, x, y any) {
	u, ok := x.(*undefined)
	if ok && op == "-" && u.hint == "" && u.name != "" {
		if v, ok := y.(*undefined); ok {
			in.fail("%s has no value: %s-%s is a subtraction; perhaps %s_%s was meant", u.path, u.path, v.path, u.path, v.path)
		}
		in.fail("%s has no value, so that nothing can be subtracted from it; was an underscore meant in place of the minus?", u.path)
	}
	if v, isMissing := y.(*undefined); !ok && isMissing && op != "%" {
		u, ok = v, true
	}
	if ok {
		in.fail("%s", u.problem())
	}
}

// brief is the beginning of what may be long.
func brief(text string) string {
	if characters := []rune(text[:min(len(text), 200)]); len(characters) > 40 {
		return string(characters[:40]) + "…"
	}
	return text
}

// join is + between texts, lists and tuples.
func (in *interpreter) join(x, y any) (any, bool) {
	if a, ok := aText(x); ok {
		b, ok := aText(y)
		if !ok {
			return nil, false
		}
		in.grow(len(a) + len(b))
		_, aMarked := x.(markup)
		_, bMarked := y.(markup)
		switch {
		case aMarked && !bMarked:
			return markup(a + in.escape(b)), true
		case bMarked && !aMarked:
			return markup(in.escape(a) + b), true
		case aMarked:
			return markup(a + b), true
		}
		return a + b, true
	}
	switch a := x.(type) {
	case *list:
		if b, ok := y.(*list); ok {
			return &list{in.both(a.items, b.items)}, true
		}
	case tuple:
		if b, ok := y.(tuple); ok {
			return tuple(in.both(a, b)), true
		}
	}
	return nil, false
}

func (in *interpreter) both(a, b []any) []any {
	in.grow((len(a) + len(b)) * itemSize)
	return append(append(make([]any, 0, len(a)+len(b)), a...), b...)
}

// repeat is * between a text, list or tuple and a number.
func (in *interpreter) repeat(x any, times *big.Int) any {
	n := 0
	switch {
	case !times.IsInt64():
		in.fail("nothing can be repeated so many times")
	case times.Sign() > 0:
		n = int(min(times.Int64(), maxMemory+1))
	}
	if text, ok := aText(x); ok {
		in.grow(len(text) * n)
		if _, marked := x.(markup); marked {
			return markup(strings.Repeat(text, n))
		}
		return strings.Repeat(text, n)
	}
	items, isList := x.(*list)
	pair, isTuple := x.(tuple)
	if isList {
		pair = items.items
	}
	if !isList && !isTuple {
		in.fail(`"*" cannot be done with %s and a number`, in.describe(x))
	}
	in.grow(len(pair) * n * itemSize)
	all := make([]any, 0, len(pair)*n)
	for range n {
		if len(pair) == 0 {
			break
		}
		all = append(all, pair...)
	}
	if isList {
		return &list{all}
	}
	return tuple(all)
}

// calculate is an operator between numbers.
func (in *interpreter) calculate(op string, x, y any) any {
	a, aWhole := x.(*big.Int)
	b, bWhole := y.(*big.Int)
	if aWhole && bWhole && op != "/" && !(op == "**" && b.Sign() < 0) {
		return in.whole(op, a, b)
	}
	if aWhole && bWhole && op == "/" && b.Sign() != 0 {
		if a.Sign() == 0 {
			return math.Copysign(0, float64(b.Sign()))
		}
		quotient, _ := new(big.Rat).SetFrac(a, b).Float64() // the nearest to the exact one
		return in.finiteResult(quotient)
	}
	f, g := in.asFloat(x), in.asFloat(y)
	if g == 0 && (op == "/" || op == "//" || op == "%") {
		in.fail("a number cannot be divided by zero")
	}
	switch op {
	case "+":
		return f + g
	case "-":
		return f - g
	case "*":
		return f * g
	case "/":
		return f / g
	case "//":
		return floorDivide(f, g)
	case "%":
		return modulo(f, g)
	}
	return in.power(f, g)
}

func (in *interpreter) asFloat(n any) float64 {
	f := float(n)
	if _, isWhole := n.(*big.Int); isWhole && math.IsInf(f, 0) {
		in.fail("the number is too large for a number with a point")
	}
	return f
}

// finiteResult refuses what is out of bounds.
func (in *interpreter) finiteResult(f float64) any {
	if math.IsInf(f, 0) {
		in.fail("the number is too large")
	}
	return f
}

// modulo has its second operand's sign, as in Python.
func modulo(f, g float64) float64 {
	m := math.Mod(f, g)
	switch {
	case m == 0:
		return math.Copysign(0, g)
	case (m < 0) != (g < 0):
		return m + g
	}
	return m
}

// floorDivide is Python's //, whose zero has the quotient's sign.
func floorDivide(f, g float64) float64 {
	quotient := (f - modulo(f, g)) / g
	if quotient == 0 {
		return math.Copysign(0, f/g)
	}
	return math.Round(quotient)
}

func (in *interpreter) power(f, g float64) any {
	if f == 0 && g < 0 {
		in.fail("zero cannot be raised to a negative power")
	}
	result := pow(f, g)
	switch {
	case math.IsNaN(result) && !math.IsNaN(f) && !math.IsNaN(g):
		in.fail("a negative number cannot be raised to a fraction here")
	case !math.IsInf(f, 0) && !math.IsInf(g, 0):
		return in.finiteResult(result)
	}
	return result
}

// pow is right to the last digit for a whole exponent, which math.Pow is not.
func pow(f, g float64) float64 {
	if math.IsInf(f, 0) || math.IsNaN(f) || g != math.Trunc(g) || math.Abs(g) > maxPower {
		return math.Pow(f, g)
	}
	const precision = 256
	product, square := big.NewFloat(1).SetPrec(precision), big.NewFloat(f).SetPrec(precision)
	for n := int(math.Abs(g)); n > 0; n >>= 1 {
		if n&1 != 0 {
			product.Mul(product, square)
		}
		square.Mul(square, square)
	}
	if g < 0 && product.Sign() != 0 {
		product.Quo(big.NewFloat(1), product)
	}
	result, _ := product.Float64()
	return result
}

// maxPower is the exponent beyond which all but numbers next to one are out of bounds.
const maxPower = 1 << 20

// whole is an operator between whole numbers.
func (in *interpreter) whole(op string, a, b *big.Int) any {
	in.spend(1 + (a.BitLen()+b.BitLen())/64)
	result := new(big.Int)
	switch op {
	case "+":
		result.Add(a, b)
	case "-":
		result.Sub(a, b)
	case "*":
		result.Mul(a, b)
	case "**":
		return in.raise(a, b)
	default:
		return in.divide(op, a, b)
	}
	if result.BitLen() > maxBits {
		in.fail("the number is too large")
	}
	return result
}

// raise is a**b for a b that is not negative.
func (in *interpreter) raise(a, b *big.Int) any {
	if a.CmpAbs(big.NewInt(1)) <= 0 { // then only whether b is zero or odd counts
		b = new(big.Int).Add(new(big.Int).And(b, big.NewInt(1)), big.NewInt(2*int64(b.Sign())))
	} else if !b.IsInt64() || b.Int64() > maxBits || int64(a.BitLen()-1)*b.Int64() > maxBits {
		in.fail("the number is too large")
	}
	in.spend(maxBits / 64)
	return new(big.Int).Exp(a, b, nil)
}

// divide rounds down, as Python does and Go does not.
func (in *interpreter) divide(op string, a, b *big.Int) any {
	if b.Sign() == 0 {
		in.fail("a number cannot be divided by zero")
	}
	quotient, rest := new(big.Int).QuoRem(a, b, new(big.Int))
	if rest.Sign() != 0 && rest.Sign() != b.Sign() {
		quotient.Sub(quotient, big.NewInt(1))
		rest.Add(rest, b)
	}
	if op == "//" {
		return quotient
	}
	return rest
}
