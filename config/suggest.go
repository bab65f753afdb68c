package config

import (
	"fmt"
	"strings"
)

// DidYouMean is " (did you mean WORD?)" with the word that was likely meant, or "".
func DidYouMean(word string, words []string) string { return didYouMean(word, words) }

// KindInWords is what people call a kind of value, for "got …".
func KindInWords(v *Value) string { return kindInWords(v) }

// Shown returns what a value is, for "got …": a string in quotes, abbreviated.
func Shown(v *Value) string {
	switch v.Kind() {
	case String:
		return Quoted(v.text)
	case Bool, Int, Float, Timestamp:
		return "the" + strings.TrimPrefix(kindInWords(v), "a") + " " + shorten(v.text)
	default:
		return kindInWords(v)
	}
}

// Quoted returns a string in quotes, abbreviated, for messages.
func Quoted(text string) string { return fmt.Sprintf("%q", shorten(text)) }

func kindInWords(v *Value) string {
	return map[Kind]string{
		Null: "nothing", Bool: "a boolean", Int: "a number", Float: "a number", String: "a string",
		Binary: "binary data", Timestamp: "a date", List: "a list", Map: "a mapping",
	}[v.Kind()]
}

const maxShown = 40

func shorten(text string) string {
	if runes := []rune(text); len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return text
}

func alternatives(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// maxMeant is the length in bytes of the longest word that is taken for a misspelt one.
const maxMeant = 60

// didYouMean names the word that was likely meant, if one is near enough.
func didYouMean(word string, words []string) string {
	limit := 3 // letters that may be wrong
	if len(word) < 8 {
		limit = 1 + len(word)/4
	}
	best, distance := "", limit+1
	if len(word) > maxMeant {
		return ""
	}
	for _, candidate := range words {
		if difference := len(word) - len(candidate); difference >= distance || -difference >= distance {
			continue // at least so many letters are wrong
		}
		if d := editDistance(strings.ToLower(word), strings.ToLower(candidate)); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// editDistance is the number of letters to insert, remove or replace between two
// words (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
