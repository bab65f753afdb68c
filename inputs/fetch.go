package inputs

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
	SeedTime    = 5 * time.Minute  // a seed on the network, all of its files
	includeTime = 10 * time.Minute // what user data includes, all of it

	postTime = 30 * time.Minute // what a module posts

	maxAnswer   = 1 << 20   // to what was posted
	maxSeedFile = 64 << 20  // as on a medium
	maxSource   = 512 << 20 // what write_files fetches, which is no configuration
)

// seedClient fetches the files of a seed. cloud-init waits for ever for a server that
// is silent.
func (r *Reader) seedClient() *fetch.Client {
	return &fetch.Client{Tries: 11, Pause: time.Second, Silence: 10 * time.Second, Deadline: SeedTime, MaxSize: maxSeedFile}
}

// includeClient fetches what user data includes.
func (r *Reader) includeClient() *fetch.Client {
	return &fetch.Client{
		Tries: 11, Pause: time.Second, Silence: 5 * time.Second, Deadline: SeedTime, MaxSize: maxSeedFile,
		ReadFile: r.o.Host.ReadFile, Certificate: r.certificate,
	}
}

// sourceClient fetches what write_files names. It may be large, and made while we wait.
func (r *Reader) sourceClient() *fetch.Client {
	return &fetch.Client{
		Tries: 4, Pause: 3 * time.Second, Silence: 30 * time.Second, Deadline: 30 * time.Minute, MaxSize: maxSource,
		ReadFile: r.o.Host.ReadFile, Certificate: r.certificate,
	}
}

// get fetches by a client.
func (r *Reader) get(ctx context.Context, c *fetch.Client, request fetch.Request) ([]byte, error) {
	if r.o.Offline && fetch.OnNetwork(request.URL) {
		return nil, fmt.Errorf("cannot fetch %s: there is no network here", secret.URL(request.URL))
	}
	c.Log, c.Agent = r.o.Log, "cloudseed/"+r.o.Version
	if r.o.Get != nil {
		return r.o.Get(ctx, c, request)
	}
	return c.Get(ctx, request)
}

// certificate is the certificate and key by which this machine shows servers who it is;
// nothing if it has none. Places and names are cloud-init's; a certificate without a key
// beside it has the key in the same file.
func (r *Reader) certificate() (certificate, key []byte, err error) {
	for _, file := range []struct {
		name string
		into *[]byte
	}{{"cert.pem", &certificate}, {"key.pem", &key}} {
		for _, dir := range []string{state.InstanceLink, state.CloudDir} {
			*file.into, err = r.o.Host.ReadFile(path.Join(dir, "data/ssl", file.name))
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
func (r *Reader) include(ctx context.Context, url string, once bool) ([]byte, error) {
	dir := "includes"
	if once {
		dir = "urlcache"
	}
	kept := path.Join(state.InstanceDir(r.seed.InstanceID), "data", dir, fmt.Sprintf("%x", md5.Sum([]byte(url))))
	before, err := r.o.Host.ReadFile(kept)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.o.Log.Warn("cannot read the copy of what user data includes: " + err.Error())
	}
	had, shown := err == nil, secret.URL(url)
	switch {
	case had && (once || !r.how.Apply):
		return before, nil
	case !r.how.Apply:
		return nil, fmt.Errorf("%s was not fetched when the user data was applied", shown)
	case !r.how.Online && fetch.OnNetwork(url):
		r.awaited = append(r.awaited, shown)
		if had {
			return before, nil
		}
		return nil, fmt.Errorf("%s needs the network", shown)
	}
	data, err := r.get(ctx, r.includeClient(), fetch.Request{URL: url})
	if err != nil && had {
		r.o.Log.Warn(err.Error() + "; the copy of an earlier boot is used")
		return before, nil
	}
	if err != nil {
		return nil, err
	}
	r.o.Note(r.o.Store.Write(kept, data))
	return data, nil
}

// FetchSource gets what a module's configuration names.
func (r *Reader) FetchSource(ctx context.Context, url string, headers map[string]string) ([]byte, error) {
	return r.get(ctx, r.sourceClient(), fetch.Request{URL: url, Headers: headers})
}

// Post returns how a module posts something; nil where there is no network.
func (r *Reader) Post() func(ctx context.Context, url string, content []byte, kind string, tries int) error {
	if r.o.Offline || !r.o.Host.Runs() {
		return nil
	}
	return func(ctx context.Context, url string, content []byte, kind string, tries int) error {
		c := &fetch.Client{
			Tries: tries, Pause: 3 * time.Second, Silence: 30 * time.Second, Deadline: postTime, MaxSize: maxAnswer,
			Certificate: r.certificate,
		}
		_, err := r.get(ctx, c, fetch.Request{URL: url, Body: &fetch.Body{Content: content, Type: kind}})
		return err
	}
}

// IsEarly reports whether the network is not up yet.
func (r *Reader) IsEarly() bool { return r.o.Early }

// FetchSeedFile gets a file of a seed on the network.
func (r *Reader) FetchSeedFile(ctx context.Context, url string, optional bool) ([]byte, error) {
	return r.get(ctx, r.seedClient(), fetch.Request{URL: url, Optional: optional})
}
