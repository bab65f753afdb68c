package secret

import (
	"slices"
	"strings"
	"unicode"
)

// secretWords are the words that make a secret of what a key with them in its name holds.
// secretPairs are words that do so together: "key" alone is a public key as often.
var (
	secretWords = []string{
		"passwd", "password", "passphrase", "pass", "pwd", "psk", "credential", "credentials", "secret", "secrets", "token", "tokens",
		"auth", "bearer", "apikey", "privatekey", "adminpass", "passwords",
	}
	secretPairs = [][2]string{{"private", "key"}, {"api", "key"}, {"luks", "key"}, {"access", "key"}, {"secret", "key"}, {"activation", "key"}, {"rsa", "private"}, {"dsa", "private"}, {"ecdsa", "private"}, {"ed25519", "private"}, {"encryption", "key"}, {"private", "keys"}, {"api", "keys"}}
)

// IsName reports by the name of a key whether its value is a secret: adminPass, api_key,
// luks-key. Whole words count, so that author and bypass are none.
func IsName(key string) bool {
	words := wordsOf(key)
	for i, word := range words {
		if slices.Contains(secretWords, word) {
			return true
		}
		if i > 0 && slices.Contains(secretPairs, [2]string{words[i-1], word}) {
			return true
		}
	}
	return false
}

// wordsOf splits a name at what is no letter or digit, and where the case changes:
// "adminPass", "LUKSKey" and "api_key" have two words.
func wordsOf(name string) []string {
	var words []string
	runes := []rune(name)
	start := 0
	end := func(i int) {
		if i > start {
			words = append(words, strings.ToLower(string(runes[start:i])))
		}
		start = i
	}
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			end(i)
			start = i + 1
		case i == start:
		case unicode.IsUpper(r) && !unicode.IsUpper(runes[i-1]):
			end(i)
		case unicode.IsUpper(r) && i+1 < len(runes) && unicode.IsLower(runes[i+1]):
			end(i)
		}
	}
	end(len(runes))
	return words
}

// WithoutLogins returns a string with the user information of each URL in it redacted:
// https://name:password@host is https://[redacted]@host.
func WithoutLogins(text string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "://")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		out.WriteString("://")
		end := strings.IndexFunc(rest, func(r rune) bool { return strings.ContainsRune("/?#\"'<>", r) || unicode.IsSpace(r) })
		if end < 0 {
			end = len(rest)
		}
		if at := strings.LastIndexByte(rest[:end], '@'); at >= 0 {
			out.WriteString(Redacted)
			rest = rest[at:]
		}
		text = rest
	}
}
