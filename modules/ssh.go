package modules

import (
	"context"
	"slices"

	"cloudseed/config"
	"cloudseed/guest/sshd"
	"cloudseed/modules/cloudconfig"
	"cloudseed/secret"
	"cloudseed/state"
)

type sshKeys struct {
	DeleteKeys      *bool         `key:"ssh_deletekeys" default:"true" doc:"Replace the host keys that the image came with."`
	GenKeyTypes     []string      `key:"ssh_genkeytypes" accept:"scalar" default:"rsa, ecdsa, ed25519" doc:"The types of host keys to make: rsa, ecdsa, ed25519. On a system in FIPS mode ed25519 is skipped."`
	Keys            *hostKeyKeys  `key:"ssh_keys" doc:"Host keys to use. No others are made then."`
	QuietKeygen     bool          `key:"ssh_quiet_keygen" doc:"Accepted; the making of keys is always quiet."`
	PublishHostKeys *config.Value `key:"ssh_publish_hostkeys" takes:"anything" doc:"Accepted; there is nobody to publish host keys to with these datasources."`
	AllowPublicKeys *bool         `key:"allow_public_ssh_keys" default:"true" doc:"Use the public keys of the instance's metadata."`
	AuthorizedKeys  *config.Value `key:"ssh_authorized_keys" takes:"list(text)|text|map(text)" doc:"Public keys that may log in as the default user."`
	DisableRoot     *bool         `key:"disable_root" default:"true" doc:"Tell those who log in as root with one of these keys to use the default user."`
	DisableRootOpts *string       `key:"disable_root_opts" doc:"What is put before root's keys then. $USER is the default user, $DISABLE_USER is root."`

	own []sshd.AuthorizedKey // what Check read of AuthorizedKeys
}

// hostKeyKeys are the host keys of ssh_keys.
type hostKeyKeys struct {
	RSAPrivate         secret.String `key:"rsa_private" doc:"An RSA key in PEM form."`
	RSAPublic          string        `key:"rsa_public" doc:"Its public key; derived if absent."`
	RSACertificate     string        `key:"rsa_certificate" doc:"A host certificate for it."`
	ECDSAPrivate       secret.String `key:"ecdsa_private" doc:"An ECDSA key in PEM form."`
	ECDSAPublic        string        `key:"ecdsa_public" doc:"Its public key; derived if absent."`
	ECDSACertificate   string        `key:"ecdsa_certificate" doc:"A host certificate for it."`
	ED25519Private     secret.String `key:"ed25519_private" doc:"An Ed25519 key in PEM form."`
	ED25519Public      string        `key:"ed25519_public" doc:"Its public key; derived if absent."`
	ED25519Certificate string        `key:"ed25519_certificate" doc:"A host certificate for it."`
	DSAPrivate         secret.String `key:"dsa_private" doc:"Ignored: OpenSSH no longer takes DSA keys."`
	DSAPublic          string        `key:"dsa_public" doc:"Ignored: OpenSSH no longer takes DSA keys."`
	DSACertificate     string        `key:"dsa_certificate" doc:"Ignored: OpenSSH no longer takes DSA keys."`
}

var sshModule = Of[sshKeys]{
	Name:       "ssh",
	Stage:      InitStage,
	Frequency:  state.PerInstance,
	Repeatable: true,
	Doc: "Gives the instance SSH host keys of its own, and lets public keys log in as the default user, and as root " +
		"unless disable_root. Host keys are made by ssh-keygen from the moment the seed is known.",
	Example: "ssh_genkeytypes: [ed25519]\ndisable_root: true\nssh_authorized_keys:\n  - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJqzG8mCzqrHtgJbFvQ0Q0v3mvIRZQfOA8q0yJ3J2a7e alice@example.com\n",
	Prepare: prepareSSH,
	Check:   checkSSH,
	Run:     runSSH,
}.Module()

// checkSSH tells what can be told of the keys without a machine.
func checkSSH(e *Env, keys *sshKeys) {
	reportKeyTypes(e, keys)
	keys.own = cloudconfig.PublicKeys(e.At("ssh_authorized_keys"))
	if keys.Keys != nil {
		keys.Keys.dropInvalid(e.At("ssh_keys"))
	}
}

// given are the host keys of the configuration.
func (k *hostKeyKeys) given() []sshd.HostKey {
	return []sshd.HostKey{
		{Type: "rsa", Private: k.RSAPrivate, Public: k.RSAPublic, Certificate: k.RSACertificate},
		{Type: "ecdsa", Private: k.ECDSAPrivate, Public: k.ECDSAPublic, Certificate: k.ECDSACertificate},
		{Type: "ed25519", Private: k.ED25519Private, Public: k.ED25519Public, Certificate: k.ED25519Certificate},
	}
}

// dropInvalid reports and drops private keys that OpenSSH cannot read: they are in PEM.
//
// Difference from cloud-init: it writes them, and sshd starts without the key.
func (k *hostKeyKeys) dropInvalid(at config.Cursor) {
	for _, key := range []struct {
		name string
		text *secret.String
	}{{"rsa_private", &k.RSAPrivate}, {"ecdsa_private", &k.ECDSAPrivate}, {"ed25519_private", &k.ED25519Private}} {
		if key.text.IsEmpty() {
			continue
		}
		if !sshd.IsPrivateKey(key.text.Reveal()) {
			at.Get(key.name).Errorf("this is not a private key in PEM; it is not written")
			*key.text = secret.String{}
		}
	}
}

// hasPrivate tells whether there is a key, and not only what belongs to one.
func (k *hostKeyKeys) hasPrivate() bool {
	return k != nil && slices.ContainsFunc(k.given(), func(g sshd.HostKey) bool { return !g.Private.IsEmpty() })
}

// types are the key types to make.
func (k *sshKeys) types(e *Env) []string {
	wanted := k.GenKeyTypes
	if e.Config.Get("ssh_genkeytypes").IsNull() {
		wanted = sshd.HostKeyTypes
	}
	types := sshd.PossibleTypes(e.Host, wanted)
	if !k.deletesKeys() {
		types = sshd.MissingTypes(e.Host, types)
	}
	return types
}

func (k *sshKeys) deletesKeys() bool { return isUnsetOr(k.DeleteKeys, true) }

// isUnsetOr tells whether a key that is true by default has this value.
func isUnsetOr(b *bool, value bool) bool { return b == nil || *b == value }

func prepareSSH(ctx context.Context, e *Env, keys *sshKeys) error {
	if keys.Keys.hasPrivate() {
		return nil
	}
	return keygen(e).Prepare(ctx, keys.types(e))
}

// ownHostname is the name that the guest will have when it is up, as far as a
// comment needs it.
func ownHostname(e *Env) string {
	for _, key := range []string{"fqdn", "hostname"} {
		if v := e.Config.Get(key); v.Kind() == config.String && v.Text() != "" {
			return v.Text()
		}
	}
	if e.Instance.Hostname != "" {
		return e.Instance.Hostname
	}
	if name, err := e.Host.Hostname(); err == nil && name != "" {
		return name
	}
	return "localhost"
}

func keygen(e *Env) sshd.Keygen {
	return sshd.Keygen{Host: e.Host, Log: e.Log, RunDir: e.Instance.RunDir, Instance: e.Instance.ID, Hostname: ownHostname(e)}
}

func runSSH(ctx context.Context, e *Env, keys *sshKeys) error {
	useHostKeys(ctx, e, keys)
	authorize(ctx, e, keys)
	return nil
}

func reportKeyTypes(e *Env, keys *sshKeys) {
	for _, kind := range keys.GenKeyTypes {
		if !slices.Contains(sshd.HostKeyTypes, kind) {
			e.At("ssh_genkeytypes").Warnf("there are no host keys of type %q: expected rsa, ecdsa or ed25519", kind)
		}
	}
}

// makeHostKeys gives the instance new host keys and takes away the image's.
//
// Difference from cloud-init: the image's keys go when new ones are there. It deletes
// them first, and a guest that loses power in between, or has no ssh-keygen, is
// left without any.
func makeHostKeys(ctx context.Context, e *Env, keys *sshKeys) {
	types, keygen := keys.types(e), keygen(e)
	made, err := keygen.Generate(ctx, types)
	e.ofKey("ssh_genkeytypes").Fail(err)
	installed, err := sshd.InstallGenerated(ctx, e.Host, made)
	e.ofKey("ssh_genkeytypes").Fail(err)
	if keys.deletesKeys() && (len(installed) > 0 || len(types) == 0) {
		e.ofKey("ssh_deletekeys").Fail(sshd.DeleteHostKeys(e.Host, installed))
	}
	e.ofKey("ssh_genkeytypes").Fail(keygen.Clear())
}

// useHostKeys installs the host keys of the configuration, or makes some if it has
// none: without any sshd does not start.
//
// Difference from cloud-init: an ssh_keys without any private key makes keys too. It
// leaves that to sshd's own unit.
func useHostKeys(ctx context.Context, e *Env, keys *sshKeys) {
	if !keys.Keys.hasPrivate() {
		makeHostKeys(ctx, e, keys)
	}
	if keys.Keys == nil {
		return
	}
	for _, name := range []string{"dsa_private", "dsa_public", "dsa_certificate"} {
		if at := e.At("ssh_keys." + name); at.Value() != nil {
			at.Warnf("OpenSSH no longer takes DSA keys, so it is ignored")
		}
	}
	var installed []string
	failed := false
	for _, key := range keys.Keys.given() {
		paths, err := key.Install(ctx, e.Host)
		e.ofKey("ssh_keys").Fail(err)
		installed = append(installed, paths...)
		failed = failed || err != nil && !key.Private.IsEmpty()
	}
	if keys.Keys.hasPrivate() && keys.deletesKeys() && !failed {
		e.ofKey("ssh_deletekeys").Fail(sshd.DeleteHostKeys(e.Host, installed))
	}
}

// authorize lets the public keys of the metadata and the configuration log in.
func authorize(ctx context.Context, e *Env, keys *sshKeys) {
	var public []sshd.AuthorizedKey
	if isUnsetOr(keys.AllowPublicKeys, true) {
		public = cloudconfig.MetadataKeys(e.Instance.PublicKeys, e.Warn)
	}
	public = append(public, keys.own...)

	name := cloudconfig.DefaultUser(e.Config.Root(), e.Instance.DefaultUser)
	if name != "" {
		e.ofKey("ssh_authorized_keys").Fail(sshd.Authorize(ctx, e.Host, name, public, e.Warn))
	}
	// Difference from cloud-init: a key's own options hold for root too, where root is
	// not disabled. It drops them, so that from="..." would no longer bind the key.
	//
	// Difference from cloud-init: root is not disabled where it is the default user.
	// It tells whoever logs in as root to use root, and ends the session.
	forRoot := public
	if isUnsetOr(keys.DisableRoot, true) && name != "root" {
		forRoot = sshd.Redirect(public, rootOptions(keys), orNone(name), "root")
	}
	e.ofKey("disable_root").Fail(sshd.Authorize(ctx, e.Host, "root", forRoot, e.Warn))
}

func rootOptions(keys *sshKeys) string {
	if keys.DisableRootOpts != nil {
		return *keys.DisableRootOpts
	}
	return sshd.RedirectOptions
}

// orNone is what cloud-init's message names where there is no default user.
func orNone(name string) string {
	if name == "" {
		return "NONE"
	}
	return name
}
