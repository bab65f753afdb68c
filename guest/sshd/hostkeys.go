package sshd

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"cloudseed/host"
	"cloudseed/secret"
)

// Host keys are made while nobody waits for them. Prepare starts an ssh-keygen for each type
// in a directory of /run, which a power cut empties. Generate, in a later process, waits for
// them, and InstallGenerated writes them to /etc/ssh.
//
// A power cut at any moment leaves a guest that sshd can serve: a key file is replaced
// by a whole new one in one step, and the image's other keys are deleted only when
// a new key is in its place. In between there may be a new private key beside an old
// public one, which sshd reports and passes over: whoever finds the work unfinished does all of
// it anew.

const (
	sshDir       = "/etc/ssh"
	hostKeyGlob  = sshDir + "/ssh_host_*key*"
	fipsEnabled  = "/proc/sys/crypto/fips_enabled"
	hostKeyGroup = "ssh_keys"

	// hostKeyDeadline is how long all types together may take: an RSA key is
	// seconds of work, and a minute of it for an emulated processor.
	hostKeyDeadline = 5 * time.Minute
)

// HostKeyTypes are those that OpenSSH still makes.
var HostKeyTypes = []string{"rsa", "ecdsa", "ed25519"}

// HostKeyPath returns where sshd reads the private key of a type.
func HostKeyPath(kind string) string { return sshDir + "/ssh_host_" + kind + "_key" }

// HostKey is a key with what belongs to it, on its way to /etc/ssh. Each part may be missing.
type HostKey struct {
	Type                string // "rsa"
	Private             secret.String
	Public, Certificate string
}

// PossibleTypes returns those of the types that this machine can have.
func PossibleTypes(h *host.Host, wanted []string) []string {
	data, err := h.ReadFile(fipsEnabled)
	fips := err == nil && strings.TrimSpace(string(data)) == "1"
	var types []string
	for _, kind := range wanted {
		if slices.Contains(HostKeyTypes, kind) && !slices.Contains(types, kind) && !(fips && kind == "ed25519") {
			types = append(types, kind)
		}
	}
	return types
}

// MissingTypes returns those of the types for which there is no key yet.
func MissingTypes(h *host.Host, types []string) []string {
	return slices.DeleteFunc(slices.Clone(types), func(kind string) bool { return h.Exists(HostKeyPath(kind)) })
}

// Keygen makes host keys.
type Keygen struct {
	Host     *host.Host
	Log      *slog.Logger
	RunDir   string // a directory that a reboot empties
	Instance string // whose keys they are: any string
	Hostname string // for the comments
}

// dir is where the instance's keys are made ahead. Its id need not be the name of one directory.
func (k Keygen) dir() string {
	return path.Join(k.RunDir, "host-keys", "instance-"+strings.ReplaceAll(k.Instance, "/", "_"))
}

func (k Keygen) prepared(kind string) string { return path.Join(k.dir(), "ssh_host_"+kind+"_key") }

// pipe is held open by the ssh-keygen that makes a key; see host.Start.
func (k Keygen) pipe(kind string) string { return path.Join(k.dir(), kind+".running") }

// Prepare starts the making of keys, and returns at once.
func (k Keygen) Prepare(ctx context.Context, types []string) error {
	if len(types) == 0 || k.Host.Exists(k.dir()) {
		return nil // nothing to do, or done by an earlier run of this stage in this boot
	}
	if err := k.Host.Quietly().Mkdir(k.RunDir, 0o755, host.Owner{}); err != nil {
		return err
	}
	if err := k.Host.Quietly().Mkdir(k.dir(), 0o700, host.Owner{}); err != nil {
		return err
	}
	var errs []error
	for _, kind := range types {
		errs = append(errs, k.Host.Start(ctx, host.Command{Argv: k.argv(kind, k.prepared(kind))}, k.pipe(kind)))
	}
	return errors.Join(errs...)
}

// Clear removes what is left of keys that were made ahead.
func (k Keygen) Clear() error { return k.Host.Quietly().RemoveAll(k.dir()) }

// argv is the command that makes a key. The comment is given because ssh-keygen
// takes it from the hostname, which is not set yet when keys are made ahead.
//
// Difference from cloud-init: the pictures that ssh-keygen draws are not in the output
// log, whatever ssh_quiet_keygen says.
func (k Keygen) argv(kind, at string) []string {
	return []string{"ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "root@" + k.Hostname, "-f", at}
}

// Generate returns a new key of each type, made ahead or else made now. The keys that could
// be made are returned with the errors of the others.
func (k Keygen) Generate(ctx context.Context, types []string) ([]HostKey, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, hostKeyDeadline, fmt.Errorf("it took longer than %s", hostKeyDeadline))
	defer cancel()
	keys := make([]HostKey, len(types))
	errs := make([]error, len(types))
	var wg sync.WaitGroup
	for i, kind := range types {
		wg.Go(func() {
			keys[i], errs[i] = k.generate(ctx, kind)
		})
	}
	wg.Wait()
	keys = slices.DeleteFunc(keys, func(key HostKey) bool { return key.Private.IsEmpty() })
	return keys, errors.Join(errs...)
}

func (k Keygen) generate(ctx context.Context, kind string) (HostKey, error) {
	if said, err := k.Host.Wait(ctx, k.pipe(kind)); err != nil {
		return HostKey{}, fmt.Errorf("cannot create a host key of type %s: %w", kind, err)
	} else if said != "" {
		k.Log.Debug("ssh-keygen ended", "type", kind, "output", said)
	}
	key, err := readHostKey(k.Host, kind, k.prepared(kind))
	if err == nil {
		return key, nil
	}
	key, err = k.generateNow(ctx, kind)
	if err != nil {
		return HostKey{}, fmt.Errorf("cannot create a host key of type %s: %w", kind, err)
	}
	return key, nil
}

// readHostKey reads a finished pair. ssh-keygen writes the public key after the private
// one, so that a public key with its last line whole means that both are.
func readHostKey(h *host.Host, kind, at string) (HostKey, error) {
	public, err := h.ReadFile(at + ".pub")
	if err != nil {
		return HostKey{}, err
	}
	private, err := h.ReadFile(at)
	if err != nil {
		return HostKey{}, err
	}
	if !bytes.HasSuffix(public, []byte("\n")) || len(private) == 0 {
		return HostKey{}, fmt.Errorf("%s is not whole", at)
	}
	return HostKey{Type: kind, Private: secret.New(string(private)), Public: string(public)}, nil
}

// generateNow makes a key now. It is made in /etc/ssh, under a name that sshd does not
// read: SELinux lets ssh-keygen write there on every system, in /run it may not.
func (k Keygen) generateNow(ctx context.Context, kind string) (key HostKey, err error) {
	if err := k.Host.Mkdir(sshDir, 0o755, host.Owner{}); err != nil {
		return HostKey{}, err
	}
	at := sshDir + "/.ssh_host_" + kind + "_key.cloudseed~"
	remove := func() error {
		return errors.Join(k.Host.Quietly().RemoveAll(at), k.Host.Quietly().RemoveAll(at+".pub"))
	}
	if err := remove(); err != nil { // left by a power cut: ssh-keygen would ask about it
		return HostKey{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if _, err := k.Host.Run(ctx, host.Command{Argv: k.argv(kind, at), Timeout: hostKeyDeadline}); err != nil {
		return HostKey{}, err
	}
	return readHostKey(k.Host, kind, at)
}

// InstallGenerated puts keys in the place where sshd reads them, and returns the paths that
// are now taken.
func InstallGenerated(ctx context.Context, h *host.Host, keys []HostKey) (installed []string, err error) {
	private := generatedKeyFile(ctx, h)
	var errs []error
	for _, key := range keys {
		paths, err := key.install(ctx, h, private)
		installed, errs = append(installed, paths...), append(errs, err)
	}
	return installed, errors.Join(errs...)
}

// Install puts a key that somebody else made in the place where sshd reads it, and returns
// the paths that are now taken.
func (k HostKey) Install(ctx context.Context, h *host.Host) (installed []string, err error) {
	return k.install(ctx, h, host.File{Mode: 0o600, Secret: true})
}

func (k HostKey) install(ctx context.Context, h *host.Host, private host.File) (installed []string, err error) {
	at := HostKeyPath(k.Type)
	write := func(path, content string, f host.File) error {
		_, err := h.WriteFile(path, withNewline(content), f)
		if err == nil {
			installed = append(installed, path)
		}
		return err
	}
	if !k.Private.IsEmpty() {
		if err := write(at, k.Private.Reveal(), private); err != nil {
			return nil, err
		}
	}
	var errs []error
	if k.Public == "" && !k.Private.IsEmpty() {
		k.Public, err = derivePublicKey(ctx, h, at)
		errs = append(errs, err)
	}
	if k.Public != "" {
		errs = append(errs, write(at+".pub", k.Public, host.File{}))
	}
	if k.Certificate != "" {
		errs = append(errs, write(at+"-cert.pub", k.Certificate, host.File{}))
		// Difference from cloud-init: each certificate gets its line. It keeps one
		// line, so that sshd shows the last certificate only.
		_, err := Add(h, "HostCertificate", at+"-cert.pub")
		errs = append(errs, err)
	}
	return installed, errors.Join(errs...)
}

// generatedKeyFile is the owner and mode of private host keys that are made here, as cloud-init gives them: they
// are of the group ssh_keys where the RHEL family has it, which may read them before
// OpenSSH 9: ssh-keysign did so by way of it.
func generatedKeyFile(ctx context.Context, h *host.Host) host.File {
	private := host.File{Mode: 0o600, Secret: true}
	group, err := h.Group(ctx, hostKeyGroup)
	if err != nil {
		return private
	}
	private.Owner.GID = group.GID
	if major, known := sshdVersion(ctx, h); known && major < 9 {
		private.Mode = 0o640
	}
	return private
}

// sshdVersion is sshd's major version. Older ones do not know -V, and tell their
// version in the complaint about it.
func sshdVersion(ctx context.Context, h *host.Host) (major int, known bool) {
	r, err := h.Run(ctx, host.Command{Argv: []string{"sshd", "-V"}, OK: []int{1, 255}, Timeout: 10 * time.Second, Quiet: true})
	if err != nil {
		return 0, false
	}
	_, version, found := strings.Cut(r.Stderr+r.Stdout, "OpenSSH_")
	if !found {
		return 0, false
	}
	_, err = fmt.Sscanf(version, "%d", &major)
	return major, err == nil
}

// DeleteHostKeys deletes all host keys and certificates but those to keep.
func DeleteHostKeys(h *host.Host, keep []string) error {
	found, err := h.Glob(hostKeyGlob)
	if err != nil {
		return fmt.Errorf("cannot list the host keys: %w", err)
	}
	var errs []error
	for _, at := range found {
		if !slices.Contains(keep, at) {
			errs = append(errs, h.Remove(at))
		}
	}
	return errors.Join(errs...)
}

// derivePublicKey returns the public key of an installed private one.
func derivePublicKey(ctx context.Context, h *host.Host, at string) (string, error) {
	r, err := h.Run(ctx, host.Command{Argv: []string{"ssh-keygen", "-y", "-f", at}})
	if err != nil {
		return "", fmt.Errorf("cannot derive the public key of %s: %w", at, err)
	}
	return strings.TrimSpace(r.Stdout) + " root@localhost", nil
}

// IsPrivateKey reports whether content is a private key that OpenSSH can read: they are in PEM.
func IsPrivateKey(content string) bool {
	block, _ := pem.Decode(withNewline(content))
	return block != nil && strings.HasSuffix(block.Type, "PRIVATE KEY")
}

// withNewline ends a key with a newline, without which OpenSSH takes it for a broken one; a
// YAML value has none unless it is a block.
//
// Difference from cloud-init: it writes the string unchanged.
func withNewline(content string) []byte { return []byte(strings.TrimRight(content, "\n") + "\n") }
