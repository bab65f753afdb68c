package modules

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"cloudseed/config"
	"cloudseed/host"
)

const (
	sudoersPath   = "/etc/sudoers"
	sudoRulesPath = "/etc/sudoers.d/90-cloud-init-users"
	doasRulesPath = "/etc/doas.conf"
	rulesHeader   = "# Created by cloudseed from the instance's configuration\n"
)

// writeSudoRules lets the user use sudo as the configuration says.
func (u *user) writeSudoRules(ctx context.Context) error {
	if len(u.sudoRules) == 0 {
		return nil
	}
	if err := includeSudoRules(u.e.Host); err != nil {
		return err
	}
	var block strings.Builder
	block.WriteString("\n# User rules for " + u.name + "\n")
	for _, rule := range u.sudoRules {
		block.WriteString(u.name + " " + rule + "\n")
	}
	if err := checkedByVisudo(ctx, u.e, block.String()); err != nil {
		return err
	}
	return addRules(u.e.Host, sudoRulesPath, block.String())
}

// sudoRules reads rules of sudo, and refuses what is of no such form (sudoers(5)): one rule
// that sudo cannot read takes sudo from everybody.
func sudoRules(v *config.Value) ([]string, error) {
	rules, err := ruleList(v)
	for _, rule := range rules {
		hosts, commands, found := strings.Cut(rule, "=")
		if !found || strings.TrimSpace(hosts) == "" || strings.TrimSpace(commands) == "" {
			return nil, fmt.Errorf("a sudo rule has the form HOST=(USER) COMMAND, such as ALL=(ALL) NOPASSWD:ALL, got %q; it is not written", rule)
		}
	}
	return rules, err
}

// checkedByVisudo has sudo's own program read rules before they are where sudo reads them.
// Where that is not installed, neither is sudo.
func checkedByVisudo(ctx context.Context, e *Env, rules string) (err error) {
	if _, err := e.Host.LookPath("visudo"); err != nil {
		return nil
	}
	h, file := e.Host.Quietly(), path.Join(e.Instance.RunDir, "sudo-rules")
	if _, err := h.WriteFile(file, []byte(rules), host.File{Mode: 0o440}); err != nil {
		return fmt.Errorf("cannot check the sudo rules: %w", err)
	}
	defer func() { err = errors.Join(err, h.RemoveAll(file)) }()
	if _, err := e.Host.Run(ctx, host.Command{Argv: []string{"visudo", "-c", "-q", "-f", file}, Quiet: true}); err != nil {
		return fmt.Errorf("the sudo rules are not written, since visudo refuses them: %w", err)
	}
	return nil
}

// ruleList reads a rule, or a list of them.
func ruleList(v *config.Value) ([]string, error) {
	if !isGiven(v) {
		return nil, nil
	}
	items := []*config.Value{v}
	switch v.Kind() {
	case config.List:
		items = v.Items()
	case config.Map:
		return nil, errors.New("expected a rule or a list of rules, got a mapping; no rule is written")
	case config.Bool:
		return nil, fmt.Errorf("expected a rule or a list of rules, got %s; no rule is written", v.Text())
	}
	var rules []string
	for _, item := range items {
		rule := item.Text()
		if rule == "" || strings.ContainsAny(rule, "\n\x00") {
			return nil, errors.New("a rule must be one line of text; no rule is written")
		}
		rules = append(rules, rule)
	}
	return rules, nil
}

// addRules adds rules to a file, if they are not there already.
func addRules(h *host.Host, at, block string) error {
	data, err := h.ReadFile(at)
	if errors.Is(err, fs.ErrNotExist) {
		data, err = []byte(rulesHeader), nil
	}
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", at, err)
	}
	if strings.Contains(string(data), block) {
		return nil
	}
	_, err = h.WriteFile(at, append(data, block...), host.File{Mode: 0o440, KeepMeta: true})
	return err
}

// includeSudoRules makes sudo read the directory of the rules.
func includeSudoRules(h *host.Host) error {
	dir := path.Dir(sudoRulesPath)
	data, err := h.ReadFile(sudoersPath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read %s: %w", sudoersPath, err)
	}
	if !includesDir(string(data), dir) {
		text := string(data) + "\n# Added by cloudseed\n#includedir " + dir + "\n"
		if _, err := h.WriteFile(sudoersPath, []byte(text), host.File{Mode: 0o440, KeepMeta: true}); err != nil {
			return err
		}
	}
	if err := h.Mkdir(dir, 0o750, host.Owner{}); err != nil {
		return err
	}
	return h.Chmod(dir, 0o750)
}

func includesDir(sudoers, dir string) bool {
	for line := range strings.Lines(sudoers) {
		line = strings.TrimSpace(line)
		for _, directive := range []string{"#includedir", "@includedir"} {
			included, found := strings.CutPrefix(line, directive)
			if found && path.Clean(strings.TrimSpace(included)) == dir {
				return true
			}
		}
	}
	return false
}

// writeDoasRules lets the user use doas as the configuration says. One rule that is
// about somebody else spoils all, since doas takes the last that fits.
func (u *user) writeDoasRules() error {
	if len(u.doasRules) == 0 {
		return nil
	}
	block := "\n# User rules for " + u.name + "\n" + strings.Join(u.doasRules, "\n") + "\n"
	return addRules(u.e.Host, doasRulesPath, block)
}

// doasRules reads rules of doas, and refuses what is of no such form or about somebody
// else than the user.
func doasRules(v *config.Value, name string) ([]string, error) {
	rules, err := ruleList(v)
	for _, rule := range rules {
		if err := checkDoasRule(rule, name); err != nil {
			return nil, err
		}
	}
	return rules, err
}

// checkDoasRule refuses a rule that is not of the form of doas.conf(5) or not about
// this user.
func checkDoasRule(rule, name string) error {
	fields := strings.Fields(rule)
	if len(fields) == 0 || fields[0] != "permit" && fields[0] != "deny" {
		return errors.New("a doas rule must begin with permit or deny, so no doas rule is written")
	}
	inBraces := false
	for _, field := range fields[1:] {
		switch {
		case field == "setenv" || strings.HasPrefix(field, "{"):
			inBraces = field != "setenv" && !strings.HasSuffix(field, "}")
		case inBraces:
			inBraces = !strings.HasSuffix(field, "}")
		case field == "nopass" || field == "nolog" || field == "persist" || field == "keepenv":
		case field == name:
			return nil
		default:
			return fmt.Errorf("a doas rule is about %q instead of %s, so no doas rule is written", field, name)
		}
	}
	return fmt.Errorf("a doas rule is not about %s, so no doas rule is written", name)
}
