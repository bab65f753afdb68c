package yaml

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// pythonTime is a timestamp as Python's str() prints the date or datetime that PyYAML
// makes of it. It refuses what is no day or time, as Python does.
func pythonTime(text string) (string, error) {
	date, clock := text, ""
	if i := strings.IndexAny(text, "Tt \t"); i >= 0 {
		date, clock = text[:i], strings.TrimLeft(text[i+1:], " \t")
	}
	fields := strings.Split(date, "-")
	year, month, day := number(fields[0]), number(fields[1]), number(fields[2])
	if t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC); year < 1 || int(t.Month()) != month || t.Day() != day {
		return "", errTime
	}
	out := fmt.Sprintf("%04d-%02d-%02d", year, month, day)
	if clock == "" {
		return out, nil
	}
	end := strings.IndexAny(clock, "Z+- \t")
	if end < 0 {
		end = len(clock)
	}
	whole, fraction, _ := strings.Cut(clock[:end], ".")
	fields = strings.Split(whole, ":")
	hour, minute, second := number(fields[0]), number(fields[1]), number(fields[2])
	if hour > 23 || minute > 59 || second > 59 {
		return "", errTime
	}
	out += fmt.Sprintf(" %02d:%02d:%02d", hour, minute, second)
	if micros := number((fraction + "000000")[:6]); micros > 0 {
		out += fmt.Sprintf(".%06d", micros)
	}
	zone, ok := pythonZone(strings.Trim(clock[end:], " \t"))
	if !ok {
		return "", errTime
	}
	return out + zone, nil
}

// pythonZone is "Z", "-5" or "+02:00" as Python prints it.
func pythonZone(zone string) (string, bool) {
	switch zone {
	case "":
		return "", true
	case "Z":
		return "+00:00", true
	}
	hours, minutes, _ := strings.Cut(zone[1:], ":")
	h, m := number(hours), number("0"+minutes)
	if h*60+m >= 24*60 {
		return "", false // Python's offsets are less than a day
	}
	if h*60+m == 0 {
		return "+00:00", true
	}
	return fmt.Sprintf("%c%02d:%02d", zone[0], h, m), true
}

// number reads digits; the pattern of timestamps has seen to it that they are digits.
func number(digits string) int {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}
