package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// kind is a boot of a machine in some state.
type kind int

const (
	firstBoot kind = iota
	secondBoot
	noSeed // and never one
	kinds
)

func (k kind) String() string { return [...]string{"first boot", "second boot", "without a seed"}[k] }

// results are of one program.
type results struct {
	boots    [kinds][]cost
	counted  [kinds]counts
	commands map[string][]cost
}

// compare boots the machine with all programs, round for round.
func (m *machine) compare(ctx context.Context, programs []booted, rounds int) (string, error) {
	all := map[string]*results{}
	for _, b := range programs {
		all[b.name] = &results{commands: map[string][]cost{}}
		// Python's bytecode and what the kernel caches are there before anything is measured.
		if err := m.round(ctx, b, &results{commands: map[string][]cost{}}); err != nil {
			return "", err
		}
	}
	for i := range rounds {
		order := slices.Clone(programs)
		if i%2 == 1 {
			slices.Reverse(order)
		}
		for _, b := range order {
			if err := m.round(ctx, b, all[b.name]); err != nil {
				return "", err
			}
		}
	}
	for _, b := range programs {
		if err := m.count(ctx, b, all[b.name]); err != nil {
			return "", err
		}
	}
	return render(programs, all, rounds), nil
}

// round boots a new machine twice, asks the commands, and boots one that has no seed.
func (m *machine) round(ctx context.Context, b booted, to *results) error {
	measured := func(k kind) error {
		var sum cost
		err := b.boot(m, func(args []string, meanwhile func() error) error {
			c, err := m.measure(ctx, b.env, args, meanwhile)
			sum.add(c)
			return err
		})
		to.boots[k] = append(to.boots[k], sum)
		return err
	}
	return m.life(ctx, b, measured, func() error {
		for name, args := range b.commands {
			c, err := m.measure(ctx, b.env, args, nil)
			if err != nil {
				return err
			}
			to.commands[name] = append(to.commands[name], c)
		}
		return nil
	})
}

// count does the same with strace.
func (m *machine) count(ctx context.Context, b booted, to *results) error {
	return m.life(ctx, b, func(k kind) error {
		return b.boot(m, func(args []string, meanwhile func() error) error {
			c, err := m.trace(ctx, b.env, args, meanwhile)
			to.counted[k].add(c)
			return err
		})
	}, func() error { return nil })
}

// life boots in all ways; commands are asked after the second boot.
func (m *machine) life(ctx context.Context, b booted, boot func(kind) error, commands func() error) error {
	err := m.install(ctx, b, true)
	if err == nil {
		err = errors.Join(boot(firstBoot), m.configured(), m.stop(), m.start(true))
	}
	if err == nil {
		err = errors.Join(boot(secondBoot), m.configured(), commands())
	}
	if err := errors.Join(err, m.stop(), m.remove(b)); err != nil || b.mounts {
		return err // without a seed the real cloud-init is kept from starting by a shell script
	}
	err = m.install(ctx, b, false)
	if err == nil {
		err = boot(noSeed)
	}
	return errors.Join(err, m.stop(), m.remove(b))
}

// configured tells of a boot that did not do its work: it would be a fast one.
func (m *machine) configured() error {
	for _, path := range []string{"var/lib/cloud/instance", "etc/ssh/ssh_host_ed25519_key", "run/cloud-init/result.json", "root/.ssh/authorized_keys"} {
		if _, err := os.Stat(filepath.Join(m.root, path)); errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Lstat(filepath.Join(m.root, path)); err == nil {
				continue // a link, whose target is absolute
			}
			log, err := os.ReadFile(filepath.Join(m.root, "run/bench.out"))
			return errors.Join(fmt.Errorf("the boot did not make %s; its log:\n%s", path, log), err)
		}
	}
	return nil
}
