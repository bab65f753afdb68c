package modules

import (
	"regexp"
	"strings"
	"testing"

	"cloudseed/host/hosttest"
)

func TestFinalMessage(t *testing.T) {
	t.Parallel()
	const standard = "Cloud-init v. 0.1 finished at DATE. Datasource DataSourceNoCloud [seed=/dev/sr0].  Up UPTIME seconds\n"
	tests := []struct {
		name, userData string
		args           []string
		want, reports  string
	}{
		{name: "without a template there is the usual one", want: standard},
		{name: "an empty template is none", userData: "final_message: ' '\n", want: standard},
		{
			name:     "variables go by name, in braces and in capitals",
			userData: "final_message: |\n  v$version ${version} $VERSION\n  at $timestamp, $uptime s, $datasource. $ 5\n",
			want:     "v0.1 0.1 0.1\nat DATE, UPTIME s, DataSourceNoCloud [seed=/dev/sr0]. $ 5\n",
		},
		{name: "a dot may follow a name", userData: "final_message: Up $uptime.\n", want: "Up UPTIME.\n"},
		{
			name: "an unknown variable is reported", userData: "final_message: $verison\n", want: standard,
			reports: "error: user-data:1:16: final_message: there is no variable $verison: there are $datasource, $timestamp, $uptime and $version; the default message was given",
		},
		{name: "the module's argument comes first", userData: "final_message: no\n", args: []string{"yes $version"}, want: "yes 0.1\n"},
		{name: "a header may name the basic language", userData: "final_message: |\n  ## template: basic\n  v $version\n", want: "v 0.1\n"},
		{name: "a header may ask for jinja", userData: "final_message: |\n  ##template:Jinja\n  v {{ version }}\n", want: "v 0.1\n"},
		{
			name: "what is missing in a jinja template is reported", userData: "final_message: |\n  ## template: jinja\n  v {{ version }} {{ nope }}\n", want: "v 0.1 CI_MISSING_JINJA_VAR/nope\n",
			reports: "warning: user-data:1:16: final_message: template:2:20: the template's variable nope has no value; CI_MISSING_JINJA_VAR/nope stands in its place",
		},
		{
			name: "an error in a jinja template is reported", userData: "final_message: |\n  ## template: jinja\n  {% if %}\n", want: standard,
			reports: `error: user-data:1:16: final_message: template:2:7: expected a value here, found "%}"; the default message was given`,
		},
		{
			name: "an unknown language is reported", userData: "final_message: |\n  ## template: mako\n  x\n", want: standard,
			reports: `error: user-data:1:16: final_message: there is no template language "mako": there are jinja and basic; the default message was given`,
		},
	}
	date := regexp.MustCompile(`\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} \+0000`)
	uptime := regexp.MustCompile(`\d+\.\d{2}( seconds| s,|\.\n| - )`)
	mask := func(text string) string {
		return uptime.ReplaceAllString(date.ReplaceAllString(text, "DATE"), "UPTIME$1")
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			e := configured(t, m, test.userData)
			var out strings.Builder
			e.Output, e.Args = &out, test.args
			same(t, "the report", outcome(t, finalMessage, e), test.reports)
			same(t, "the message", mask(out.String()), test.want)
			same(t, "boot-finished", mask(m.Text(t, "/var/lib/cloud/instance/boot-finished")), "UPTIME - DATE - v. 0.1\n")
		})
	}
}
