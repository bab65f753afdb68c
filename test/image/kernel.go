package image

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Kernel is Debian's kernel for virtual machines with an initramfs of ours.
type Kernel struct {
	Release   string
	Image     string // the bootable file
	Initramfs string
	Modules   string // the directory lib/modules
}

// initScript is the initramfs's whole program.
//
//go:embed initramfs-init
var initScript []byte

// early are the drivers without which there is no root disk and no test shell. All
// others, that of the seed's drive among them, are left to udev: there the drive
// appears while the local stage runs, as it does in real guests.
var early = []string{"virtio_pci", "virtio_blk", "virtio_console"}

// fetchKernel downloads the kernel that Debian's meta package names now.
func fetchKernel(ctx context.Context, cache string) (Kernel, error) {
	out, err := output(ctx, "apt-cache", "depends", "linux-image-cloud-amd64")
	if err != nil {
		return Kernel{}, err
	}
	release := ""
	for line := range strings.Lines(out) {
		if _, name, found := strings.Cut(strings.TrimSpace(line), "Depends: linux-image-"); found {
			release = name
		}
	}
	if release == "" {
		return Kernel{}, fmt.Errorf("cannot find the kernel's package: linux-image-cloud-amd64 names none")
	}

	dir := filepath.Join(cache, "kernel-"+release)
	err = once(dir, func(fresh string) error {
		if err := os.Mkdir(fresh, 0o755); err != nil {
			return err
		}
		// The shell is for apt-get, which downloads into its working directory.
		download := `cd "$1" && apt-get -qq -o APT::Sandbox::User=root download "linux-image-$2" && dpkg -x ./*.deb . && rm ./*.deb`
		return run(ctx, "sh", "-c", download, "sh", fresh, release)
	})
	if err != nil {
		return Kernel{}, err
	}
	return Kernel{
		Release:   release,
		Image:     filepath.Join(dir, "boot", "vmlinuz-"+release),
		Initramfs: filepath.Join(cache, "initramfs-"+release+"-"+digest(append(early, string(initScript))...)+".gz"),
		Modules:   filepath.Join(dir, "lib", "modules"),
	}, nil
}

// BuildInitramfs makes the kernel's initramfs, with the guest's busybox in it.
func (i *Image) BuildInitramfs(ctx context.Context) error {
	unlock, err := lock(filepath.Join(i.cache, "lock"))
	if err != nil {
		return err
	}
	defer unlock()
	return once(i.Kernel.Initramfs, func(fresh string) error {
		dir, err := os.MkdirTemp("", "initramfs")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		for _, name := range []string{"bin", "dev", "proc", "sys", "root", "lib"} {
			if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
				return err
			}
		}
		if err := run(ctx, "cp", filepath.Join(i.Root, "bin/busybox"), filepath.Join(dir, "bin/busybox")); err != nil {
			return err
		}
		modules, err := i.moduleFiles()
		if err != nil {
			return err
		}
		var list strings.Builder
		for _, module := range modules {
			if err := run(ctx, "cp", module, filepath.Join(dir, "lib")); err != nil {
				return err
			}
			fmt.Fprintln(&list, filepath.Base(module))
		}
		if err := os.WriteFile(filepath.Join(dir, "modules"), []byte(list.String()), 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "init"), initScript, 0o755); err != nil {
			return err
		}
		pack := `set -e; cd "$1"; find . | cpio --quiet -o -H newc | gzip -1 >"$2"`
		return run(ctx, "sh", "-c", pack, "sh", dir, fresh)
	})
}

// moduleFiles are the early modules and what they need, in the order of loading.
func (i *Image) moduleFiles() ([]string, error) {
	dir := filepath.Join(i.Root, "usr/lib/modules", i.Kernel.Release)
	table, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return nil, fmt.Errorf("cannot read the modules' dependencies: %w", err)
	}
	needs := map[string][]string{} // by name: its file, then what it needs, nearest first
	for line := range strings.Lines(string(table)) {
		file, rest, _ := strings.Cut(line, ":")
		name, _, _ := strings.Cut(filepath.Base(file), ".ko")
		needs[name] = append([]string{file}, strings.Fields(rest)...)
	}
	var files []string
	seen := map[string]bool{}
	for _, name := range early {
		if needs[name] == nil {
			return nil, fmt.Errorf("cannot find the kernel module %s", name)
		}
		for at := len(needs[name]) - 1; at >= 0; at-- {
			if file := needs[name][at]; !seen[file] {
				seen[file] = true
				files = append(files, filepath.Join(dir, file))
			}
		}
	}
	return files, nil
}
