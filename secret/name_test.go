package secret

import "testing"

func TestNamesOfSecretsAreKnownByTheirWords(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"adminPass": true, "admin_pass": true, "privateKey": true, "private-key": true, "api_key": true, "API_KEY": true, "apiKey": true,
		"pass": true, "pwd": true, "auth": true, "bearer": true, "luks_key": true, "LUKSKey": true, "passwd": true, "hashed_passwd": true,
		"plain_text_passwd": true, "db.password": true, "psk": true, "security-credentials": true, "secretAccessKey": true, "token": true,
		"author": false, "bypass": false, "compass": false, "authorized_keys": false, "ssh_authorized_keys": false, "public_keys": false, "key": false,
		"keyboard": false, "passthrough": false, "tokenizer": false, "ssh_pwauth": false, "hostname": false, "": false, "___": false,
	} {
		if got := IsName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestLoginsInURLsAreRedacted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://me:hunter2@host/a":           "https://[redacted]@host/a",
		"see ftp://me@host and http://b/":     "see ftp://[redacted]@host and http://b/",
		"https://host/path@2x":                "https://host/path@2x",
		"http://a:b@c@host":                   "http://[redacted]@host",
		"mail me@host":                        "mail me@host",
		"https://a:b@h/, https://c:d@h/":      "https://[redacted]@h/, https://[redacted]@h/",
		"baseurl=\"https://u:p@h:8080/?q=1\"": "baseurl=\"https://[redacted]@h:8080/?q=1\"",
	} {
		if got := WithoutLogins(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
