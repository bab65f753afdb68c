package main

import "strings"

// shellwords writes an argument list so that it can be pasted into a shell.
func shellwords(argv []string) string {
	words := make([]string, len(argv))
	for i, arg := range argv {
		words[i] = shellword(arg)
	}
	return strings.Join(words, " ")
}

// plainInShell are the characters, beside letters and digits, that mean themselves in a
// shell wherever they are.
const plainInShell = "_-./:=,@%+"

func shellword(arg string) string {
	special := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(plainInShell, r))
	}
	if arg != "" && !strings.ContainsFunc(arg, special) {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
