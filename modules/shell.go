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
		at.Errorf("expected a list of commands, got %s; none was run", kindName(list))
	}
	for _, entry := range at.Items() {
		switch entry.Value().Kind() {
		case config.Null, config.String, config.List:
		default:
			entry.Errorf("expected a command as text or a list, got %s; it was skipped%s", kindName(entry.Value()), quoteHint(entry.Value()))
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

// shown is a value for "got ...", quoted if it is text.
func shown(v *config.Value) string {
	if v.Kind() == config.String {
		return abbreviate(v.Text())
	}
	return kindName(v)
}

// kindName is what people call a kind of value.
func kindName(v *config.Value) string {
	switch v.Kind() {
	case config.Null:
		return "nothing"
	case config.Bool:
		return "the boolean " + v.Text()
	case config.Int, config.Float:
		return "the number " + v.Text()
	case config.String:
		return "a string"
	case config.Binary:
		return "binary data"
	case config.Timestamp:
		return "the date " + v.Text()
	case config.List:
		return "a list"
	case config.Map:
		return "a mapping"
	}
	return "something else"
}
