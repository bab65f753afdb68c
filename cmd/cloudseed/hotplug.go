package main

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"cloudseed/boot"
	"cloudseed/modules"
	"cloudseed/state"

	"github.com/spf13/cobra"
)

// hotplugHookCommand is "devel hotplug-hook": what the unit for a device that was plugged
// in runs, and its switch.
func hotplugHookCommand(g *globals) *cobra.Command {
	var subsystem string
	cmd := &cobra.Command{
		Use:   "hotplug-hook --subsystem net query|handle|enable",
		Short: "Configure network devices that are plugged in",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError{errors.New("what is to be done? query, handle or enable"), cmd.CommandPath()}
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if subsystem != "net" {
				return usageError{fmt.Errorf("there is no subsystem %q: it is net", subsystem), cmd.CommandPath()}
			}
			return nil
		},
	}
	cmd.PersistentFlags().StringVarP(&subsystem, "subsystem", "s", "", "the `kind` of devices: net")
	cmd.AddCommand(hotplugQueryCommand(g), hotplugHandleCommand(g), hotplugEnableCommand(g))
	return cmd
}

func hotplugQueryCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "query",
		Short: "Tell whether devices that are plugged in are configured",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			enabled, err := g.onlooker(cmd.ErrOrStderr()).HotplugEnabled(cmd.Context())
			answer := map[bool]string{true: "enabled", false: "disabled"}[enabled]
			if errors.Is(err, boot.ErrNoInstance) {
				answer, err = "Unable to determine hotplug state. No datasource detected", exitCode(exitError)
			}
			if err != nil && !errors.As(err, new(exitCode)) {
				return err
			}
			_, printed := fmt.Fprintln(cmd.OutOrStdout(), answer)
			return errors.Join(err, printed)
		},
	}
}

func hotplugHandleCommand(g *globals) *cobra.Command {
	var devpath, action string
	cmd := &cobra.Command{
		Use:   "handle --devpath PATH --udevaction add",
		Short: "Configure a device that was plugged in",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if devpath == "" {
				return usageError{errors.New("which device? give --devpath"), cmd.CommandPath()}
			}
			if action != "add" {
				return usageError{fmt.Errorf("there is nothing to do for the action %q: it is add", action), cmd.CommandPath()}
			}
			// Several devices may come at once, each with a process of its own.
			m, err := g.openMachine(cmd.Context(), turnTime)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, m.Close()) }()
			return m.boot(boot.Options{}).PluggedIn(cmd.Context(), path.Base(devpath))
		},
	}
	// As with cloud-init, -d is not --debug here.
	cmd.Flags().BoolVar(&g.debug, "debug", false, "show debug messages on standard error")
	cmd.Flags().StringVarP(&devpath, "devpath", "d", "", "the device's `path` in sysfs")
	cmd.Flags().StringVarP(&action, "udevaction", "u", "", "what happened: `add`")
	return cmd
}

func hotplugEnableCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "enable",
		Short: "Have devices that are plugged in configured from now on",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			m, err := g.openMachine(cmd.Context(), 0)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, m.Close()) }()
			if id, err := m.store.PreviousID(); err != nil || id == "" {
				return errors.Join(err, boot.ErrNoInstance)
			}
			scopes, err := modules.HotplugScopes(m.host, state.CloudDir)
			if err != nil {
				return err
			}
			h := m.host.As("hotplug", "install_hotplug")
			if slices.Contains(scopes, modules.HotplugScope) {
				_, err := fmt.Fprintln(cmd.ErrOrStderr(), "Hotplug is enabled for net already.")
				return errors.Join(err, modules.InstallHotplug(cmd.Context(), h)) // the rule may be cloud-init's
			}
			if err := errors.Join(modules.EnableHotplug(h, state.CloudDir), modules.InstallHotplug(cmd.Context(), h)); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "Enabled cloud-init hotplug for subsystem=net")
			return err
		},
	}
}
