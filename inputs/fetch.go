package boot

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"cloudseed/fetch"
	"cloudseed/secret"
	"cloudseed/state"
)

// Limits of what is fetched. Tries and pauses are cloud-init's.
//
// Difference from cloud-init: it has no limit of time and size in all. A server that
// answers slowly would keep a guest from ever booting.
const (
	seedTime    = 5 * time.Minute  // a seed on the network, all of its files
	includeTime = 10 * time.Minute // what user data includes, all of it

	postTime = 30 * time.Minute // what a module posts

	maxAnswer   = 1 << 20   // to what was posted
	maxSeedFile = 64 << 20  // as on a medium
	maxSource   = 512 << 20 // what write_files fetches, which is no configuration
)

// seedClient fetches the files of a seed. cloud-init waits for ever for a server that
// is silent.
func (b *Boot) seedClient() *fetch.Client {
	return &fetch.Client{Tries: 11, Pause: time.Second, Silence: 10 * time.Second, Deadline: seedTime, MaxSize: maxSeedFile}
}

// includeClient fetches what user data includes.
func (b *Boot) includeClient() *fetch.Client {
	return &fetch.Client{
		Tries: 11, Pause: time.Second, Silence: 5 * time.Second, Deadline: seedTime, MaxSize: maxSeedFile,
		ReadFile: b.Host.ReadFile, Certificate: b.certificate,
	}
}

// sourceClient fetches what write_files names. It may be large, and made while we wait.
func (b *Boot) sourceClient() *fetch.Client {
	return &fetch.Client{
		Tries: 4, Pause: 3 * time.Second, Silence: 30 * time.Second, Deadline: 30 * time.Minute, MaxSize: maxSource,
		ReadFile: b.Host.ReadFile, Certificate: b.certificate,
	}
}

// get fetches by a client.
func (b *Boot) get(ctx context.Context, c *fetch.Client, r fetch.Request) ([]byte, error) {
	if b.Offline && fetch.OnNetwork(r.URL) {
		return nil, fmt.Errorf("cannot fetch %s: there is no network here", secret.URL(r.URL))
	}
	c.Log, c.Agent = b.Log, "cloudseed/"+b.Version
	if b.Get != nil {
		return b.Get(ctx, c, r)
	}
	return c.Get(ctx, r)
}

// certificate is the certificate and key by which this machine shows servers who it is;
// nothing if it has none. Places and names are cloud-init's; a certificate without a key
// beside it has the key in the same file.
func (b *Boot) certificate() (certificate, key []byte, err error) {
	for _, file := range []struct {
		name string
		into *[]byte
	}{{"cert.pem", &certificate}, {"key.pem", &key}} {
		for _, dir := range []string{state.InstanceLink, state.CloudDir} {
			*file.into, err = b.Host.ReadFile(path.Join(dir, "data/ssl", file.name))
			if err == nil {
				break
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return nil, nil, err
			}
		}
	}
	if key == nil {
		key = certificate
	}
	return certificate, key, nil
}

// include gets what user data includes. Every stage reads user data, and all must read
// the same: the stage that applies it fetches, and keeps a copy for the others, for
// commands by hand, and for a boot in which it cannot be fetched. What is included once
// is fetched once for an instance, and kept where cloud-init keeps it.
//
// Difference from cloud-init: what cannot be fetched at a later boot is taken from the
// copy, with a warning; there all user data is lost.
func (b *Boot) include(ctx context.Context, url string, once bool) ([]byte, error) {
	dir := "includes"
	if once {
		dir = "urlcache"
	}
	kept := path.Join(state.InstanceDir(b.seed.InstanceID), "data", dir, fmt.Sprintf("%x", md5.Sum([]byte(url))))
	before, err := b.Host.ReadFile(kept)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.Log.Warn("cannot read the copy of what user data includes: " + err.Error())
	}
	had, shown := err == nil, secret.URL(url)
	switch {
	case had && (once || !b.applies):
		return before, nil
	case !b.applies:
		return nil, fmt.Errorf("%s was not fetched when the user data was applied", shown)
	case !b.online && fetch.OnNetwork(url):
		b.awaited = append(b.awaited, shown)
		if had {
			return before, nil
		}
		return nil, fmt.Errorf("%s needs the network", shown)
	}
	data, err := b.get(ctx, b.includeClient(), fetch.Request{URL: url})
	if err != nil && had {
		b.Log.Warn(err.Error() + "; the copy of an earlier boot is used")
		return before, nil
	}
	if err != nil {
		return nil, err
	}
	b.note(b.store.Write(kept, data))
	return data, nil
}

// source gets what a module's configuration names.
func (b *Boot) source(ctx context.Context, url string, headers map[string]string) ([]byte, error) {
	return b.get(ctx, b.sourceClient(), fetch.Request{URL: url, Headers: headers})
}

// post is how a module posts something; nil where there is no network.
func (b *Boot) post() func(ctx context.Context, url string, content []byte, kind string, tries int) error {
	if b.Offline || !b.Host.Runs() {
		return nil
	}
	return func(ctx context.Context, url string, content []byte, kind string, tries int) error {
		c := &fetch.Client{
			Tries: tries, Pause: 3 * time.Second, Silence: 30 * time.Second, Deadline: postTime, MaxSize: maxAnswer,
			Certificate: b.certificate,
		}
		_, err := b.get(ctx, c, fetch.Request{URL: url, Body: &fetch.Body{Content: content, Type: kind}})
		return err
	}
}

// seedOnNetwork gets a file of a seed on the network.
func (b *Boot) seedOnNetwork(ctx context.Context, url string, optional bool) ([]byte, error) {
	return b.get(ctx, b.seedClient(), fetch.Request{URL: url, Optional: optional})
}
