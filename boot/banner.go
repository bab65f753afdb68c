package boot

import (
	"context"
	"fmt"
	"os"
	"time"

	"cloudseed/modules"
	"cloudseed/netconf"
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
	text := fmt.Sprintf("Cloud-init v. %s running '%s' at %s. Up %.2f seconds.", CloudInitVersion, banners[stage],
		s.o.Host.Now().UTC().Format(time.RFC1123Z), s.o.Host.Uptime().Seconds())
	s.o.Log.Info(text)
	s.o.Log.Debug(fmt.Sprintf("cloudseed %s, process %d, runs this stage", s.o.Version, os.Getpid()))
	s.unsaid = text + "\n"
}

// sayBanner prints the banner where the stage's output goes, once that is known.
func (s *reports) sayBanner() {
	text := s.unsaid
	s.unsaid = ""
	s.say(text)
}

// say prints a message for people where the stage's output goes.
func (s *reports) say(text string) {
	if s.o.Output == nil || text == "" {
		return
	}
	if err := s.o.Output.Say(text); err != nil {
		s.o.Log.Debug("cannot write to the stage's output: " + err.Error())
	}
}

// sayAddresses is the step addresses.
func (b *Boot) sayAddresses(ctx context.Context) error {
	b.configureOutput(ctx, string(modules.InitStage))
	if b.o.Output == nil || !b.o.Host.Booted() {
		return nil
	}
	tables, err := netconf.Addresses(b.o.Host)
	if err != nil {
		b.o.Log.Debug(err.Error())
	}
	b.reports.say(tables)
	return nil
}
