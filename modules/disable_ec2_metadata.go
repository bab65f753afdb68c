package modules

import (
	"context"
	"fmt"

	"cloudseed/host"
	"cloudseed/state"
)

type ec2MetadataKeys struct {
	Disable bool `key:"disable_ec2_metadata" default:"false" doc:"Have the guest reach no metadata service at 169.254.169.254."`
}

var disableEC2Metadata = Of[ec2MetadataKeys]{
	Name:       "disable_ec2_metadata",
	Stage:      ConfigStage,
	Frequency:  state.Always, // a route lasts until the next boot
	ActiveIf:   []string{"disable_ec2_metadata"},
	Repeatable: true,
	Doc:        "Keeps the guest's programs from a metadata service of a cloud, by a route that prohibits its address.",
	Example:    "disable_ec2_metadata: true\n",
	Run:        runDisableEC2Metadata,
}.Module()

// runDisableEC2Metadata sets the route.
//
// Difference from cloud-init: a route that is there already is not an error.
func runDisableEC2Metadata(ctx context.Context, e *Env, keys *ec2MetadataKeys) error {
	if !keys.Disable {
		return nil
	}
	if !e.Host.IsLive() {
		e.skip(e.At("disable_ec2_metadata"), "an image has no routes; each boot of it sets this one")
		return nil
	}
	argv := []string{"ip", "route", "replace", "prohibit", "169.254.169.254"}
	if _, err := e.Host.Run(ctx, host.Command{Argv: argv}); err != nil {
		return fmt.Errorf("cannot keep the guest from the metadata service: %w", err)
	}
	return nil
}
