package modules

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cloudseed/config"
	"cloudseed/config/yaml"
	"cloudseed/modules/cloudconfig"
	"cloudseed/secret"
	"cloudseed/state"
	"cloudseed/template"
)

type phoneHomeKeys struct {
	PhoneHome phoneHome `key:"phone_home" doc:"Where to report that the machine has booted, and what."`

	call *phoneCall // what Check read; nil: there is nothing to be done
}

type phoneHome struct {
	URL    string        `key:"url" doc:"Where to post; required. $INSTANCE_ID in it is the instance's id."`
	Post   *config.Value `key:"post" takes:"text|list(text)" default:"all" doc:"What is posted: all, or a list of pub_key_rsa, pub_key_ecdsa, pub_key_ed25519, instance_id, hostname and fqdn, which is all, and of status, errors and durations."`
	Tries  *config.Value `key:"tries" takes:"text" default:"10" doc:"How often it is tried, with three seconds between two tries."`
	Format string        `key:"format" enum:"form|json" default:"form" doc:"How it is posted: as an HTML form is, or as a JSON object."`
}

// phoneCall is what is to be posted, and where.
type phoneCall struct {
	phoneHome
	at    config.Cursor
	items []phoneItem
	tries int
}

// phoneItem is a key of what is posted. One that was asked for by its name has its place.
type phoneItem struct {
	name  string
	at    config.Cursor
	named bool
}

var phoneHomeModule = Of[phoneHomeKeys]{
	Name:       "phone_home",
	Stage:      FinalStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"phone_home"},
	Repeatable: true,
	Doc: "Posts to a URL that the machine has booted: its names, instance id and public host keys, and on request " +
		"how the boot went: status (done, degraded or error), errors (a list) and durations (seconds by stage). " +
		"In a form the last two are JSON, and what the machine does not have is N/A. An argument in cloud.cfg is " +
		"a file that has the keys instead.",
	Example: "phone_home:\n  url: https://example.com/booted/$INSTANCE_ID\n  post: [all, status, errors]\n  format: json\n",
	Check: func(e *Env, keys *phoneHomeKeys) {
		if len(e.Args) == 0 {
			keys.call = checkPhoneHome(keys.PhoneHome, e.At("phone_home"))
		}
	},
	Run: runPhoneHome,
}.Module()

// Parts of what is posted.
var (
	hostKeyFiles = map[string]string{
		"pub_key_rsa": "/etc/ssh/ssh_host_rsa_key.pub", "pub_key_ecdsa": "/etc/ssh/ssh_host_ecdsa_key.pub", "pub_key_ed25519": "/etc/ssh/ssh_host_ed25519_key.pub",
	}
	phoneAll   = []string{"pub_key_rsa", "pub_key_ecdsa", "pub_key_ed25519", "instance_id", "hostname", "fqdn"}
	phoneItems = append(phoneAll[:len(phoneAll):len(phoneAll)], "status", "errors", "durations")
)

// defaultTries is cloud-init's.
//
// Difference from cloud-init: there a configuration without tries is a warning.
const defaultTries = 10

func checkPhoneHome(k phoneHome, at config.Cursor) *phoneCall {
	if at.Kind() != config.Map {
		return nil // which the decoder reported, or nothing is asked for
	}
	if k.URL == "" {
		if at.Get("url").IsNull() {
			at.Errorf("url is missing; nothing is posted")
		}
		return nil
	}
	if strings.Contains(k.URL, "{{") && !strings.HasPrefix(k.URL, "##") {
		at.Get("url").Warnf("it holds {{, which is filled in only where the user data begins with: ## template: jinja")
	}
	call := phoneCall{phoneHome: k, at: at, tries: phoneTries(at.Get("tries"))}
	call.ask(at.Get("post"))
	return &call
}

// phoneTries reads a number as Python's int() does.
func phoneTries(at config.Cursor) int {
	n, err := int64(defaultTries), error(nil)
	switch at.Kind() {
	case config.Null:
	case config.Int:
		n, _ = at.Value().Int() // too large for it: 0, and one try
	case config.Bool:
		if n = 0; config.IsTrue(at.Value()) {
			n = 1
		}
		at.Warnf("expected a whole number, got %s; %d was used", config.Shown(at.Value()), max(n, 1))
	case config.Float:
		f, _ := at.Value().Float()
		n = int64(f)
		at.Warnf("expected a whole number, got %s; %d was used", config.Shown(at.Value()), max(n, 1))
	default:
		if n, err = strconv.ParseInt(strings.TrimSpace(at.Text()), 10, 64); err != nil {
			at.Warnf("expected a whole number, got %s; %d was used", config.Shown(at.Value()), defaultTries)
			n = defaultTries
		}
	}
	return int(min(max(n, 1), 1<<20))
}

// ask reads what to post.
func (c *phoneCall) ask(at config.Cursor) {
	switch at.Kind() {
	case config.Map:
		at.Errorf("expected all or a list of names, got %s; all is posted", config.Shown(at.Value()))
		fallthrough
	case config.Null:
		c.add(at, "all")
		return
	}
	for _, item := range at.Each() {
		c.add(item, item.Text())
	}
}

func (c *phoneCall) add(at config.Cursor, name string) {
	names := []string{name}
	if name == "all" {
		names = phoneAll
	} else if !slices.Contains(phoneItems, name) {
		at.Warnf("expected the name of what is to be posted, got %s%s; N/A is posted for it", config.Shown(at.Value()), config.DidYouMean(name, phoneItems))
	}
	for _, name := range names {
		if !slices.ContainsFunc(c.items, func(i phoneItem) bool { return i.name == name }) {
			c.items = append(c.items, phoneItem{name, at, len(names) == 1})
		}
	}
}

func runPhoneHome(ctx context.Context, e *Env, keys *phoneHomeKeys) error {
	call := keys.call
	if len(e.Args) > 0 {
		var err error
		if call, err = phoneCallOfFile(e, e.Args[0]); err != nil {
			return err
		}
	}
	if call == nil {
		return nil
	}
	if e.Post == nil {
		e.skip(call.at, "nothing is posted: there is no network here")
		return nil
	}
	target, err := call.target(ctx, e)
	if err != nil {
		call.at.Get("url").Errorf("%v; nothing is posted", err)
		return nil
	}
	content, kind, err := call.content(e)
	if err != nil {
		return err
	}
	e.Log.Info("posting that the machine has booted", "url", secret.URL(target))
	if err := e.Post(ctx, target, content, kind, call.tries); err != nil {
		call.at.Warnf("%v", err)
	}
	return nil
}

// phoneCallOfFile reads the keys from a file that cloud.cfg names as the module's argument.
func phoneCallOfFile(e *Env, file string) (*phoneCall, error) {
	data, err := e.Host.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read what to post: %w", err)
	}
	v, problems, err := yaml.Parse(file, data)
	if err != nil {
		return nil, err
	}
	e.findings.Add(problems...)
	var k phoneHome
	at := v.At(&e.findings)
	at.Decode(&k)
	return checkPhoneHome(k, at), nil
}

// target is the URL with the instance's id in it.
func (c *phoneCall) target(ctx context.Context, e *Env) (string, error) {
	return template.Fill(ctx, c.at.Get("url"), strings.TrimSpace(c.URL), map[string]string{"INSTANCE_ID": e.Instance.ID})
}

// content is what is posted, and its type.
func (c *phoneCall) content(e *Env) (content []byte, kind string, err error) {
	all := map[string]any{}
	form := url.Values{}
	n := cloudconfig.MetadataNames(e.Instance.Hostname, e.Host)
	var progress Progress
	if e.Progress != nil {
		progress = e.Progress()
	}
	for _, item := range c.items {
		var value any
		switch item.name {
		case "instance_id":
			value = e.Instance.ID
		case "hostname":
			value = n.Short
		case "fqdn":
			value = n.Full
		case "status":
			value = progress.Status()
		case "errors":
			value = append([]string{}, progress.Errors...)
		case "durations":
			value = progress.Seconds
		default:
			value = postedKey(e, item)
		}
		all[item.name] = value
		text, isText := value.(string)
		switch {
		case value == nil:
			text = "N/A"
		case !isText:
			data, err := json.Marshal(value)
			if err != nil {
				return nil, "", err
			}
			text = string(data)
		}
		form.Set(item.name, text)
	}
	if c.Format == "json" {
		content, err = json.Marshal(all)
		return content, "application/json", err
	}
	return []byte(form.Encode()), "application/x-www-form-urlencoded", nil
}

// postedKey is a public host key; nil where the machine has none of that kind.
//
// Difference from cloud-init: there a key that the machine lacks is a warning, whether it
// was asked for by its name or not.
func postedKey(e *Env, item phoneItem) any {
	file, ok := hostKeyFiles[item.name]
	if !ok {
		return nil // which Check reported
	}
	data, err := e.Host.ReadFile(file)
	switch {
	case err == nil:
		return string(data)
	case item.named:
		item.at.Warnf("%v; N/A is posted for it", err)
	default:
		item.at.Notef("%v; N/A is posted for it", err)
	}
	return nil
}
