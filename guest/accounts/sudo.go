package accounts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"cloudseed/host"
)

const (
	sudoersPath   = "/etc/sudoers"
	sudoRulesPath = "/etc/sudoers.d/90-cloud-init-users"
	doasRulesPath = "/etc/doas.conf"
	rulesHeader   = "# Created by cloudseed from the instance's configuration\n"
)

// CheckSudoRule refuses what is not of the form of a rule (sudoers(5)): one rule that sudo
// cannot read takes sudo from everybody.
func CheckSudoRule(rule string) error {
	hosts, commands, found := strings.Cut(rule, "=")
	if !found || strings.TrimSpace(hosts) == "" || strings.TrimSpace(commands) == "" {
		return fmt.Errorf("a sudo rule has the form HOST=(USER) COMMAND, such as ALL=(ALL) NOPASSWD:ALL, got %q; it is not written", rule)
	}
	return nil
}

// AddSudoRules lets a user use sudo by rules without the user's name. They are checked by
// sudo's own program in a directory of temporary files.
func AddSudoRules(ctx context.Context, h *host.Host, tmp, user string, rules []string) error {
	if len(rules) == 0 {
		return nil
	}
	if err := includeSudoRules(h); err != nil {
		return err
	}
	var block strings.Builder
	block.WriteString("\n# User rules for " + user + "\n")
	for _, rule := range rules {
		block.WriteString(user + " " + rule + "\n")
	}
	if err := checkedByVisudo(ctx, h, path.Join(tmp, "sudo-rules"), block.String()); err != nil {
		return err
	}
	return addRules(h, sudoRulesPath, block.String())
}

// checkedByVisudo has sudo's own program read rules before they are where sudo reads them.
// Where that is not installed, neither is sudo.
func checkedByVisudo(ctx context.Context, h *host.Host, file, rules string) (err error) {
	if _, err := h.LookPath("visudo"); err != nil {
		return nil
	}
	quiet := h.Quietly()
	if _, err := quiet.WriteFile(file, []byte(rules), host.File{Mode: 0o440}); err != nil {
		return fmt.Errorf("cannot check the sudo rules: %w", err)
	}
	defer func() { err = errors.Join(err, quiet.RemoveAll(file)) }()
	if _, err := h.Run(ctx, host.Command{Argv: []string{"visudo", "-c", "-q", "-f", file}, Quiet: true}); err != nil {
		return fmt.Errorf("the sudo rules are not written, since visudo refuses them: %w", err)
	}
	return nil
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

// AddDoasRules lets a user use doas by rules. One rule that is about another user spoils all,
// since doas takes the last that fits: see CheckDoasRule.
func AddDoasRules(h *host.Host, user string, rules []string) error {
	if len(rules) == 0 {
		return nil
	}
	return addRules(h, doasRulesPath, "\n# User rules for "+user+"\n"+strings.Join(rules, "\n")+"\n")
}

// CheckDoasRule refuses a rule that is not of the form of doas.conf(5) or not about
// this user.
func CheckDoasRule(rule, name string) error {
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
