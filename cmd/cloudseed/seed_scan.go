package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"cloudseed/boot"
	"cloudseed/datasource"
	"cloudseed/datasource/media"
	"cloudseed/host"
	"cloudseed/printable"

	"github.com/spf13/cobra"
)

// scanTime is how long one device may take to be read: as long as at boot, and what the
// reader of its file system may take.
const scanTime = 2 * media.DefaultProbeTimeout

// scannedDevice is what "seed scan --format json" prints of each device.
type scannedDevice struct {
	Device     string `json:"device"`
	Size       int64  `json:"size"`
	Filesystem string `json:"filesystem"`
	Label      string `json:"label"`
	Datasource string `json:"datasource"`
	InstanceID string `json:"instance_id"`
	Why        string `json:"why"` // it is no seed; "" for one
}

// seedScanCommand tells what every block device looks like to the boot.
func seedScanCommand(g *globals) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "scan [--format text|json]",
		Short: "Tell what every block device of this machine looks like to the boot",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := textOrJSON(cmd, format); err != nil {
				return err
			}
			if os.Geteuid() != 0 {
				return fmt.Errorf("needs root: sudo %s", shellwords(os.Args))
			}
			devices, problems := media.Scan(cmd.Context(), media.ScanOptions{})
			scanned := scanSeeds(cmd.Context(), host.New(g.root, host.Options{}), devices, problems)
			if format == "json" {
				return printJSON(cmd.OutOrStdout(), scanned)
			}
			return printScanned(cmd.OutOrStdout(), scanned)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

// scanSeeds looks at each device as if it were the only one.
func scanSeeds(ctx context.Context, h *host.Host, devices []media.Device, problems []media.Problem) []scannedDevice {
	scanned := []scannedDevice{}
	settings := boot.SystemConfig(h)
	for _, d := range devices {
		s := scannedDevice{Device: d.Path, Size: d.Size, Filesystem: string(d.Filesystem), Label: d.Label}
		limited, cancel := context.WithTimeoutCause(ctx, scanTime, fmt.Errorf("it did not answer within %s", scanTime))
		seed, report := datasource.Find(limited, datasource.Search{
			Host: h, Config: settings, Only: d.Path, Sources: boot.Sources(),
		})
		cancel()
		if seed != nil {
			s.Datasource, s.InstanceID = seed.Datasource, seed.InstanceID
		} else {
			s.Why = report.Summary()
		}
		scanned = append(scanned, s)
	}
	for _, p := range problems {
		scanned = append(scanned, scannedDevice{Device: p.Path, Why: p.Err.Error()})
	}
	return scanned
}

func printScanned(w io.Writer, scanned []scannedDevice) error {
	if len(scanned) == 0 {
		_, err := fmt.Fprintln(w, "This machine has no block device with a medium in it.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DEVICE\tMIB\tFILESYSTEM\tLABEL\tSEED")
	for _, s := range scanned {
		what := "no: " + s.Why
		if s.Datasource != "" {
			what = s.Datasource + ", instance " + s.InstanceID
		}
		printable.Fprintf(table, "%s\t%d\t%s\t%s\t%s\n", s.Device, s.Size>>20, orDash(s.Filesystem), orDash(s.Label), what)
	}
	return table.Flush()
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
