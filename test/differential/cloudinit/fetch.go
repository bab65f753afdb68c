package cloudinit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Compared is the cloud-init that is compared with. It is that of Debian's next stable release, whose
// name is its own and whose packages will stop to change when it is released. Not that
// of trixie, the release before it: 25.1.4 is no measure any more. Its networkd files
// have no bonds, bridges and VLANs at all; its keyfiles lose metrics, and the MAC
// addresses of version 2's bonds and VLANs; it fails at routes to `default` and at
// bonds' options that the newest version knows.
var Compared = Release{"forky", "26.2-1"}

// Older is the cloud-init of Debian 12, of EL9's age: machines that are taken over were set up by it.
var Older = Release{"bookworm", "22.4.2-1+deb12u4"}

// Release is a suite of Debian's, and the version of cloud-init that it has.
type Release struct{ suite, version string }

// keyring is in Debian's package debian-archive-keyring, which apt needs itself.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// Fetch gets a release's package of cloud-init below dir, unpacked and never installed, and
// gives the folder of its Python packages. What is there already is not fetched again.
// Where the archive has gone on to another version, that one is taken: Version tells.
func Fetch(ctx context.Context, dir string, r Release) (packages string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("cannot find %s: %w", dir, err)
	}
	root := filepath.Join(dir, r.version)
	packages = filepath.Join(root, "usr/lib/python3/dist-packages")
	if _, err := os.Stat(packages); err == nil {
		return packages, nil
	}
	work, err := os.MkdirTemp("", "cloud-init-") // apt's own user must be able to read it
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work) //nolint:errcheck // it is the system's folder for such things
	archive, err := r.download(ctx, work)
	if err != nil {
		return "", fmt.Errorf("cannot get Debian's cloud-init: %w", err)
	}
	// Whole or not at all: a run that is cut short must not leave half a cloud-init.
	partial := root + ".partial"
	if err := errors.Join(os.RemoveAll(partial), os.MkdirAll(partial, 0o755)); err != nil {
		return "", err
	}
	if _, err := run(ctx, "", "dpkg-deb", "-x", archive, partial); err != nil {
		return "", err
	}
	if err := errors.Join(os.RemoveAll(root), os.Rename(partial, root)); err != nil {
		return "", err
	}
	return packages, nil
}

// download gets the package into a folder, with lists of packages of its own: those of
// the machine stay as they are. Whence is what the machine's own apt says.
func (r Release) download(ctx context.Context, work string) (archive string, err error) {
	out, err := run(ctx, "", "apt-get", "indextargets", "--format", "$(REPO_URI)", "Identifier: Packages", "Label: Debian")
	if err != nil {
		return "", err
	}
	uri, _, _ := strings.Cut(out, "\n")
	if uri == "" {
		return "", errors.New("apt knows no archive of Debian's; run apt-get update")
	}
	list := filepath.Join(work, "list")
	for _, folder := range []string{"state/lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(work, folder), 0o755); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(list, fmt.Appendf(nil, "deb [signed-by=%s] %s %s main\n", keyring, uri, r.suite), 0o644); err != nil {
		return "", err
	}
	apt := func(args ...string) error {
		_, err := run(ctx, work, "apt-get", append([]string{
			"-qq", "-o", "Dir::Etc::SourceList=" + list, "-o", "Dir::Etc::SourceParts=-",
			"-o", "Dir::State=" + work + "/state", "-o", "Dir::Cache=" + work + "/cache",
			"-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none",
		}, args...)...)
		return err
	}
	if err := apt("update"); err != nil {
		return "", err
	}
	if err := apt("download", "cloud-init="+r.version); err != nil {
		// The archive keeps one version of a suite.
		if err := apt("download", "cloud-init"); err != nil {
			return "", err
		}
	}
	found, err := filepath.Glob(filepath.Join(work, "cloud-init_*.deb"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("expected one package from apt, got %q", found)
	}
	return found[0], nil
}

func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return string(out), nil
}
