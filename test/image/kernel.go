package image

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Kernel is one of Debian's kernels with an initramfs of ours.
type Kernel struct {
	Release   string
	Image     string // the bootable file
	Initramfs string
	Modules   string // the directory lib/modules
	kind      kernelKind
}

// initScript is the initramfs's whole program.
//
//go:embed initramfs-init
var initScript []byte

// kernelKind is a kernel of Debian's: the package that depends on the newest, what of
// it is unpacked, and the drivers without which there is no root disk and no test shell. All
// others, that of the seed's drive among them, are left to udev: there the drive
// appears while the local stage runs, as it does in real guests.
type kernelKind struct {
	meta     string
	files    []string // patterns of tar
	early    []string
	programs []string // of the guest's, for the initramfs
}

// The guest has the kernel for virtual machines. It has no driver for floppies, and the one
// for all machines is big: of that the guest has what one boot from a floppy needs.
var (
	cloudKernel = kernelKind{meta: "linux-image-cloud-amd64", files: []string{"*"}, early: []string{"virtio_pci", "virtio_blk", "virtio_console"}}
	// The same one, for roots that need more than its built-in drivers.
	xfsKernel = cloudKernel.with(nil, "xfs")
	lvmKernel = cloudKernel.with([]string{"/usr/sbin/lvm"}, "dm-mod", "xfs")

	floppyKernel = kernelKind{
		meta: "linux-image-amd64",
		files: []string{
			"./boot/vmlinuz-*", "./lib/modules/*/modules.*", "*/drivers/block/floppy.ko", "*/virtio*.ko", "*/*failover.ko",
			"*/fs/ext4/*", "*/fs/jbd2/*", "*/fs/mbcache.ko", "*/crc16.ko", "*/crc32c_generic.ko",
		},
		// ext4 asks the kernel for its checksum by a name that is no module's.
		early: []string{"crc32c_generic", "ext4", "virtio_pci", "virtio_blk", "virtio_console"},
	}
)

// with is the kernel whose initramfs has more programs and modules.
func (k kernelKind) with(programs []string, modules ...string) kernelKind {
	k.early, k.programs = slices.Concat(k.early, modules), programs
	return k
}

// fetchKernel downloads the kernel that Debian's meta package names now.
func fetchKernel(ctx context.Context, cache string, kind kernelKind) (Kernel, error) {
	out, err := output(ctx, "apt-cache", "depends", kind.meta)
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
		return Kernel{}, fmt.Errorf("cannot find the kernel's package: %s names none", kind.meta)
	}

	dir := filepath.Join(cache, "kernel-"+release+"-"+digest(kind.files...))
	err = once(dir, func(fresh string) error {
		if err := os.Mkdir(fresh, 0o755); err != nil {
			return err
		}
		// The shell is for apt-get, which downloads into its working directory.
		download := `cd "$1" && apt-get -qq -o APT::Sandbox::User=root download "linux-image-$2" && shift 2 &&
			dpkg-deb --fsys-tarfile ./*.deb >all.tar && tar -xf all.tar --wildcards "$@" && rm ./*.deb all.tar`
		return run(ctx, "sh", append([]string{"-c", download, "sh", fresh, release}, kind.files...)...)
	})
	if err != nil {
		return Kernel{}, err
	}
	initramfs := digest(slices.Concat(kind.early, kind.programs, []string{string(initScript)})...)
	return Kernel{
		Release:   release,
		Image:     filepath.Join(dir, "boot", "vmlinuz-"+release),
		Initramfs: filepath.Join(cache, "initramfs-"+release+"-"+initramfs+".gz"),
		Modules:   filepath.Join(dir, "lib", "modules"),
		kind:      kind,
	}, nil
}

// FloppyKernel is the kernel for a machine with a floppy drive.
func (i *Image) FloppyKernel(ctx context.Context) (Kernel, error) {
	unlock, err := lock(filepath.Join(i.cache, "lock"))
	if err != nil {
		return Kernel{}, err
	}
	defer unlock()
	kernel, err := fetchKernel(ctx, i.cache, floppyKernel)
	if err != nil {
		return Kernel{}, err
	}
	return kernel, i.buildInitramfs(ctx, kernel)
}

// buildInitramfs makes the kernel's initramfs, with programs of the guest's in it.
func (i *Image) buildInitramfs(ctx context.Context, kernel Kernel) error {
	return once(kernel.Initramfs, func(fresh string) error {
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
		for _, program := range kernel.kind.programs {
			if err := i.copyProgram(ctx, program, dir); err != nil {
				return err
			}
		}
		modules, err := i.moduleFiles(kernel)
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

// copyProgram copies a program of the guest's and the libraries that it needs.
func (i *Image) copyProgram(ctx context.Context, program, to string) error {
	libraries, err := output(ctx, "chroot", i.Root, "ldd", program)
	if err != nil {
		return err
	}
	files := []string{program}
	for _, word := range strings.Fields(libraries) {
		if strings.HasPrefix(word, "/") {
			files = append(files, word)
		}
	}
	for _, file := range files {
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(file)), 0o755); err != nil {
			return err
		}
		if err := run(ctx, "cp", "-L", filepath.Join(i.Root, file), filepath.Join(to, file)); err != nil {
			return err
		}
	}
	return nil
}

// moduleFiles are the early modules and what they need, in the order of loading.
func (i *Image) moduleFiles(kernel Kernel) ([]string, error) {
	dir := filepath.Join(i.Root, "usr/lib/modules", kernel.Release)
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
	for _, name := range kernel.kind.early {
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
