// Package sshd knows the files of a guest's sshd.
//
// In comes a host; out go its settings, its host keys and who may log in by which keys. It must
// never know cloud-config, modules or the stages of a boot.
package sshd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"cloudseed/host"
)

// Where sshd's configuration is, and the file in its drop-in directory that is
// cloud-init's by name: other tools know it.
const (
	ConfigPath   = "/etc/ssh/sshd_config"
	dropInDir    = "/etc/ssh/sshd_config.d"
	DropInPath   = dropInDir + "/50-cloud-init.conf"
	dropInMarker = "Include " + dropInDir + "/*.conf"
)

// Unit is the unit that runs sshd.
const Unit = "sshd.service"

// setting is one keyword of sshd_config(5) with its value.
type setting struct{ keyword, value string }

// configFile is the file that settings are written to: the drop-in if sshd reads that
// directory, else sshd_config itself.
func configFile(h *host.Host) (string, error) {
	data, err := h.ReadFile(ConfigPath)
	if errors.Is(err, fs.ErrNotExist) {
		if h.Exists(dropInDir) {
			return DropInPath, nil
		}
		return ConfigPath, nil
	}
	if err != nil {
		return "", fmt.Errorf("cannot read sshd's configuration: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, dropInMarker) {
			return DropInPath, nil
		}
	}
	return ConfigPath, nil
}

// Set gives a keyword a value, and reports whether anything changed.
func Set(h *host.Host, keyword, value string) (changed bool, err error) {
	return edit(h, func(lines []string) []string { return withSetting(lines, setting{keyword, value}) })
}

// Add adds a setting that may be there several times, each with another value.
func Add(h *host.Host, keyword, value string) (changed bool, err error) {
	return edit(h, func(lines []string) []string { return withAddedSetting(lines, setting{keyword, value}) })
}

func edit(h *host.Host, change func([]string) []string) (changed bool, err error) {
	path, err := configFile(h)
	if err != nil {
		return false, err
	}
	data, err := h.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("cannot read sshd's configuration: %w", err)
	}
	var lines []string
	if text := strings.TrimSuffix(string(data), "\n"); text != "" {
		lines = strings.Split(text, "\n")
	}
	text := strings.Join(change(lines), "\n") + "\n"
	return h.WriteFile(path, []byte(text), host.File{Mode: 0o600, KeepMeta: true})
}

// withSetting changes all lines that set the keyword for every connection, or adds
// one before the first Match, where it still holds for all.
//
// Difference from cloud-init: Match blocks are left alone. It changes the keyword in
// them too, and appends a missing one at the end, inside the last block
// (complaint: an administrator's exceptions are overwritten).
func withSetting(lines []string, s setting) []string {
	global := globalLines(lines)
	found := false
	for i, line := range lines[:global] {
		keyword, value := parseSetting(line)
		if !strings.EqualFold(keyword, s.keyword) {
			continue
		}
		found = true
		if value != s.value {
			lines[i] = s.keyword + " " + s.value
		}
	}
	if found {
		return lines
	}
	return insertSetting(lines, global, s)
}

func withAddedSetting(lines []string, s setting) []string {
	global := globalLines(lines)
	for _, line := range lines[:global] {
		if keyword, value := parseSetting(line); strings.EqualFold(keyword, s.keyword) && value == s.value {
			return lines
		}
	}
	return insertSetting(lines, global, s)
}

func insertSetting(lines []string, at int, s setting) []string {
	added := append([]string(nil), lines[:at]...)
	added = append(added, s.keyword+" "+s.value)
	return append(added, lines[at:]...)
}

// globalLines is the number of lines before the first Match.
func globalLines(lines []string) int {
	for i, line := range lines {
		if keyword, _ := parseSetting(line); strings.EqualFold(keyword, "Match") {
			return i
		}
	}
	return len(lines)
}

// parseSetting splits a line into keyword and value; both are empty for comments.
// Between them is white space or one "=" (sshd_config(5)).
func parseSetting(line string) (keyword, value string) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", ""
	}
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return line, ""
	}
	value = strings.TrimSpace(line[end:])
	value = strings.TrimSpace(strings.TrimPrefix(value, "="))
	return line[:end], value
}

// Get returns the value of a keyword that holds for every connection, which is the first, or
// else absent.
//
// Difference from cloud-init: it takes the last one in the file, which may be that
// of a Match block; sshd does not.
func Get(h *host.Host, keyword, absent string) (string, error) {
	data, err := h.ReadFile(ConfigPath)
	if errors.Is(err, fs.ErrNotExist) {
		return absent, nil
	}
	if err != nil {
		return "", fmt.Errorf("cannot read sshd's configuration: %w", err)
	}
	lines := strings.Split(string(data), "\n")
	for _, line := range lines[:globalLines(lines)] {
		if found, value := parseSetting(line); strings.EqualFold(found, keyword) {
			return value, nil
		}
	}
	return absent, nil
}

// IsInstalled reports whether the guest has sshd, or its configuration.
func IsInstalled(h *host.Host) bool {
	_, err := h.LookPath("sshd")
	return err == nil || h.Exists(ConfigPath)
}

// Restart makes a running sshd read its configuration again.
func Restart(ctx context.Context, h *host.Host) error {
	active, err := h.Units().Active(ctx, Unit)
	if err != nil || !active {
		return err
	}
	return h.Units().Restart(ctx, Unit)
}
