// Package activate makes a running network service act on files that were written for
// it while it ran.
//
// In come the files that changed, each with its device, those that are gone, and a door
// to run commands; out go errors. It never knows why the files changed, and writes
// nothing itself.
package activate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cloudseed/network"
	"cloudseed/network/render"
)

// Run runs a command and gives what it wrote to its standard output.
type Run func(ctx context.Context, argv ...string) (stdout string, err error)

// Change is what became of a renderer's files.
type Change struct {
	Renderer string         // whose they are: render.NetworkManager, …
	Files    []network.File // those that were written and differ from what was there
	Removed  []string       // paths of those that are no more
}

// Empty reports whether nothing changed, so that there is nothing to do.
func (c Change) Empty() bool { return len(c.Files)+len(c.Removed) == 0 }

// Apply brings up what changed. A device that cannot be brought up costs itself; the
// error tells of each.
func Apply(ctx context.Context, c Change, run Run) error {
	if c.Empty() {
		return nil
	}
	s := service{ctx, c, run}
	switch c.Renderer {
	case render.NetworkManager, render.Sysconfig:
		running, err := s.running("NetworkManager.service")
		switch {
		case running:
			return s.networkManager()
		case c.Renderer == render.Sysconfig:
			return s.scripts() // initscripts: there is no service to ask
		case err != nil:
			return fmt.Errorf("cannot tell whether NetworkManager runs: %w", err)
		}
		return errors.New("cannot activate the network: NetworkManager does not run; it reads its files when it starts")
	case render.Networkd:
		return s.networkd()
	}
	return fmt.Errorf("cannot activate the files of %s: it is not known how", c.Renderer)
}

// service is one run of Apply.
type service struct {
	ctx    context.Context
	change Change
	run    Run
}

func (s service) do(argv ...string) error {
	_, err := s.run(s.ctx, argv...)
	return err
}

func (s service) running(unit string) (bool, error) {
	out, err := s.run(s.ctx, "systemctl", "show", "--property=SubState", unit)
	return strings.TrimSpace(out) == "SubState=running", err
}

// devices returns the changed files that are of one device.
func (s service) devices() []network.File {
	var files []network.File
	for _, f := range s.change.Files {
		if f.Device != "" {
			files = append(files, f)
		}
	}
	return files
}

// networkManager has connections loaded and brought up by the files that were written
// for them. All are loaded before the first goes up: connections refer to one another.
//
// Difference from cloud-init: it looks for a file by the interface's name, and finds
// none when version 2 has another key for it; and it restarts NetworkManager each time.
func (s service) networkManager() error {
	var failed []error
	devices := s.devices()
	if len(devices) < len(s.change.Files) {
		// What is not a connection is its configuration.
		if err := s.do("systemctl", "try-reload-or-restart", "NetworkManager.service"); err != nil {
			failed = append(failed, fmt.Errorf("cannot have NetworkManager read its configuration: %w", err))
		}
	}
	if len(s.change.Removed) > 0 {
		if err := s.do("nmcli", "connection", "reload"); err != nil {
			failed = append(failed, fmt.Errorf("cannot have NetworkManager forget removed connections: %w", err))
		}
	}
	loaded := map[string]bool{}
	reloaded := len(s.change.Removed) > 0
	for _, f := range devices {
		if err := s.do("nmcli", "connection", "load", f.Path); err == nil {
			loaded[f.Path] = true
		} else if !reloaded {
			reloaded = true
			if again := s.do("nmcli", "connection", "reload"); again != nil {
				failed = append(failed, fmt.Errorf("cannot load %s: %w", f.Path, errors.Join(err, again)))
			}
		}
	}
	for _, f := range devices {
		up := []string{"nmcli", "connection", "up", "filename", f.Path}
		if !loaded[f.Path] {
			up = []string{"nmcli", "connection", "up", "ifname", f.Device}
		}
		if err := s.do(up...); err != nil {
			failed = append(failed, fmt.Errorf("cannot bring up %s by %s: %w", f.Device, f.Path, err))
		}
	}
	return errors.Join(failed...)
}

// networkd has the service read its files, and set its devices up anew.
//
// Difference from cloud-init: it restarts the service, and with it every device.
func (s service) networkd() error {
	if err := s.do("networkctl", "reload"); err != nil {
		// systemd before 244 has no such command.
		if err := s.do("systemctl", "restart", "systemd-networkd.service"); err != nil {
			return fmt.Errorf("cannot have systemd-networkd read its files: %w", err)
		}
		return nil
	}
	var names []string
	for _, f := range s.devices() {
		if !slices.Contains(names, f.Device) { // a bond has a file that makes it and one with its addresses
			names = append(names, f.Device)
		}
	}
	if len(names) == 0 {
		return nil
	}
	if err := s.do(append([]string{"networkctl", "reconfigure"}, names...)...); err != nil {
		return fmt.Errorf("cannot have systemd-networkd set up %s: %w", strings.Join(names, ", "), err)
	}
	return nil
}

// scripts runs initscripts. An interface that is up keeps its old addresses unless it
// goes down first; one that is not up cannot go down, which is told only when it
// does not come up either.
func (s service) scripts() error {
	var failed []error
	for _, f := range s.devices() {
		down := s.do("ifdown", f.Device)
		if up := s.do("ifup", f.Device); up != nil {
			failed = append(failed, fmt.Errorf("cannot bring up %s: %w", f.Device, errors.Join(up, down)))
		}
	}
	return errors.Join(failed...)
}
