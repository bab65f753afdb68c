package boot

import (
	"fmt"
	"os"
	"time"

	"cloudseed/state"
)

// CloudInitVersion is the version and release of the cloud-init package whose behaviour this
// program has. Banners, the final message and boot-finished name it, which other programs
// read; the package provides it.
const CloudInitVersion = "26.2-1"

// banners are cloud-init's names of the stages in their banners.
var banners = map[string]string{
	state.StageLocal: "init-local", state.StageNetwork: "init", state.StageConfig: "modules:config", state.StageFinal: "modules:final",
}

// banner logs that a stage begins, in the words that scripts look for.
func (s *reports) banner(stage string) {
	s.o.Log.Info(fmt.Sprintf("Cloud-init v. %s running '%s' at %s. Up %.2f seconds.", CloudInitVersion, banners[stage],
		s.o.Host.Now().UTC().Format(time.RFC1123Z), s.o.Host.Uptime().Seconds()))
	s.o.Log.Info(fmt.Sprintf("cloudseed %s, process %d, runs this stage", s.o.Version, os.Getpid()))
}
