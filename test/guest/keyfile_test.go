package guest_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudseed/test/guest"
)

// A keyfile is proven by what NetworkManager makes of it: it is loaded, and then written
// anew by NetworkManager itself, since a setting changes. Whatever it did not understand
// is not in what it writes.

// readBack has the guest's NetworkManager load the keyfiles in $1/CASE/ and write them anew;
// what it writes is put into $1/CASE.out/, what goes wrong into $1/CASE.err.
const readBack = `set -u
cd "$1"
connections=/etc/NetworkManager/system-connections
for case in */; do
    case=${case%/}
    rm -f $connections/*
    cp "$case"/* $connections/
    chown root:root $connections/*
    chmod 600 $connections/*
    since=$(date '+%F %T.%N')
    nmcli connection reload
    mkdir "$case.out"
    for file in $connections/*; do
        uuid=$(sed -n 's/^uuid=//p' "$file")
        nmcli connection load "$file" || echo "$file was not loaded"
        nmcli connection modify uuid "$uuid" connection.autoconnect-retries 3 || echo "$file is no connection"
        cp "$file" "$case.out/"
    done >>"$case.err" 2>&1
    journalctl -u NetworkManager --since "$since" -o cat | grep '^<warn>.*keyfile' >>"$case.err"
done
chmod -R a+rX .
`

// readOffline does the same by nmcli alone, which reads, checks and writes keyfiles with
// NetworkManager's own library, and far quicker: some thirty files a second.
const readOffline = `set -u
cd "$1"
for case in */; do
    mkdir "${case%/}.out"
done
find . -name '*.nmconnection' | xargs -P 4 -n 1 sh -c '
    case=$(dirname "$0")
    out="$case.out/$(basename "$0")"
    nmcli --offline connection modify connection.autoconnect-retries 3 <"$0" >"$out" 2>"$out.err"
'
for case in *.out; do
    cat "$case"/*.err >"${case%.out}.err"
done
chmod -R a+rX .
`

// nmDefaults are settings that NetworkManager does not write since they hold anyway
// (nm-settings(5)). dns=; and the like are not there either.
var nmDefaults = []string{
	"bridge.stp=true", "bridge.priority=32768", "bridge.forward-delay=15", "bridge.hello-time=2", "bridge.max-age=20", "bridge.ageing-time=300",
	"bridge-port.path-cost=100", "bridge-port.priority=32", "ipv4.may-fail=true", "ipv6.may-fail=true", "vxlan.learning=true", "vxlan.ageing=300",
	"wifi.mode=infrastructure", "vlan.flags=1",
}

// mistakes are keyfiles of one case each that are not understood, and where that must be seen.
func mistakes() map[string]struct{ content, want string } {
	const wrong = "[connection]\nid=x\nuuid=1dd9a779-d327-56e1-8454-c65e2556c12c\ntype=ethernet\ninterface-name=x\n\n"
	return map[string]struct{ content, want string }{
		"wrong-key":     {wrong + "[ipv4]\nmethod=auto\nmay-fial=true\n", "ipv4.may-fial"},
		"wrong-section": {wrong + "[ivp4]\nmethod=auto\n", "ivp4.method"},
		"wrong-address": {wrong + "[ipv4]\nmethod=manual\naddress1=10.0.0.300/24\n", "ipv4.addresses"},
		"wrong-number":  {wrong + "[ethernet]\nmtu=many\n", "ethernet.mtu"},
		"wrong-route":   {wrong + "[ipv4]\nmethod=auto\nroute1=10.0.0.0/8,nowhere\n", "ipv4.route1"},
		"wrong-bond":    {strings.Replace(wrong, "type=ethernet", "type=bond", 1) + "[bond]\nmode=802.3ad\nlacp_rate=quick\n", "bond.lacp_rate"},
	}
}

func TestNetworkManagerUnderstandsEveryKeyfile(t *testing.T) {
	t.Parallel()
	goldens, others := keyfiles{}, keyfiles{}
	goldens.goldens(t)
	others.corpus(t)
	others.random(t, 12)
	others.distinct()
	dir := t.TempDir()
	goldens.write(t, filepath.Join(dir, "goldens"), readBack)
	others.write(t, filepath.Join(dir, "others"), readOffline)

	g := guest.New(t, built).Boot(guest.Options{Args: []string{"--bind=" + dir + ":/keyfiles"}})
	g.Shell("sh /keyfiles/goldens.sh /keyfiles/goldens")
	goldens.check(t, filepath.Join(dir, "goldens"))
	g.Shell("sh /keyfiles/others.sh /keyfiles/others")
	others.check(t, filepath.Join(dir, "others"))
}

// write puts the cases into folders in dir, with the mistakes, and a script beside it.
func (k keyfiles) write(t *testing.T, dir, script string) {
	t.Helper()
	for name, mistake := range mistakes() {
		k.put(name, "x.nmconnection", mistake.content)
	}
	for test, files := range k {
		if err := os.MkdirAll(filepath.Join(dir, test), 0o755); err != nil {
			t.Fatal(err)
		}
		for file, content := range files {
			if err := os.WriteFile(filepath.Join(dir, test, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(dir+".sh", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
}

// check looks at what a script in the guest made of the cases.
func (k keyfiles) check(t *testing.T, dir string) {
	t.Helper()
	total := 0
	for _, test := range slices.Sorted(maps.Keys(k)) {
		var lost []string
		for file, content := range k[test] {
			total++
			again, err := os.ReadFile(filepath.Join(dir, test+".out", file))
			if err != nil {
				t.Fatal(err)
			}
			lost = append(lost, missing(content, string(again))...)
		}
		said, err := os.ReadFile(filepath.Join(dir, test+".err"))
		if err != nil {
			t.Fatal(err)
		}
		if mistake, isOne := mistakes()[test]; isOne {
			all := strings.Join(lost, "\n") + string(said)
			if !strings.Contains(all, mistake.want) {
				t.Errorf("%s: nothing was noticed of %s: %s", test, mistake.want, all)
			}
			continue
		}
		if len(said) > 0 {
			t.Errorf("%s: NetworkManager said:\n%s", test, said)
			continue
		}
		for _, setting := range lost {
			t.Errorf("%s: NetworkManager did not keep %s", test, setting)
		}
	}
	t.Logf("NetworkManager wrote the %d keyfiles of %d cases as they were", total-len(mistakes()), len(k)-len(mistakes()))
}

// missing are the settings of a keyfile that are not in what NetworkManager wrote.
func missing(before, after string) []string {
	kept := settings(after)
	var lost []string
	for name, value := range settings(before) {
		if value == "" || kept[name] == value || slices.Contains(nmDefaults, name+"="+value) || idle(name, value, kept) {
			continue
		}
		lost = append(lost, fmt.Sprintf("%s=%s (it has %q)", name, value, kept[name]))
	}
	slices.Sort(lost)
	return lost
}

// bondModes are the kernel's numbers of modes, for which NetworkManager writes names.
var bondModes = []string{"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"}

// idle tells that a setting does nothing in its connection, and is not written therefore:
// an option of a bond for another mode, or a family of a port, which has no addresses.
func idle(name, value string, kept map[string]string) bool {
	family, _, _ := strings.Cut(name, ".")
	if (family == "ipv4" || family == "ipv6") && kept["connection.master"] != "" {
		return true
	}
	mode := kept["bond.mode"]
	switch name {
	case "bond.lacp_rate":
		return value == "slow" || value == "0"
	case "bond.packets_per_slave":
		return mode != "balance-rr"
	case "bond.tlb_dynamic_lb":
		return mode != "balance-tlb"
	case "bond.arp_interval", "bond.arp_ip_target":
		return mode == "802.3ad"
	case "bond.arp_validate":
		return mode == "802.3ad" || mode == "balance-tlb" || mode == "balance-alb"
	case "bond.ad_actor_sys_prio", "bond.ad_actor_system", "bond.ad_user_port_key":
		return mode != "802.3ad"
	}
	return false
}

// settings are the settings of a keyfile by section and key. Where there are two ways to
// say a thing, it is said in one: a gateway is behind the address, and the addresses of
// a family are a set.
func settings(keyfile string) map[string]string {
	all := map[string]string{}
	section := ""
	for line := range strings.Lines(keyfile) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		all[section+"."+key] = value
	}
	for name, value := range all {
		switch {
		case strings.HasSuffix(name, "_options"):
			options := strings.Split(value, ",")
			slices.Sort(options)
			all[name] = strings.Join(options, ",")
		case strings.Contains(name, ".routing-rule"):
			all[name] = strings.NewReplacer("/32 ", " ", "/128 ", " ").Replace(value)
		}
	}
	for i, name := range bondModes {
		if all["bond.mode"] == fmt.Sprint(i) {
			all["bond.mode"] = name
		}
	}
	for _, family := range []string{"ipv4", "ipv6"} {
		address, gateway, _ := strings.Cut(all[family+".address1"], ",")
		if gateway != "" {
			all[family+".address1"], all[family+".gateway"] = address, gateway
		}
		if servers := all[family+".dns"]; servers != "" {
			all[family+".dns"] = strings.Join(slices.Compact(strings.Split(servers, ";")), ";") // who is twice is asked once
		}
		if all[family+".method"] == "disabled" {
			delete(all, family+".may-fail") // what is not tried cannot fail
		}
	}
	return all
}
