package modules

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// posted runs the module, and returns what it posts and what it reports.
func (g *guest) posted(t *testing.T, fail error) (posted, reports string) {
	t.Helper()
	g.env.Post = func(_ context.Context, url string, content []byte, kind string, tries int) error {
		posted += fmt.Sprintf("%s %d %s %s", url, tries, strings.TrimPrefix(kind, "application/"), content)
		return fail
	}
	g.env.Progress = func() Progress {
		return Progress{Errors: []string{`runcmd: "no"`}, Seconds: map[string]float64{"init": 1.5, "init-local": 0.25}}
	}
	g.env.Instance.Hostname = "web1.example.com"
	g.Put(t, "/etc/ssh/ssh_host_rsa_key.pub", "ssh-rsa AAA+B root@web1\n")
	return posted, strings.Join(g.run(t, phoneHomeModule), "\n")
}

func TestPhoneHome(t *testing.T) {
	t.Parallel()
	const all = "fqdn=web1.example.com&hostname=web1&instance_id=i-1&pub_key_ecdsa=N%2FA&pub_key_ed25519=N%2FA&pub_key_rsa=ssh-rsa+AAA%2BB+root%40web1%0A"
	const lacks = "note: user-data:1:13: phone_home.post: open /etc/ssh/ssh_host_ecdsa_key.pub: no such file or directory; N/A is posted for it\n" +
		"note: user-data:1:13: phone_home.post: open /etc/ssh/ssh_host_ed25519_key.pub: no such file or directory; N/A is posted for it"
	for name, row := range map[string]struct{ home, want, reports string }{
		"a URL is enough":                        {"{url: 'http://h/x'}", "http://h/x 10 x-www-form-urlencoded " + all, lacks},
		"the instance's id in the URL":           {"{url: 'http://h/$INSTANCE_ID/${INSTANCE_ID}', post: [hostname]}", "http://h/i-1/i-1 10 x-www-form-urlencoded hostname=web1", ""},
		"a template of jinja":                    {"{url: \"## template: jinja\\nhttp://h/{{ INSTANCE_ID }}\", post: [hostname]}", "http://h/i-1 10 x-www-form-urlencoded hostname=web1", ""},
		"one name in the list's place":           {"{url: h, post: fqdn, tries: 3}", "h 3 x-www-form-urlencoded fqdn=web1.example.com", ""},
		"all among others, as JSON":              {"{url: h, post: [all, status, hostname], format: json}", `h 10 json {"fqdn":"web1.example.com","hostname":"web1","instance_id":"i-1","pub_key_ecdsa":null,"pub_key_ed25519":null,"pub_key_rsa":"ssh-rsa AAA+B root@web1\n","status":"error"}`, strings.ReplaceAll(lacks, ":1:13: phone_home.post:", ":1:29: phone_home.post.0:")},
		"how the boot went, as JSON":             {"{url: h, post: [status, errors, durations], format: json}", `h 10 json {"durations":{"init":1.5,"init-local":0.25},"errors":["runcmd: \"no\""],"status":"error"}`, ""},
		"how the boot went, as a form":           {"{url: h, post: [status, errors, durations]}", "h 10 x-www-form-urlencoded durations=%7B%22init%22%3A1.5%2C%22init-local%22%3A0.25%7D&errors=%5B%22runcmd%3A+%5C%22no%5C%22%22%5D&status=error", ""},
		"a key that was asked for":               {"{url: h, post: [pub_key_ecdsa]}", "h 10 x-www-form-urlencoded pub_key_ecdsa=N%2FA", "warning: user-data:1:29: phone_home.post.0: open /etc/ssh/ssh_host_ecdsa_key.pub: no such file or directory; N/A is posted for it"},
		"something unknown":                      {"{url: h, post: [hostnam]}", "h 10 x-www-form-urlencoded hostnam=N%2FA", `warning: user-data:1:29: phone_home.post.0: expected the name of what is to be posted, got "hostnam" (did you mean hostname?); N/A is posted for it`},
		"nothing at all":                         {"{url: h, post: []}", "h 10 x-www-form-urlencoded ", ""},
		"a mapping to post":                      {"{url: h, post: {a: b}}", "h 10 x-www-form-urlencoded " + all, "error: user-data:1:28: phone_home.post: expected all or a list of names, got a mapping; all is posted\n" + strings.ReplaceAll(lacks, ":1:13:", ":1:28:")},
		"tries as a string":                      {"{url: h, post: [], tries: ' 7 '}", "h 7 x-www-form-urlencoded ", ""},
		"no tries":                               {"{url: h, post: [], tries: 0}", "h 1 x-www-form-urlencoded ", ""},
		"tries that are null":                    {"{url: h, post: [], tries: }", "h 10 x-www-form-urlencoded ", ""},
		"tries that are no number":               {"{url: h, post: [], tries: many}", "h 10 x-www-form-urlencoded ", `warning: user-data:1:39: phone_home.tries: expected a whole number, got "many"; 10 was used`},
		"tries that are a fraction":              {"{url: h, post: [], tries: 2.9}", "h 2 x-www-form-urlencoded ", "warning: user-data:1:39: phone_home.tries: expected a whole number, got the number 2.9; 2 was used"},
		"tries that are a boolean":               {"{url: h, post: [], tries: no}", "h 1 x-www-form-urlencoded ", "warning: user-data:1:39: phone_home.tries: expected a whole number, got the boolean no; 1 was used"},
		"no URL":                                 {"{post: all}", "", "error: user-data:1:13: phone_home: url is missing; nothing is posted"},
		"a URL that is a list":                   {"{url: [h]}", "", "error: user-data:1:19: phone_home.url: expected a string, got a list"},
		"a variable that is none":                {"{url: 'http://h/$INSTANCE'}", "", "error: user-data:1:19: phone_home.url: there is no variable $INSTANCE: there is $INSTANCE_ID; nothing is posted"},
		"a template that is filled in by nobody": {"{url: 'http://h/{{ v1.instance_id }}', post: []}", "http://h/{{ v1.instance_id }} 10 x-www-form-urlencoded ", "warning: user-data:1:19: phone_home.url: it holds {{, which is filled in only where the user data begins with: ## template: jinja"},
		"a format that is none":                  {"{url: h, post: [], format: xml}", "h 10 x-www-form-urlencoded ", `error: user-data:1:40: phone_home.format: expected form or json, got "xml"`},
		"the URL in the mapping's place":         {"http://h", "", `error: user-data:1:13: phone_home: expected a mapping, got a string`},
		"nothing":                                {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, "phone_home: "+row.home)
			posted, reports := g.posted(t, nil)
			same(t, "what is posted", posted, row.want)
			same(t, "the report", strings.ReplaceAll(reports, g.Dir, ""), row.reports)
			if len(g.Lines())+len(g.Effects()) > 0 {
				t.Errorf("it runs %q and changes %+v", g.Lines(), g.Effects())
			}
		})
	}
}

func TestPhoneHomeThatNobodyAnswersIsAWarning(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "phone_home: {url: 'http://me:hunter2@h/?key=hunter2', post: [hostname]}")
	_, reports := g.posted(t, errors.New("cannot post to http://h/: no"))
	same(t, "the report", reports, "warning: user-data:1:13: phone_home: cannot post to http://h/: no")
	g.mustNotShow(t, "hunter2")
}

func TestPhoneHomeWithoutANetworkPostsNothing(t *testing.T) {
	t.Parallel()
	g := newGuest(t, phoneHomeModule.Example)
	same(t, "the report", strings.Join(g.run(t, phoneHomeModule), "\n"), "note: user-data:2:3: phone_home: nothing is posted: there is no network here")
}

func TestPhoneHomeTakesItsKeysFromAFile(t *testing.T) {
	t.Parallel()
	g := newGuest(t, "phone_home: {url: 'http://other/'}")
	g.env.Args = []string{"/etc/home.yaml"}
	g.Put(t, "/etc/home.yaml", "url: http://h/\npost: [hostnam]\n")
	posted, reports := g.posted(t, nil)
	same(t, "what is posted", posted, "http://h/ 10 x-www-form-urlencoded hostnam=N%2FA")
	same(t, "the report", reports, `warning: /etc/home.yaml:2:8: post.0: expected the name of what is to be posted, got "hostnam" (did you mean hostname?); N/A is posted for it`)
	g.env.Args = []string{"/etc/none.yaml"}
	if err := phoneHomeModule.Run(t.Context(), g.env); err == nil || !strings.HasPrefix(err.Error(), "cannot read what to post: open ") {
		t.Errorf("without the file, the error is %v", err)
	}
}
