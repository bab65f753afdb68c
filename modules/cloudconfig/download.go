package cloudconfig

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	"cloudseed/config"
	"cloudseed/secret"
)

// CheckDownload reports whether a URL, and the SHA-256 that its content is to have, can be
// used; a sum that is absent or empty fits any content.
func CheckDownload(from, sum config.Cursor) bool {
	location, err := url.Parse(from.Text())
	switch digest := strings.TrimSpace(sum.Text()); {
	case err != nil || location.Scheme != "http" && location.Scheme != "https" || location.Host == "":
		from.Errorf("%q is not a URL with http or https; nothing is downloaded", secret.WithoutLogins(from.Text()))
		return false
	case digest != "" && !IsDigest(digest):
		sum.Errorf("expected a SHA-256: 64 hexadecimal digits; nothing is downloaded")
		return false
	case location.Scheme == "http" && digest == "":
		from.Notef("whoever is between this system and the server can change what is downloaded: give its SHA-256 or use https")
	}
	return true
}

// IsDigest reports whether a string is a SHA-256 digest as sha256sum writes it.
func IsDigest(s string) bool {
	digest, err := hex.DecodeString(s)
	return err == nil && len(digest) == sha256.Size
}

// HasDigest returns an error unless what was got from somewhere has a SHA-256 digest; anything
// has the empty one.
func HasDigest(content []byte, from, want string) error {
	got := fmt.Sprintf("%x", sha256.Sum256(content))
	if want = strings.ToLower(strings.TrimSpace(want)); want == "" || want == got {
		return nil
	}
	return fmt.Errorf("%s has the SHA-256 digest %s, which is not the one expected", from, got)
}
