package secret

import "strings"

// URL is a URL for people: without login, query and fragment, each of which may hold a
// secret. What is no URL, such as a path, stays as it is.
func URL(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme = ""
		if strings.HasPrefix(text, "/") {
			return text
		}
		rest = text
	} else {
		scheme += "://"
	}
	rest, _, _ = strings.Cut(rest, "#")
	rest, _, _ = strings.Cut(rest, "?")
	host, path, slash := strings.Cut(rest, "/")
	host = host[strings.LastIndexByte(host, '@')+1:]
	if _, port, given := strings.Cut(host[strings.LastIndexByte(host, ']')+1:], ":"); given && strings.Trim(port, "0123456789") != "" || strings.Contains(path, "@") && given {
		return scheme + Redacted // a login with a slash or question mark in it
	}
	if slash {
		path = "/" + path
	}
	return scheme + host + path
}
