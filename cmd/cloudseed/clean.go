package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"cloudseed/guest/power"
	"cloudseed/host"
	"cloudseed/modules"
	"cloudseed/state"

	"github.com/spf13/cobra"
)

const cleanDir = "/etc/cloud/clean.d"

// What "clean" can remove beside the state.
var (
	logFiles   = []string{"/var/log/cloud-init.log*", "/var/log/cloud-init-output.log*"} // those that were rotated too
	configSets = map[string][]string{
		"network": {
			"/etc/NetworkManager/system-connections/cloud-init-*.nmconnection",
			"/etc/NetworkManager/conf.d/30-cloud-init-ip6-addr-gen-mode.conf",
			"/etc/NetworkManager/conf.d/99-cloud-init.conf",
			"/etc/systemd/network/10-cloud-init-*",
			// cloud-init's own, from before.
			"/etc/netplan/50-cloud-init.yaml",
			"/etc/network/interfaces.d/50-cloud-init.cfg",
		},
		"ssh_config": {"/etc/ssh/sshd_config.d/50-cloud-init.conf"},
		"fstab":      {}, // its lines, not the file
		"datasource": {}, // neither NoCloud nor ConfigDrive leaves a file
	}
)

// cleanCommand makes the next boot a first one. Programs in /etc/cloud/clean.d do what
// else an image needs.
func cleanCommand(g *globals) *cobra.Command {
	var logs, machineID, seed, reboot bool
	var configs []string
	cmd := &cobra.Command{
		Use:   "clean [--logs] [--seed] [--machine-id] [--configs all|network|ssh_config|fstab|datasource ...] [--reboot]",
		Short: "Forget this instance, so that the next boot is a first one",
		Args: func(cmd *cobra.Command, args []string) error {
			if cmd.Flags().Changed("configs") {
				return nil // several parts may follow the flag, as with cloud-init
			}
			return noArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			configs = append(configs, args...)
			for _, set := range configs {
				if _, ok := configSets[set]; !ok && set != "all" {
					return usageError{fmt.Errorf("there are no configs %q: they are all, network, ssh_config, fstab and datasource", set), cmd.CommandPath()}
				}
			}
			fresh := !host.New(g.root, host.Options{}).Exists(state.CloudDir)
			m, err := g.openMachine(cmd.Context(), 0)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, m.Close()) }()
			var errs []error
			for _, pattern := range patterns(configs) {
				errs = append(errs, removeAll(m.host, pattern))
			}
			if slices.Contains(configs, "all") || slices.Contains(configs, "fstab") {
				errs = append(errs, modules.ForgetMounts(m.host))
			}
			if machineID {
				// systemd makes a new one at the next boot, and counts that as a first boot.
				_, err := m.host.WriteFile("/etc/machine-id", []byte("uninitialized\n"), host.File{Mode: 0o444})
				errs = append(errs, err)
			}
			errs = append(errs, runCleaners(cmd.Context(), m.host))
			if logs {
				for _, pattern := range logFiles {
					errs = append(errs, removeAll(m.host.Quietly(), pattern))
				}
			}
			// Last: the change log of what was just done goes with it.
			errs = append(errs, m.store.Clean(seed))
			if fresh {
				// It was made for the change log.
				errs = append(errs, m.host.Quietly().RemoveAll(state.CloudDir))
				fmt.Fprintln(cmd.ErrOrStderr(), "Artifacts already cleaned.")
			}
			if err := errors.Join(errs...); err != nil || !reboot {
				return err
			}
			return power.Of(m.host).Apply(cmd.Context(), power.Change{Mode: power.Reboot})
		},
	}
	f := cmd.Flags()
	f.BoolVarP(&logs, "logs", "l", false, "remove the logs too")
	f.BoolVar(&machineID, "machine-id", false, "give the machine a new machine-id at the next boot")
	f.BoolVarP(&seed, "seed", "s", false, "remove seeds kept in /var/lib/cloud/seed too")
	f.BoolVarP(&reboot, "reboot", "r", false, "reboot when done")
	f.StringArrayVarP(&configs, "configs", "c", nil, "remove files that were written for this `part` too: all, network, ssh_config, fstab or datasource")
	return cmd
}

func patterns(sets []string) []string {
	var list []string
	for _, name := range []string{"network", "ssh_config"} {
		if slices.Contains(sets, "all") || slices.Contains(sets, name) {
			list = append(list, configSets[name]...)
		}
	}
	return list
}

func removeAll(h *host.Host, pattern string) error {
	files, err := h.Glob(pattern)
	for _, file := range files {
		err = errors.Join(err, h.Remove(file))
	}
	return err
}

// runCleaners runs the programs of clean.d in the order of their names.
func runCleaners(ctx context.Context, h *host.Host) error {
	if !h.Exists(cleanDir) {
		return nil
	}
	entries, err := h.ReadDir(cleanDir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		program := path.Join(cleanDir, e.Name())
		if info, err := h.Stat(program); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 || strings.HasSuffix(e.Name(), "~") {
			continue
		}
		_, err := h.Run(ctx, host.Command{Argv: []string{program}, Pass: true, Timeout: host.NoTimeout})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
