package inputs

import (
	"bytes"
	"context"
	"strings"
	"time"

	"cloudseed/fetch"
	"cloudseed/host"
	"cloudseed/secret"
)

// The configuration that the kernel's command line names by URL, and its mark: a file of
// the system's configuration.
const (
	configURLFile = configDir + "/91_kernel_cmdline_url.cfg"
	configURLMark = "cmdline-config-url"
)

// configURL is the URL of configuration on the kernel's command line, and its key. The
// last of two with one key counts.
func configURL(cmdline string) (key, url string) {
	found := map[string]string{}
	for word := range strings.FieldsSeq(cmdline) {
		if name, value, ok := strings.Cut(word, "="); ok {
			found[name] = value
		}
	}
	for _, key := range []string{"cloud-config-url", "url"} {
		if found[key] != "" {
			return key, found[key]
		}
	}
	return "", ""
}

// FetchConfigURL gets the configuration that the kernel's command line names by URL,
// once a boot: in the local stage if that can be, else in the network stage. When it
// cannot be had, the file of an earlier boot stays.
//
// Difference from cloud-init: what the older key "url" names is written too; there it is
// fetched and forgotten.
func (r *Reader) FetchConfigURL(ctx context.Context) {
	key, url := configURL(r.o.Cmdline)
	if url == "" || r.o.Store.HappenedThisBoot(configURLMark) {
		return
	}
	onNetwork := fetch.OnNetwork(url)
	if !onNetwork && r.o.Host.Exists(configURLFile) {
		return // as with cloud-init: a file of the machine is taken over once
	}
	c := &fetch.Client{
		Tries: 3, Pause: time.Second, Silence: 10 * time.Second, Deadline: time.Minute, MaxSize: maxSeedFile, ReadFile: r.o.Host.ReadFile,
	}
	early := onNetwork && r.o.Early
	if early {
		c.Pause = 100 * time.Millisecond // the initramfs may have set up a network; mostly there is none yet
	}
	data, err := r.get(ctx, c, fetch.Request{URL: url})
	shown := secret.URL(url)
	switch {
	case err != nil && early:
		r.o.Log.Debug("the configuration on the kernel's command line has to wait for the network: " + err.Error())
		r.awaited = append(r.awaited, shown)
		return
	case err != nil:
		r.o.Log.Warn("kernel command line: " + key + ": " + err.Error())
		return
	case !bytes.HasPrefix(data, []byte("#cloud-config")):
		tell := r.o.Log.Warn
		if key == "url" {
			tell = r.o.Log.Info // it may be meant for an installer
		}
		tell("kernel command line: " + key + ": what " + shown + " holds does not begin with #cloud-config; it was skipped")
	default:
		if key == "url" {
			r.o.Log.Info("deprecated: kernel command line: url: write cloud-config-url instead")
		}
		_, err := r.o.Host.WriteFile(configURLFile, data, host.File{Mode: 0o600, Secret: true})
		r.o.Note(err)
		r.layers = nil
		r.o.Log.Info("the configuration on the kernel's command line was fetched", "url", shown, "file", configURLFile)
	}
	r.o.Note(r.o.Store.MarkThisBoot(configURLMark))
}
