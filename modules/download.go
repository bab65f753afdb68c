package modules

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"cloudseed/config"
	"cloudseed/secret"
)

// checkDownload reports whether a URL, and the SHA-256 that its content is to have, can be
// used; a sum that is absent or empty fits any content.
func checkDownload(from, sum config.Cursor) bool {
	location, err := url.Parse(from.Text())
	switch digest, wrong := hex.DecodeString(strings.TrimSpace(sum.Text())); {
	case err != nil || location.Scheme != "http" && location.Scheme != "https" || location.Host == "":
		from.Errorf("%q is no URL with http or https; nothing is downloaded", secret.WithoutLogins(from.Text()))
		return false
	case wrong != nil || len(digest) != sha256.Size && len(digest) != 0:
		sum.Errorf("expected a SHA-256: 64 hexadecimal digits; nothing is downloaded")
		return false
	case location.Scheme == "http" && len(digest) == 0:
		from.Notef("whoever is between this system and the server can change what is downloaded: give its SHA-256 or use https")
	}
	return true
}

// download gets the content of a URL. It is an error if that has another SHA-256 than sum,
// unless that is empty.
func (e *Env) download(ctx context.Context, from, sum string) ([]byte, error) {
	shown := secret.URL(from)
	if e.Fetch == nil {
		return nil, fmt.Errorf("cannot fetch %s: there is no way to the network here", shown)
	}
	data, err := e.Fetch(ctx, from, nil)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 {
		return nil, fmt.Errorf("%s has no content", shown)
	}
	if sum = strings.ToLower(strings.TrimSpace(sum)); sum == "" {
		return data, nil
	}
	got := sha256.Sum256(data)
	if hex.EncodeToString(got[:]) != sum {
		return nil, errors.New(shown + " has the SHA-256 " + hex.EncodeToString(got[:]) + ", which is not the one expected")
	}
	return data, nil
}
