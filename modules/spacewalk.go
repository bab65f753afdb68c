package modules

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"cloudseed/config"
	"cloudseed/guest/packages"
	"cloudseed/host"
	"cloudseed/modules/cloudconfig"
	"cloudseed/secret"
	"cloudseed/state"
)

type spacewalkKeys struct {
	Keys *spacewalkServer `key:"spacewalk" doc:"The Spacewalk, or Uyuni, server to register with."`

	register bool // what Check found
}

// spacewalkServer are the keys of spacewalk.
type spacewalkServer struct {
	Server        string        `key:"server" doc:"The server's name."`
	Proxy         secret.String `key:"proxy" doc:"An HTTP proxy on the way to it."`
	ActivationKey secret.String `key:"activation_key" doc:"The activation key to register with."`
}

var spacewalk = Of[spacewalkKeys]{
	Name:       "spacewalk",
	Stage:      ConfigStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"spacewalk"},
	Repeatable: true, // a registered system is left alone
	Doc: "Registers the system with a Spacewalk or Uyuni server by rhnreg_ks, whose package rhn-setup is installed if it " +
		"is missing. EL8 and later do not have it. A system that is registered is unchanged.",
	Example: "spacewalk:\n  server: spacewalk.example.com\n  activation_key: 1-servers\n",
	Check:   checkSpacewalk,
	Run:     runSpacewalk,
}.Module()

const (
	spacewalkTool    = "rhnreg_ks"
	spacewalkPackage = "rhn-setup"
	spacewalkCA      = "/usr/share/rhn/RHN-ORG-TRUSTED-SSL-CERT"

	// spacewalkTime is how long the server may take to answer.
	spacewalkTime = 10 * time.Minute
)

// isServerName reports whether a string is a host's name or address, with a port or without.
func isServerName(name string) bool {
	return name != "" && !strings.ContainsAny(name[:1], "._:]-") && !strings.ContainsFunc(name, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._:[]-", r)
	})
}

func checkSpacewalk(e *Env, keys *spacewalkKeys) {
	k, at := keys.Keys, e.At("spacewalk")
	if k == nil || at.Kind() != config.Map || len(at.Value().Keys()) == 0 {
		return
	}
	keys.register = true
	refuse := func(at config.Cursor, format string, args ...any) {
		at.Errorf(format+"; the system is not registered", args...)
		keys.register = false
	}
	switch server := at.Get("server"); {
	case k.Server == "":
		refuse(server, "expected a server's name")
	case !isServerName(k.Server):
		refuse(server, "%q is not the name of a server: it has neither a scheme nor a path", k.Server)
	}
	for name, value := range map[string]secret.String{"proxy": k.Proxy, "activation_key": k.ActivationKey} {
		if text := value.Reveal(); strings.HasPrefix(text, "-") || strings.ContainsFunc(text, unicode.IsControl) {
			refuse(at.Get(name), `the value begins with "-" or holds a control character`)
		}
	}
}

// runSpacewalk registers the system.
//
// Difference from cloud-init: a package is only installed where its program is missing.
func runSpacewalk(ctx context.Context, e *Env, keys *spacewalkKeys) error {
	if !keys.register {
		return nil
	}
	at := e.At("spacewalk")
	if !e.Host.Runs() {
		e.skip(at, "an image is not registered: each system that is made of it registers itself")
		return nil
	}
	if err := registerWithSpacewalk(ctx, e, keys.Keys); err != nil {
		at.Fail(fmt.Errorf("cannot register the system: %w", err))
	}
	return nil
}

func registerWithSpacewalk(ctx context.Context, e *Env, k *spacewalkServer) error {
	if _, err := e.Host.LookPath(spacewalkTool); err != nil {
		missing, err := e.packageManager().Install(ctx, []packages.Spec{{Name: spacewalkPackage}})
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return fmt.Errorf("no repository has the package %s, which EL8 and later do not have", spacewalkPackage)
		}
	}
	const notRegistered = 1
	r, err := e.Host.Run(ctx, host.Command{Argv: []string{"rhn-profile-sync", "--verbose"}, OK: []int{notRegistered}, Timeout: spacewalkTime})
	if err != nil {
		return err
	}
	if r.Exit != notRegistered {
		e.Log.Info("the system is registered already")
		return nil
	}
	c := host.Command{
		Argv:    []string{spacewalkTool, "--serverUrl", "https://" + k.Server + "/XMLRPC", "--profilename", cloudconfig.MetadataNames(e.Instance.Hostname, e.Host).Full},
		Timeout: spacewalkTime,
	}
	if !k.Proxy.IsEmpty() {
		c.SecretArgs = append(c.SecretArgs, len(c.Argv)+1) // it may hold a login
		c.Argv = append(c.Argv, "--proxy", k.Proxy.Reveal())
	}
	c.Argv = append(c.Argv, "--sslCACert", spacewalkCA)
	if !k.ActivationKey.IsEmpty() {
		c.SecretArgs = append(c.SecretArgs, len(c.Argv)+1)
		c.Argv = append(c.Argv, "--activationkey", k.ActivationKey.Reveal())
	}
	_, err = e.Host.Run(ctx, c)
	return err
}
