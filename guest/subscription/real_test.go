package subscription_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/guest/subscription"
	"cloudseed/host"
	"cloudseed/secret"
)

// standIn is a subscription-manager that records its arguments, and asks for a password as
// the real one does (user_pass.py): on a terminal, or not at all.
const standIn = `#!/bin/sh
printf '%s\n' "$*" >>"$0.calls"
case "$*" in
identity) echo 'This system is not yet registered.' >&2; exit 1 ;;
*--activationkey=*) ;;
register*)
	if [ ! -t 0 ]; then
		echo 'Error: --password is a required parameter in non-interactive mode.' >&2
		exit 64
	fi
	echo 'Registering to: subscription.rhsm.redhat.com:443/subscription'
	stty -echo </dev/tty
	printf 'Password: ' >/dev/tty
	IFS= read -r password </dev/tty
	[ "$password" = 's3cret $x' ] || { echo 'Invalid username or password.' >&2; exit 70; }
	case "$*" in *--org=*) ;; *)
		printf 'Organization: '
		IFS= read -r org || { echo 'Error: no organization' >&2; exit 70; } ;;
	esac ;;
esac
echo 'The system has been registered with ID: 9f6c1d5e-1111-2222-3333-444455556666'
echo 'The registered system name is: vm'
`

func TestAPasswordIsTypedOnATerminalAndNeverAnArgument(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		account       subscription.Account
		calls, id, is string
	}{
		"a user of one organization by name": {
			subscription.Account{Username: "alice", Password: secret.New("s3cret $x"), Org: "1"}, "register --username=alice --org=1", "9f6c1d5e-1111-2222-3333-444455556666", "",
		},
		"a user of several, of which none is named": {
			subscription.Account{Username: "alice", Password: secret.New("s3cret $x")}, "register --username=alice", "", "subscription-manager failed with exit code 70: Error: no organization",
		},
		"a wrong password": {
			subscription.Account{Username: "alice", Password: secret.New("wrong")}, "register --username=alice", "", "subscription-manager failed with exit code 70: Invalid username or password.",
		},
		"an activation key": {
			subscription.Account{ActivationKey: secret.New("key"), Org: "1"}, "register --activationkey=key --org=1", "9f6c1d5e-1111-2222-3333-444455556666", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			program := filepath.Join(t.TempDir(), "subscription-manager")
			if err := os.WriteFile(program, []byte(standIn), 0o755); err != nil {
				t.Fatal(err)
			}
			h := host.New("/", host.Options{
				Log: slog.New(slog.DiscardHandler), LookPath: func(string) (string, error) { return program, nil },
			})
			id, err := subscription.Of(h).Register(t.Context(), row.account)
			is := ""
			if err != nil {
				is = err.Error()
			}
			if id != row.id || is != row.is {
				t.Errorf("the id is %q, want %q; the error is %q, want %q", id, row.id, is, row.is)
			}
			calls, err := os.ReadFile(program + ".calls")
			if err != nil || strings.TrimSpace(string(calls)) != row.calls {
				t.Errorf("it runs %q, want %q; %v", calls, row.calls, err)
			}
		})
	}
}
