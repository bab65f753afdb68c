package boot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"cloudseed/datasource"
	"cloudseed/host"
)

// identifyConfig says by hand what ds-identify would find out: the datasource, and by its policy
// whether anything is to be done at all.
const identifyConfig = "/etc/cloud/ds-identify.cfg"

// identifyPolicy is what identifyConfig says, and the kernel's command line, which overrides it.
type identifyPolicy struct {
	disabled   bool
	datasource string // the only one to look for; "": those of datasource_list
}

// readPolicy reads it. Of a policy ("search,found=all,notfound=disabled") only the mode
// counts: the first seed that is found is taken, and without one there is nothing to do.
func readPolicy(h *host.Host, cmdline string) (p identifyPolicy, err error) {
	data, err := h.ReadFile(identifyConfig)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p, fmt.Errorf("cannot read what ds-identify is to do: %w", err)
	}
	policy := ""
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		key, value, _ := strings.Cut(line, ":")
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		switch strings.TrimSpace(key) {
		case "policy":
			policy = value
		case "datasource":
			p.datasource = value
		}
	}
	for word := range strings.FieldsSeq(cmdline) {
		if value, ok := strings.CutPrefix(word, "ci.di.policy="); ok {
			policy = value
		}
	}
	mode, _, _ := strings.Cut(policy, ",")
	p.disabled = mode == "disabled"
	return p, nil
}

// identified records what the search for a seed has found, where ds-identify and the generator
// of cloud-init do: for sos and for who reads these files.
func (b *Boot) identified(seed *datasource.Seed, report datasource.Report) error {
	var log strings.Builder
	fmt.Fprintf(&log, "[up %.2fs] looking for a seed\n", b.o.Host.Uptime().Seconds())
	for _, a := range report {
		fmt.Fprintf(&log, "%s\n", a)
	}
	found, result := "", "disabled"
	if seed != nil {
		found, result = fmt.Sprintf("datasource_list: [ %s, None ]\n", seed.Datasource), "enabled"
	}
	fmt.Fprintf(&log, "[up %.2fs] %s\n", b.o.Host.Uptime().Seconds(), result)
	return b.store.Identified(found, log.String(), result)
}

// Identify looks for a seed as the first stage does, records what it has found, and reports
// whether there is one. Nothing else is changed.
func (b *Boot) Identify(ctx context.Context) (bool, error) {
	b.read.config = b.read.inputs.SystemWithFiles()
	seed, report := b.search(ctx, nil)
	return seed != nil || len(report.Awaited()) > 0, b.identified(seed, report)
}
