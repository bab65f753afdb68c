package resolver

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host/hosttest"
	"cloudseed/test/needs"
)

// byNetworkManager runs the real NetworkManager with a network, a bus and an /etc of its own,
// has it read a file that it did not have when it started, and prints its resolv.conf.
const byNetworkManager = `
set -eu
mount --make-rprivate /
mount --bind "$1/etc" /etc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mkdir -p /run/NetworkManager /var/lib/NetworkManager
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$1/bus
bus='' nm=''
trap 'kill $bus $nm' EXIT
dbus-daemon --config-file="$1/bus.conf" --nofork --nopidfile & bus=$!
for try in $(seq 100); do
	! busctl --address="$DBUS_SYSTEM_BUS_ADDRESS" list >/dev/null 2>&1 || break
	sleep 0.1
done
NetworkManager --debug >&2 & nm=$!
for try in $(seq 50); do
	mkdir -p /etc/NetworkManager/conf.d
	cp "$1/file" "/etc/NetworkManager/conf.d/90-cloud-init-dns.conf"
	! busctl --address="$DBUS_SYSTEM_BUS_ADDRESS" call org.freedesktop.NetworkManager /org/freedesktop/NetworkManager \
		org.freedesktop.NetworkManager Reload u 0 >&2 || break
	sleep 0.3
done
for try in $(seq 50); do
	! grep -q "$2" /etc/resolv.conf || break
	sleep 0.3
done
cat /etc/resolv.conf
`

func TestNetworkManagerTakesItsGlobalConfiguration(t *testing.T) {
	t.Parallel()
	needs.Root(t)
	needs.Programs(t, "unshare", "busctl", "dbus-daemon")
	if _, err := exec.LookPath("NetworkManager"); err != nil {
		needs.Rare(t, "the program NetworkManager, which would take over the network of the machine that it is installed on")
	}
	m := hosttest.New(t)
	c := Config{
		Servers: []string{"192.0.2.1", "2001:db8::1"}, Search: []string{"a.example", "b.example"}, Options: []string{"rotate", "timeout:1"},
	}
	if _, err := Apply(t.Context(), m.Host, NetworkManager, c, ""); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := map[string]string{
		"file":                                   m.Text(t, networkManagerFile),
		"etc/resolv.conf":                        "nameserver 198.51.100.1\n",
		"etc/NetworkManager/NetworkManager.conf": "[main]\nplugins=keyfile\nauth-polkit=false\nrc-manager=file\n",
		"bus.conf": `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>custom</type><listen>unix:path=` + dir + `/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
</busconfig>
`,
	}
	for _, name := range []string{"passwd", "group", "nsswitch.conf", "ld.so.cache"} {
		data, err := os.ReadFile("/etc/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files["etc/"+name] = string(data)
	}
	for name, text := range files {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	program := exec.CommandContext(t.Context(), "unshare", "-m", "-n", "sh", "-c", byNetworkManager, "sh", dir, c.Servers[0])
	var said strings.Builder
	program.Stderr = &said
	out, err := program.Output()
	if err != nil {
		t.Fatalf("NetworkManager: %v: %s", err, said.String())
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	want := "search a.example b.example\nnameserver 192.0.2.1\nnameserver 2001:db8::1\noptions rotate timeout:1"
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("its resolv.conf is\n%s\nwant\n%s\nIt says %s", got, want, said.String())
	}
}
