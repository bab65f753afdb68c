package modules

import (
	"strings"

	"cloudseed/config"
)

// checkScript reports what is wrong with a list of commands.
func checkScript(e *Env, key string, list *config.Value) {
	at := e.At(key)
	switch list.Kind() {
	case config.Null, config.List:
	case config.String:
		at.Warnf("expected a list of commands, got text; it was taken as one command")
	default:
		at.Errorf("expected a list of commands, got %s; none was run", config.Shown(list))
	}
	for _, entry := range at.Items() {
		switch entry.Value().Kind() {
		case config.Null, config.String, config.List:
		default:
			entry.Errorf("expected a command as text or a list, got %s; it was skipped%s", config.Shown(entry.Value()), quoteHint(entry.Value()))
		}
	}
}

// quoteHint says what people most often did wrong where an entry is no command.
func quoteHint(entry *config.Value) string {
	if entry.Kind() == config.Map {
		return " (a command with a colon and a space in it must be quoted)"
	}
	return ""
}

// quote makes text one word of sh. Nothing is special between single quotes but
// the quote itself, which is put between two quoted parts.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
