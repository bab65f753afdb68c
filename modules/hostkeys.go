package modules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/secret"
)

// Host keys are made while nobody waits for them. Prepare, as soon as the seed is known,
// starts an ssh-keygen for each type in a directory of /run, which a power cut
// empties. Run, in a later process, waits for them and moves them to /etc/ssh.
//
// A power cut at any moment leaves a guest that sshd can serve: a key file is replaced
// by a whole new one in one step, and the image's other keys are deleted only when
// a new key is in its place. In between there may be a new private key beside an old
// public one, which sshd reports and passes over. The next boot finds the module
// unfinished, runs it again, and makes and deletes all of them anew.

const (
	sshDir       = "/etc/ssh"
	hostKeyGlob  = sshDir + "/ssh_host_*key*"
	fipsEnabled  = "/proc/sys/crypto/fips_enabled"
	hostKeyGroup = "ssh_keys"

	// hostKeyDeadline is how long all types together may take: an RSA key is
	// seconds of work, and a minute of it for an emulated processor.
	hostKeyDeadline = 5 * time.Minute
)

// hostKeyTypes are those that OpenSSH still makes; dsa is known so that it can be
// told from a mistake.
var hostKeyTypes = []string{"rsa", "ecdsa", "ed25519"}

func hostKeyPath(kind string) string { return sshDir + "/ssh_host_" + kind + "_key" }

// hostKey is a finished key pair on its way to /etc/ssh.
type hostKey struct {
	kind            string
	private, public []byte
}

// typesToGenerate are the key types of the configuration that this machine can have.
func typesToGenerate(h *host.Host, wanted []string) []string {
	data, err := h.ReadFile(fipsEnabled)
	fips := err == nil && strings.TrimSpace(string(data)) == "1"
	var types []string
	for _, kind := range wanted {
		if slices.Contains(hostKeyTypes, kind) && !slices.Contains(types, kind) && !(fips && kind == "ed25519") {
			types = append(types, kind)
		}
	}
	return types
}

// missingTypes are those of the types for which there is no key yet.
func missingTypes(h *host.Host, types []string) []string {
	return slices.DeleteFunc(slices.Clone(types), func(kind string) bool { return h.Exists(hostKeyPath(kind)) })
}

// preparedDir is where this instance's keys are made ahead. The instance's id comes
// from the seed and need not be a name of one directory.
func preparedDir(e *Env) string {
	return path.Join(e.Instance.RunDir, "host-keys", "instance-"+strings.ReplaceAll(e.Instance.ID, "/", "_"))
}

func preparedPath(e *Env, kind string) string {
	return path.Join(preparedDir(e), "ssh_host_"+kind+"_key")
}

// preparedPipe is held open by the ssh-keygen that makes a key; see host.Start.
func preparedPipe(e *Env, kind string) string { return path.Join(preparedDir(e), kind+".running") }

// prepareHostKeys starts the making of keys.
func prepareHostKeys(ctx context.Context, e *Env, types []string) error {
	if len(types) == 0 || e.Host.Exists(preparedDir(e)) {
		return nil // nothing to do, or done by an earlier run of this stage in this boot
	}
	if err := e.Host.Quietly().Mkdir(e.Instance.RunDir, 0o755, host.Owner{}); err != nil {
		return err
	}
	if err := e.Host.Quietly().Mkdir(preparedDir(e), 0o700, host.Owner{}); err != nil {
		return err
	}
	var errs []error
	for _, kind := range types {
		c := host.Command{Argv: keygen(e, kind, preparedPath(e, kind))}
		errs = append(errs, e.Host.Start(ctx, c, preparedPipe(e, kind)))
	}
	return errors.Join(errs...)
}

// keygen is the command that makes a key. The comment is given because ssh-keygen
// takes it from the hostname, which is not set yet when keys are made ahead.
//
// Difference from cloud-init: the pictures that ssh-keygen draws are not in the output
// log, whatever ssh_quiet_keygen says.
func keygen(e *Env, kind, at string) []string {
	return []string{"ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "root@" + commentHostname(e), "-f", at}
}

// commentHostname is the name that the guest will have when it is up, as far as a
// comment needs it.
func commentHostname(e *Env) string {
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

// generateHostKeys gets a new key of each type, made ahead or else made now. The keys
// that could be made are returned with the errors of the others.
func generateHostKeys(ctx context.Context, e *Env, types []string) ([]hostKey, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, hostKeyDeadline, fmt.Errorf("it took longer than %s", hostKeyDeadline))
	defer cancel()
	keys := make([]hostKey, len(types))
	errs := make([]error, len(types))
	var wg sync.WaitGroup
	for i, kind := range types {
		wg.Go(func() {
			keys[i], errs[i] = hostKeyOf(ctx, e, kind)
		})
	}
	wg.Wait()
	keys = slices.DeleteFunc(keys, func(k hostKey) bool { return k.private == nil })
	return keys, errors.Join(errs...)
}

func hostKeyOf(ctx context.Context, e *Env, kind string) (hostKey, error) {
	if said, err := e.Host.Wait(ctx, preparedPipe(e, kind)); err != nil {
		return hostKey{}, fmt.Errorf("cannot create a host key of type %s: %w", kind, err)
	} else if said != "" {
		e.Log.Debug("ssh-keygen ended", "type", kind, "output", said)
	}
	key, err := readHostKey(e.Host, kind, preparedPath(e, kind))
	if err == nil {
		return key, nil
	}
	key, err = makeHostKey(ctx, e, kind)
	if err != nil {
		return hostKey{}, fmt.Errorf("cannot create a host key of type %s: %w", kind, err)
	}
	return key, nil
}

// readHostKey reads a finished pair. ssh-keygen writes the public key after the private
// one, so that a public key with its last line whole means that both are.
func readHostKey(h *host.Host, kind, at string) (hostKey, error) {
	public, err := h.ReadFile(at + ".pub")
	if err != nil {
		return hostKey{}, err
	}
	private, err := h.ReadFile(at)
	if err != nil {
		return hostKey{}, err
	}
	if !bytes.HasSuffix(public, []byte("\n")) || len(private) == 0 {
		return hostKey{}, fmt.Errorf("%s is not whole", at)
	}
	return hostKey{kind: kind, private: private, public: public}, nil
}

// makeHostKey makes a key now. It is made in /etc/ssh, under a name that sshd does not
// read: SELinux lets ssh-keygen write there on every system, in /run it may not.
func makeHostKey(ctx context.Context, e *Env, kind string) (key hostKey, err error) {
	if err := e.Host.Mkdir(sshDir, 0o755, host.Owner{}); err != nil {
		return hostKey{}, err
	}
	at := sshDir + "/.ssh_host_" + kind + "_key.cloudseed~"
	remove := func() error {
		return errors.Join(e.Host.Quietly().RemoveAll(at), e.Host.Quietly().RemoveAll(at+".pub"))
	}
	if err := remove(); err != nil { // left by a power cut: ssh-keygen would ask about it
		return hostKey{}, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	if _, err := e.Host.Run(ctx, host.Command{Argv: keygen(e, kind, at), Timeout: hostKeyDeadline}); err != nil {
		return hostKey{}, err
	}
	return readHostKey(e.Host, kind, at)
}

// installHostKeys puts keys in the place where sshd reads them and returns the paths
// that are now taken.
func installHostKeys(ctx context.Context, e *Env, keys []hostKey) ([]string, error) {
	var installed []string
	var errs []error
	private := privateKeyFile(ctx, e.Host)
	for _, key := range keys {
		at := hostKeyPath(key.kind)
		if _, err := e.Host.WriteFile(at, key.private, private); err != nil {
			errs = append(errs, err)
			continue
		}
		installed = append(installed, at)
		if _, err := e.Host.WriteFile(at+".pub", key.public, host.File{}); err != nil {
			errs = append(errs, err)
			continue
		}
		installed = append(installed, at+".pub")
	}
	return installed, errors.Join(errs...)
}

// privateKeyFile is the owner and mode of private host keys, as cloud-init gives them: they
// are of the group ssh_keys where the RHEL family has it, which may read them before
// OpenSSH 9: ssh-keysign did so by way of it.
func privateKeyFile(ctx context.Context, h *host.Host) host.File {
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

// deleteHostKeys deletes all host keys and certificates but those to keep.
func deleteHostKeys(h *host.Host, keep []string) error {
	found, err := h.Glob(hostKeyGlob)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
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

// derivePublicKey writes the public key of an installed private one.
func derivePublicKey(ctx context.Context, h *host.Host, kind string) error {
	at := hostKeyPath(kind)
	r, err := h.Run(ctx, host.Command{Argv: []string{"ssh-keygen", "-y", "-f", at}})
	if err != nil {
		return fmt.Errorf("cannot derive the public key of %s: %w", at, err)
	}
	_, err = h.WriteFile(at+".pub", []byte(strings.TrimSpace(r.Stdout)+" root@localhost\n"), host.File{})
	return err
}

// withNewline ends a key's text with a newline, without which OpenSSH takes it for a
// broken one; a YAML value has none unless it is a block.
//
// Difference from cloud-init: it writes the text as it is.
func withNewline(text string) []byte { return []byte(strings.TrimRight(text, "\n") + "\n") }

// givenKey is a key, or a certificate for one, of the configuration.
type givenKey struct {
	kind                string
	private             secret.String
	public, certificate string
}
