package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	"cloudseed/boot"
	"cloudseed/host"
	"cloudseed/printable"

	"github.com/spf13/cobra"
)

// What is collected of the machine's files, besides the logs: as cloud-init, neither scripts
// nor semaphores nor what is of an earlier instance.
var collectedFiles = []string{
	"/etc/cloud/*", "/etc/cloud/cloud.cfg.d/*", "/etc/cloud/clean.d/*",
	"/var/lib/cloud/data/*", "/var/lib/cloud/handlers/*", "/var/lib/cloud/seed/*",
	"/var/lib/cloud/instance/*", "/run/cloud-init/*",
}

// collectedOutput is what commands say, by the name of the file that gets it. What only root
// may ask for is not for others to see.
var collectedOutput = []struct {
	name      string
	argv      []string
	sensitive bool
}{
	{"rpm-version", []string{"rpm", "-q", "--whatprovides", "cloud-init"}, false},
	{"dmesg.txt", []string{"dmesg"}, true},
	{"journal.txt", []string{"journalctl", "--boot=0", "-o", "short-precise"}, false},
	{"journal-previous.txt", []string{"journalctl", "--boot=-1", "-o", "short-precise"}, false},
	{"systemctl.txt", []string{"systemctl", "status", "--no-pager", "--full", "cloud-*"}, false},
}

// collectLogsCommand makes an archive of what is needed to see what went wrong.
func collectLogsCommand(g *globals) *cobra.Command {
	var archive string
	var redact, sensitive bool
	cmd := &cobra.Command{
		Use:   "collect-logs [--tarfile FILE]",
		Short: "Collect logs, state and configuration into an archive",
		Long: `Collect logs, state and configuration into an archive. Files that only root may read are
left out, but for the logs, which hold no secrets; --include-sensitive takes them too.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := g.needsRoot(); err != nil {
				return err
			}
			c := &collection{
				host:      host.New(g.root, host.Options{}),
				sensitive: !redact && (sensitive || g.asCloudInit),
				dir:       time.Now().UTC().Format("cloud-init-logs-2006-01-02"),
			}
			if err := c.into(cmd.Context(), archive); err != nil {
				return fmt.Errorf("cannot collect the logs: %w", err)
			}
			if _, err := printable.Fprintf(cmd.ErrOrStderr(), "Wrote %s\n", archive); err != nil || !c.sensitive {
				return err
			}
			_, err := fmt.Fprintln(cmd.ErrOrStderr(), "warning: it may hold secrets, such as passwords in user data; look through it before you give it away")
			return err
		},
	}
	f := cmd.Flags()
	f.StringVarP(&archive, "tarfile", "t", "cloud-init.tar.gz", "the `file` to write")
	f.BoolVarP(&redact, "redact-sensitive", "r", false, "leave out what only root may read")
	f.BoolVar(&sensitive, "include-sensitive", false, "take also what only root may read")
	f.CountP("verbose", "v", "no effect; cloud-init has it")
	f.BoolP("include-userdata", "u", false, "no effect; cloud-init has it")
	return cmd
}

// collection is an archive that is being written.
type collection struct {
	host      *host.Host
	sensitive bool
	dir       string
	archive   *tar.Writer
}

// into writes the archive: whole, or not at all.
func (c *collection) into(ctx context.Context, name string) (err error) {
	file, err := os.CreateTemp(path.Dir(name), "."+path.Base(name)+"-*~")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	if err := c.write(ctx, file); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), name)
}

func (c *collection) write(ctx context.Context, w io.Writer) error {
	zipped := gzip.NewWriter(w)
	c.archive = tar.NewWriter(zipped)
	errs := []error{c.add("version", fmt.Appendf(nil, "/usr/bin/%s %s\ncloudseed %s\n", cloudInitName, boot.CloudInitVersion, version))}
	if c.host.IsLive() {
		errs = append(errs, c.outputs(ctx))
	}
	for _, pattern := range logFiles {
		errs = append(errs, c.files(pattern, true))
	}
	for _, pattern := range collectedFiles {
		errs = append(errs, c.files(pattern, c.sensitive))
	}
	return errors.Join(append(errs, c.archive.Close(), zipped.Close())...)
}

// outputs collects what commands say. One that fails has its error collected.
func (c *collection) outputs(ctx context.Context) error {
	var errs []error
	for _, o := range collectedOutput {
		if o.sensitive && !c.sensitive {
			continue
		}
		result, err := c.host.Run(ctx, host.Command{Argv: o.argv, Quiet: true})
		said := result.Stdout
		if err != nil {
			said += result.Stderr + err.Error() + "\n"
		}
		errs = append(errs, c.add(o.name, []byte(said)))
	}
	return errors.Join(errs...)
}

// files collects the regular files that a pattern finds: those that everybody may read, or all.
func (c *collection) files(pattern string, all bool) error {
	found, err := c.host.Glob(pattern)
	if err != nil {
		return nil //nolint:nilerr // there is no such directory
	}
	var errs []error
	for _, name := range found {
		info, err := c.host.Stat(name)
		if err != nil || !info.Mode().IsRegular() || !all && info.Mode()&0o004 == 0 {
			continue
		}
		data, err := c.host.ReadFile(name)
		if err != nil {
			data, name = fmt.Appendf(nil, "%v\n", err), name+".error"
		}
		errs = append(errs, c.add(strings.TrimPrefix(name, "/"), data))
	}
	return errors.Join(errs...)
}

func (c *collection) add(name string, data []byte) error {
	header := &tar.Header{Name: path.Join(c.dir, name), Mode: 0o600, Size: int64(len(data)), ModTime: c.host.Now()}
	if err := c.archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := c.archive.Write(data)
	return err
}
