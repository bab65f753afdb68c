// Package packaging holds what the package installs beside the program. The program
// itself carries the default configuration, so that "try" shows on any machine what a
// guest with the package would do.
package packaging

import _ "embed"

// CloudConfig is the default /etc/cloud/cloud.cfg.
//
//go:embed cloud.cfg
var CloudConfig []byte
