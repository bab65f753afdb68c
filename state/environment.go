package state

import (
	"fmt"
	"strings"
)

// EnvironmentFile tells units and shell scripts which instance the machine is:
// EnvironmentFile=-/run/cloud-init/metadata.env.
const EnvironmentFile = RunDir + "/metadata.env"

// environment are the facts that everybody may know, as systemd and sh read them.
func (f Facts) environment() []byte {
	var b strings.Builder
	for _, v := range []struct{ name, value string }{
		{"CLOUDSEED_INSTANCE_ID", f.InstanceID},
		{"CLOUDSEED_HOSTNAME", f.shortName()},
		{"CLOUDSEED_PLATFORM", f.Platform},
		{"CLOUDSEED_CLOUD_ID", f.cloudID()},
	} {
		fmt.Fprintf(&b, "%s=\"%s\"\n", v.name, quoted(v.value))
	}
	return []byte(b.String())
}

// quoted is a value between the double quotes of systemd.exec(5) and sh. A line is a variable: what
// is not a printable character becomes a space.
func quoted(value string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, value)
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(plain)
}
