package main

import (
	"errors"
	"os"
	"path"

	"cloudseed/host"

	"github.com/spf13/cobra"
)

// hookHotplugName is the name by which the rule that cloud-init wrote for udev calls the program.
const hookHotplugName = "hook-hotplug"

// hookHotplugCommand is hook-hotplug: it has the device that udev names in the environment
// configured by the unit that our own rule starts. It does not wait: udev does.
func hookHotplugCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:    hookHotplugName,
		Short:  "Have a device configured that was plugged in",
		Hidden: true, // it is called by its own name
		Args:   noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			device := os.Getenv("DEVPATH")
			if os.Getenv("SUBSYSTEM") != "net" || device == "" {
				return errors.New(hookHotplugName + " is called by udev, with SUBSYSTEM=net and DEVPATH in its environment")
			}
			if os.Getenv("ACTION") != "add" {
				return nil // a device that is gone has its files kept for the day on which it is back
			}
			h := host.New(g.root, host.Options{})
			if !h.Booted() {
				return nil
			}
			_, err := h.Run(cmd.Context(), host.Command{
				Argv: []string{"systemctl", "start", "--no-block", "cloud-init-hotplugd@" + path.Base(device) + ".service"},
			})
			return err
		},
	}
}
