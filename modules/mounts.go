package modules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/guest/block"
	"cloudseed/host"
	"cloudseed/state"
)

type mountsKeys struct {
	Mounts        *config.Value `key:"mounts" takes:"list(list(text|nothing))" doc:"Lines of /etc/fstab, each as a list: device, mount point, type, options, dump, pass. What is missing or null is taken from mount_default_fields. A device without a mount point removes the entries before it that name it."`
	DefaultFields *config.Value `key:"mount_default_fields" takes:"list(text|nothing)" default:"[~, ~, auto, 'defaults,nofail,x-systemd.after=cloud-init-network.service,_netdev', '0', '2']" doc:"The six fields that entries of mounts take where they say nothing."`
	Aliases       *config.Value `key:"device_aliases" takes:"map(text)" doc:"Names for devices, which mounts may use: ephemeral0: /dev/vdb."`
	Swap          struct {
		Filename string        `key:"filename" default:"/swap.img" doc:"The swap file's path."`
		Size     *config.Value `key:"size" takes:"text" default:"0" doc:"Its size (1G), 0 for none, or auto: by the size of memory."`
		MaxSize  *config.Value `key:"maxsize" takes:"text" doc:"The most that auto may choose; a quarter of the free space otherwise."`
	} `key:"swap" doc:"A swap file."`

	entries []mountEntry
	swap    block.SwapFile // no path: none
}

// mountEntry is a line of fstab.
type mountEntry struct {
	at     config.Cursor
	name   string   // of the device, as the configuration has it
	fields []string // spec, file, vfstype, mntops, freq, passno; file "" removes
	waits  bool     // until a stage of this program has run
}

var mounts = Of[mountsKeys]{
	Name:       "mounts",
	Stage:      InitStage,
	Frequency:  state.PerInstance,
	ActiveIf:   []string{"mounts", "swap", "device_aliases"},
	Repeatable: true,
	Doc: "Writes lines to /etc/fstab, creates their mount points, mounts them one by one, and creates a swap file. Lines " +
		"that it wrote are marked with comment=cloudconfig, and replaced when it runs again; all others stay as they are.",
	Example: "mounts:\n  - [LABEL=data, /data, xfs]\n  - ['server:/home', /home, nfs, 'defaults,_netdev']\nswap:\n  size: auto\n  maxsize: 2G\n",
	Network: func(e *Env, keys *mountsKeys) NetworkUse {
		checkMounts(e, keys)
		if slices.ContainsFunc(keys.entries, mountEntry.isOnNetwork) {
			return NeedsNetwork
		}
		return NoNetwork
	},
	Check: checkMounts,
	Run:   runMounts,
}.Module()

// marked is in the options of lines that this module wrote: cloud-init's mark.
const marked = "comment=cloudconfig"

func checkMounts(e *Env, keys *mountsKeys) {
	defaults := []string{"", "", "auto", "defaults,nofail,x-systemd.after=cloud-init-network.service,_netdev", "0", "2"}
	if fields := e.At("mount_default_fields"); fields.Kind() == config.List {
		items := fields.Items()
		if len(items) != len(defaults) {
			fields.Errorf("expected 6 fields, got %d; those that are missing have their own default", len(items))
		}
		for i := range min(len(items), len(defaults)) {
			defaults[i] = items[i].Text()
		}
	}
	for _, item := range e.At("mounts").Items() {
		if item.Kind() != config.List { // reported by its type
			continue
		}
		if entry, ok := readMount(item, defaults); ok {
			keys.entries = append(keys.entries, entry)
		}
	}
	checkSwap(e.At("swap"), keys)
	freeForSwap(keys.entries, keys.swap.Path)
	breakCycles(keys.entries)
}

// readMount fills an entry's missing fields, and refuses what would be another line of fstab
// than it seems.
func readMount(at config.Cursor, defaults []string) (mountEntry, bool) {
	items := at.Items()
	if len(items) == 0 || items[0].IsNull() {
		at.Errorf("expected a device first; the entry is skipped")
		return mountEntry{}, false
	}
	entry := mountEntry{at: at, name: items[0].Text(), fields: append([]string(nil), defaults...)}
	for i, item := range items {
		switch {
		case i >= len(entry.fields):
			item.Warnf("an entry has at most 6 fields; this one is skipped")
		case !item.IsNull():
			entry.fields[i] = item.Text()
		}
	}
	for i, field := range entry.fields {
		if i >= 2 && strings.ContainsAny(field, " \t\r\n") || strings.ContainsRune(field, 0) || i != 1 && field == "" {
			at.Errorf("field %d of the entry is %q, which no field of /etc/fstab may be; the entry is skipped", i+1, field)
			return mountEntry{}, false
		}
	}
	entry.waits = waitsForUs(entry.fields[3])
	return entry, true
}

// networkFileSystems are types of file systems that are on other machines, as systemd's
// fstype_is_network has them; each may be one of FUSE's, too.
var networkFileSystems = strings.Fields("afs beegfs ceph cifs davfs gfs gfs2 glusterfs lustre ncp ncpfs nfs nfs4 ocfs2 pvfs2 smb3 smbfs sshfs")

// isOnNetwork reports whether the network has to be up for the entry to be mounted: by its
// type, by a device that names a server, or by its own option _netdev. That of
// mount_default_fields is for all entries, local ones too.
func (m mountEntry) isOnNetwork() bool {
	items := m.at.Items()
	return m.fields[1] != "" &&
		(slices.Contains(networkFileSystems, strings.TrimPrefix(m.fields[2], "fuse.")) ||
			strings.HasPrefix(m.fields[0], "//") || strings.Contains(m.fields[0], ":/") ||
			len(items) > 3 && hasMountOption(items[3].Text(), "_netdev"))
}

// waitsForUs reports whether a mount waits for a stage of this program.
func waitsForUs(options string) bool {
	return slices.ContainsFunc(strings.Split(options, ","), isWait)
}

func isWait(option string) bool {
	name, value, _ := strings.Cut(option, "=")
	return strings.HasPrefix(name, "x-systemd.") && strings.HasPrefix(value, "cloud-")
}

// freeForSwap has no local entry wait for a stage or for the network that a swap file is on, the
// key's own file or another entry's: swap.target, which waits for such a file, is before both.
func freeForSwap(entries []mountEntry, file string) {
	needed := []mountEntry{{fields: []string{file, "", "", ""}}}
	for _, entry := range entries {
		if entry.fields[2] == "swap" {
			needed = append(needed, entry)
		}
	}
	for n := 0; n < len(needed); n++ {
		for i := range entries {
			entry := &entries[i]
			if !needed[n].isOn(entry.fields[1]) || needed[n].fields[1] == entry.fields[1] {
				continue
			}
			options := slices.DeleteFunc(strings.Split(entry.fields[3], ","), func(o string) bool { return o == "_netdev" || isWait(o) })
			if free := cmp.Or(strings.Join(options, ","), "defaults"); free != entry.fields[3] {
				entry.at.Notef("a swap file is on it, and swap is on before this program and the network are: it is mounted without waiting for them")
				entry.fields[3], entry.waits = free, false
			}
			needed = append(needed, *entry)
		}
	}
}

// breakCycles has no entry that waits, by its own options or by what it is on, be one of the
// local file systems: without nofail or _netdev, local-fs.target waits for the mount, and the
// stage for local-fs.target.
func breakCycles(entries []mountEntry) {
	for again := true; again; {
		again = false
		for i := range entries {
			entry := &entries[i]
			if !entry.waits && slices.ContainsFunc(entries, func(on mountEntry) bool { return on.waits && entry.isOn(on.fields[1]) }) {
				entry.waits, again = true, true
			}
		}
	}
	for _, entry := range entries {
		if entry.waits && !hasMountOption(entry.fields[3], "nofail", "_netdev") {
			entry.at.Notef("local file systems are mounted before this program runs, for which the entry waits; _netdev is added to its options")
			entry.fields[3] += ",_netdev"
		}
	}
}

// isOn reports whether systemd mounts an entry only when there is a mount at point:
// systemd.mount(5), implicit dependencies, and its option for more of them.
func (m mountEntry) isOn(point string) bool {
	paths := []string{m.fields[0], m.fields[1]}
	for option := range strings.SplitSeq(m.fields[3], ",") {
		if of, ok := strings.CutPrefix(option, "x-systemd.requires-mounts-for="); ok {
			paths = append(paths, of)
		}
	}
	return slices.ContainsFunc(paths, func(p string) bool {
		return strings.HasPrefix(point, "/") && strings.HasPrefix(path.Clean(p)+"/", path.Clean(point)+"/") && path.Clean(point) != "/"
	})
}

func hasMountOption(options string, names ...string) bool {
	for option := range strings.SplitSeq(options, ",") {
		for _, name := range names {
			if option == name {
				return true
			}
		}
	}
	return false
}

func checkSwap(at config.Cursor, keys *mountsKeys) {
	size := at.Get("size")
	text := strings.ToLower(size.Text())
	if size.IsNull() || text == "0" || text == "" || at.Get("filename").Value() != nil && keys.Swap.Filename == "" {
		return
	}
	auto := text == "auto"
	s := block.SwapFile{Path: "/swap.img", Size: block.ParseSize(text)}
	if keys.Swap.Filename != "" {
		s.Path = path.Clean(keys.Swap.Filename)
	}
	if !path.IsAbs(s.Path) || strings.ContainsAny(s.Path, "\x00\n") {
		at.Get("filename").Errorf("expected an absolute path, got %q; no swap file is created", keys.Swap.Filename)
		return
	}
	if !auto && s.Size < 1<<20 {
		size.Errorf("expected a size of at least 1M, or auto, got %s; no swap file is created", size.Text())
		return
	}
	if most := at.Get("maxsize"); !most.IsNull() {
		if s.Max = block.ParseSize(most.Text()); s.Max == 0 {
			most.Errorf("expected a size, got %s; the default counts", most.Text())
		}
	}
	keys.swap = s
}

func runMounts(ctx context.Context, e *Env, keys *mountsKeys) error {
	f, err := readFstab(e.Host)
	if err != nil {
		return err
	}
	m := mounter{e: e, keys: keys, fstab: f}
	entries := m.entries()
	var swap []mountEntry
	swapAt := e.At("swap")
	if keys.swap.Path != "" {
		line := mountEntry{at: swapAt, fields: []string{keys.swap.Path, "none", "swap", "sw", "0", "0"}}
		swap = []mountEntry{line}
		f.forget(line.fields)
	}
	if len(entries)+len(swap) == 0 {
		return nil
	}
	for _, entry := range entries {
		if point := entry.fields[1]; strings.HasPrefix(point, "/") && !e.Host.Exists(point) {
			entry.at.Fail(e.Host.Mkdir(point, 0o755, host.Owner{}))
		}
	}
	live := block.Running(e.Host)
	active := live && keys.swap.Path != "" && block.IsActiveSwap(e.Host, keys.swap.Path)
	first := entries
	if active {
		first = append(first, swap...)
	}
	changed, err := f.write(e.Host, first)
	if err != nil {
		return err
	}
	if live {
		mounted, err := m.mount(ctx, entries)
		if err != nil {
			return err
		}
		changed = changed || mounted
	}
	// The swap file may be on what was mounted just now.
	if live && !active && keys.swap.Path != "" {
		size, err := block.CreateSwap(ctx, e.Host, keys.swap)
		swapAt.Fail(err)
		if err == nil && size == 0 {
			swapAt.Notef("there is no room for %s; it is not created", keys.swap.Path)
		}
		if size > 0 {
			e.Log.Info("the swap file is created", "file", keys.swap.Path, "size", block.Bytes(size))
			entries = append(entries, swap...)
			if _, err := f.write(e.Host, entries); err != nil {
				return err
			}
			changed = true
		}
	}
	if !live {
		return nil
	}
	return m.activate(ctx, entries, changed)
}

// activate turns swap on, and has systemd read fstab anew.
func (m *mounter) activate(ctx context.Context, entries []mountEntry, changed bool) error {
	var errs []error
	for _, entry := range entries {
		if entry.fields[2] == "swap" {
			_, err := m.e.Host.Run(ctx, host.Command{Argv: []string{"swapon", "-a"}})
			errs = append(errs, err)
			break
		}
	}
	if changed && m.e.Host.Exists("/run/systemd/system") {
		_, err := m.e.Host.Run(ctx, host.Command{Argv: []string{"systemctl", "daemon-reload"}})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// mounter turns the configuration's entries into lines, and mounts.
type mounter struct {
	e     *Env
	keys  *mountsKeys
	fstab *fstab
}

// entries are the lines to write, devices by the names that the kernel has for them.
func (m *mounter) entries() []mountEntry {
	all := append([]mountEntry(nil), m.keys.entries...)
	for i := range all {
		if device := m.device(all[i].name); device != "" {
			all[i].fields[0] = device
		}
	}
	// cloud-init's own entries, for devices that a source of data or an alias names.
	for _, own := range [][]string{
		{"ephemeral0", "/mnt", "auto", "defaults,nofail,x-systemd.after=cloud-init-network.service,_netdev", "0", "2"},
		{"swap", "none", "swap", "sw", "0", "0"},
	} {
		device := m.device(own[0])
		named := device == "" || m.fstab.has(device, "")
		for _, entry := range all {
			named = named || entry.fields[0] == device
		}
		if !named {
			own[0] = device
			all = append(all, mountEntry{at: m.e.At("device_aliases"), fields: own})
		}
	}
	// An entry without a mount point removes those of its device before it.
	removed := map[string]bool{}
	var kept []mountEntry
	for i := len(all) - 1; i >= 0; i-- {
		entry := all[i]
		switch device, point := entry.fields[0], entry.fields[1]; {
		case point == "" || removed[device]:
			removed[device] = true
		case m.fstab.has(device, point) && point != "none":
			// Difference from cloud-init: systemd refuses a mount point that is there twice.
			entry.at.Notef("%s on %s is in /etc/fstab already; that line is unchanged", device, point)
		default:
			entry.fields[3] += "," + marked
			kept = append([]mountEntry{entry}, kept...)
		}
	}
	return kept
}

// shortName is a disk or partition without /dev.
var shortName = pattern(`^(x?[shv]d[a-z][0-9]*|sr[0-9]+)$`)

// device returns the device path of a name of the configuration; "" where it is to be taken as
// it is: no such device, or none of this kind, as UUID=… and server:/path.
func (m *mounter) device(name string) string {
	if name == "ephemeral" {
		name = "ephemeral0"
	}
	if strings.IndexByte(name, ':') > 0 || !block.Running(m.e.Host) {
		return ""
	}
	device, part := name, ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		device, part = name[:i], name[i+1:]
	}
	if alias := m.keys.Aliases.Get(device); !alias.IsNull() {
		device = alias.Text()
	} else if shortName().MatchString(device) {
		device = "/dev/" + device
	}
	if !strings.HasPrefix(device, "/dev/") {
		return ""
	}
	n := part
	if n == "" {
		n = "1"
	}
	candidates := []string{device + n, device + "p" + n, device + "-part" + n}
	if part == "" {
		candidates = append(candidates, device)
	}
	for _, candidate := range candidates {
		if _, err := block.NameOf(m.e.Host, candidate); err == nil {
			return candidate
		}
	}
	return ""
}

// mount mounts what is not mounted yet, and reports for each entry that cannot be.
func (m *mounter) mount(ctx context.Context, entries []mountEntry) (mounted bool, err error) {
	there, err := block.Mounts(m.e.Host)
	if err != nil {
		return false, err
	}
	points := map[string]bool{}
	for _, mount := range there {
		points[mount.Point] = true
	}
	for _, entry := range entries {
		point := entry.fields[1]
		if !strings.HasPrefix(point, "/") || points[path.Clean(point)] || hasMountOption(entry.fields[3], "noauto") {
			continue
		}
		if _, err := m.e.Host.Run(ctx, host.Command{Argv: []string{"mount", "--", point}}); err != nil {
			entry.at.Fail(fmt.Errorf("cannot mount %s on %s: %w", entry.fields[0], point, err))
			continue
		}
		mounted = true
	}
	return mounted, nil
}

// fstab is /etc/fstab without the lines that this module wrote.
type fstab struct{ lines []string }

const fstabPath = "/etc/fstab"

func readFstab(h *host.Host) (*fstab, error) {
	data, err := h.ReadFile(fstabPath)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f := &fstab{}
	for line := range strings.SplitSeq(string(data), "\n") {
		if strings.TrimSpace(line) != "" && !strings.Contains(line, marked) {
			f.lines = append(f.lines, line)
		}
	}
	return f, nil
}

// ForgetMounts removes the lines that the module wrote to /etc/fstab.
func ForgetMounts(h *host.Host) error {
	data, err := h.ReadFile(fstabPath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	lines := slices.DeleteFunc(strings.SplitAfter(string(data), "\n"), func(line string) bool { return strings.Contains(line, marked) })
	_, err = h.WriteFile(fstabPath, []byte(strings.Join(lines, "")), host.File{})
	return err
}

// has reports whether a line is for a device, and a mount point if that is not "".
func (f *fstab) has(device, point string) bool {
	for _, line := range f.lines {
		words := strings.Fields(line)
		if len(words) > 1 && words[0] == block.Escape(device) && (point == "" || words[1] == block.Escape(point)) {
			return true
		}
	}
	return false
}

// forget drops a line that cloud-init wrote without its mark: that of the swap file.
func (f *fstab) forget(fields []string) {
	var kept []string
	for _, line := range f.lines {
		if words := strings.Fields(line); len(words) < 4 || words[0] != block.Escape(fields[0]) || words[2] != fields[2] {
			kept = append(kept, line)
		}
	}
	f.lines = kept
}

func (f *fstab) write(h *host.Host, entries []mountEntry) (changed bool, err error) {
	lines := append([]string(nil), f.lines...)
	for _, entry := range entries {
		fields := append([]string{block.Escape(entry.fields[0]), block.Escape(entry.fields[1])}, entry.fields[2:]...)
		if fields[2] == "swap" && !strings.Contains(fields[3], marked) {
			fields[3] += "," + marked // Difference from cloud-init: the line is not there twice for the next instance
		}
		lines = append(lines, strings.Join(fields, "\t"))
	}
	return h.WriteFile(fstabPath, []byte(strings.Join(lines, "\n")+"\n"), host.File{KeepMeta: true})
}
