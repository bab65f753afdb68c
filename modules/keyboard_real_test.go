package modules

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudseed/guest/envfile"
	"cloudseed/test/needs"
)

const localed = "/usr/lib/systemd/systemd-localed"

// setByLocaled sets keyboards by the real systemd-localed, which has a bus and an /etc of its
// own, and prints what it wrote. Debian's writes the layout to /etc/default/keyboard.
const setByLocaled = `
set -eu
mount --make-rprivate /
mount --bind "$1/etc" /etc
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$1/bus
bus='' localed=''
trap 'kill $bus $localed' EXIT
dbus-daemon --config-file="$1/bus.conf" --nofork --nopidfile & bus=$!
for try in $(seq 100); do
	! busctl --address="$DBUS_SYSTEM_BUS_ADDRESS" list >/dev/null 2>&1 || break
	sleep 0.1
done
` + localed + ` & localed=$!
for try in $(seq 50); do
	! busctl --address="$DBUS_SYSTEM_BUS_ADDRESS" status org.freedesktop.locale1 >/dev/null 2>&1 || break
	sleep 0.2
done
while IFS='|' read -r layout model variant options; do
	rm -f /etc/vconsole.conf /etc/default/keyboard
	busctl --address="$DBUS_SYSTEM_BUS_ADDRESS" call org.freedesktop.locale1 /org/freedesktop/locale1 \
		org.freedesktop.locale1 SetX11Keyboard ssssbb "$layout" "$model" "$variant" "$options" true false
	echo "$layout|$model|$variant|$options|$(cat /etc/vconsole.conf | tr '\n' '|')$(cat /etc/default/keyboard | tr '\n' '|')"
done
`

// TestTheKeyboardIsWhatLocaledMakesOfIt compares with the real program, for all layouts and
// variants that it has a keymap for, and some that it has none for.
func TestTheKeyboardIsWhatLocaledMakesOfIt(t *testing.T) {
	t.Parallel()
	needs.Root(t)
	needs.Programs(t, "dbus-daemon", "busctl", "unshare", localed)
	if _, err := os.Stat("/etc/debian_version"); err != nil {
		needs.Rare(t, "Debian's localed, which writes the layout to a file that is easy to read")
	}
	keymaps, err := os.ReadFile(keymapsOfX11)
	if err != nil {
		needs.LeftOut(t, keymapsOfX11)
	}
	keyboards := []string{
		"us,de|pc105||grp:alt_shift_toggle", "de,us|pc105|nodeadkeys,|", "ru,us|pc105||terminate:ctrl_alt_bksp,grp:shifts_toggle,grp_led:scroll",
		"us|pc105+inet||terminate:ctrl_alt_bksp", "ara|pc105||", "jp||OADG109A|", "ch|pc105|fr|", "us|pc105|dvorak|", "gr|pc104||",
	}
	for line := range strings.Lines(string(keymaps)) {
		if f := strings.Fields(line); len(f) >= 5 && f[0] != "#" {
			keyboards = append(keyboards, f[1]+"|pc105||", strings.ReplaceAll(f[1]+"|"+f[2]+"|"+f[3]+"|"+f[4], "|-", "|"))
		}
	}
	slices.Sort(keyboards)
	keyboards = slices.Compact(keyboards)
	dir := localedsDirectory(t)
	program := exec.CommandContext(t.Context(), "unshare", "-m", "sh", "-c", setByLocaled, "sh", dir)
	program.Stdin = strings.NewReader(strings.Join(keyboards, "\n") + "\n")
	var said strings.Builder
	program.Stderr = &said
	out, err := program.Output()
	if err != nil {
		t.Fatalf("localed: %v: %s", err, said.String())
	}
	compared := 0
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) < 5 {
			continue // what localed itself says
		}
		compared++
		g := newGuest(t, fmt.Sprintf("keyboard: {layout: %q, model: %q, variant: %q, options: %q}", f[0], f[1], f[2], f[3]))
		g.Put(t, keymapsOfX11, string(keymaps))
		g.run(t, keyboard)
		ours, theirs := g.Text(t, vconsoleConf), strings.Join(f[4:], "\n")
		for _, name := range []string{"KEYMAP", "XKBLAYOUT", "XKBMODEL", "XKBVARIANT", "XKBOPTIONS"} {
			if got, want := envfile.Value(ours, name), envfile.Value(theirs, name); got != want {
				t.Errorf("%s: %s is %q, and localed's %q", strings.Join(f[:4], "|"), name, got, want)
			}
		}
	}
	if compared != len(keyboards) {
		t.Errorf("%d of %d keyboards were compared; localed says %s", compared, len(keyboards), said.String())
	}
}

// localedsDirectory has an /etc for localed and its bus, and the bus's configuration.
func localedsDirectory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "etc/default"), 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"bus.conf": `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>custom</type><listen>unix:path=` + dir + `/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
</busconfig>
`}
	for _, name := range []string{"passwd", "group", "nsswitch.conf", "ld.so.cache"} {
		data, err := os.ReadFile("/etc/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files["etc/"+name] = string(data)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
