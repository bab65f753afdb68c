package activate_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudseed/network"
	"cloudseed/network/activate"
)

func TestApply(t *testing.T) {
	t.Parallel()
	files := []network.File{{Path: "/etc/a", Device: "eth0"}, {Path: "/etc/b", Device: "eth1"}}
	const running = "systemctl show --property=SubState NetworkManager.service"
	tests := map[string]struct {
		change  activate.Change
		stopped bool     // NetworkManager does not run
		fail    []string // commands that fail
		want    []string
		wrong   []string // lines of the error
	}{
		"nothing changed": {change: activate.Change{Renderer: "network-manager"}},
		"connections are loaded before the first goes up": {
			change: activate.Change{Renderer: "network-manager", Files: files},
			want: []string{
				running, "nmcli connection load /etc/a", "nmcli connection load /etc/b",
				"nmcli connection up filename /etc/a", "nmcli connection up filename /etc/b",
			},
		},
		"what is no connection is read by a reload": {
			change: activate.Change{Renderer: "network-manager", Files: []network.File{{Path: "/etc/conf.d/x"}}},
			want:   []string{running, "systemctl try-reload-or-restart NetworkManager.service"},
		},
		"removed connections are forgotten": {
			change: activate.Change{Renderer: "network-manager", Removed: []string{"/etc/c"}},
			want:   []string{running, "nmcli connection reload"},
		},
		"a file that cannot be loaded is found by its device": {
			change: activate.Change{Renderer: "network-manager", Files: files}, fail: []string{"nmcli connection load"},
			want: []string{
				running, "nmcli connection load /etc/a", "nmcli connection reload", "nmcli connection load /etc/b",
				"nmcli connection up ifname eth0", "nmcli connection up ifname eth1",
			},
		},
		"a device that does not come up costs itself": {
			change: activate.Change{Renderer: "network-manager", Files: files}, fail: []string{"nmcli connection up filename /etc/a"},
			want: []string{
				running, "nmcli connection load /etc/a", "nmcli connection load /etc/b",
				"nmcli connection up filename /etc/a", "nmcli connection up filename /etc/b",
			},
			wrong: []string{"cannot bring up eth0 by /etc/a: it failed"},
		},
		"a NetworkManager that does not run is told of": {
			change: activate.Change{Renderer: "network-manager", Files: files}, stopped: true,
			want:  []string{running},
			wrong: []string{"cannot activate the network: NetworkManager does not run; it reads its files when it starts"},
		},
		"ifcfg files go to NetworkManager, if it runs": {
			change: activate.Change{Renderer: "sysconfig", Files: files[:1]},
			want:   []string{running, "nmcli connection load /etc/a", "nmcli connection up filename /etc/a"},
		},
		"else to initscripts": {
			change: activate.Change{Renderer: "sysconfig", Files: files[:1]}, stopped: true,
			want: []string{running, "ifdown eth0", "ifup eth0"},
		},
		"one that was not up cannot go down": {
			change: activate.Change{Renderer: "sysconfig", Files: files[:1]}, stopped: true, fail: []string{"ifdown"},
			want: []string{running, "ifdown eth0", "ifup eth0"},
		},
		"networkd sets its devices up": {
			change: activate.Change{Renderer: "networkd", Files: append([]network.File{{Path: "/etc/x.netdev", Device: "eth0"}}, files...)},
			want:   []string{"networkctl reload", "networkctl reconfigure eth0 eth1"},
		},
		"an old networkd is restarted": {
			change: activate.Change{Renderer: "networkd", Files: files}, fail: []string{"networkctl reload"},
			want: []string{"networkctl reload", "systemctl restart systemd-networkd.service"},
		},
		"a renderer that nobody knows": {
			change: activate.Change{Renderer: "eni", Files: files}, wrong: []string{"cannot activate the files of eni: it is not known how"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var ran []string
			err := activate.Apply(t.Context(), test.change, func(_ context.Context, argv ...string) (string, error) {
				line := strings.Join(argv, " ")
				ran = append(ran, line)
				for _, prefix := range test.fail {
					if strings.HasPrefix(line, prefix) {
						return "", errors.New("it failed")
					}
				}
				if line == running && !test.stopped {
					return "SubState=running\n", nil
				}
				return "SubState=dead\n", nil
			})
			if diff := cmp.Diff(test.want, ran); diff != "" {
				t.Errorf("commands differ (-want +got):\n%s", diff)
			}
			var wrong []string
			if err != nil {
				wrong = strings.Split(err.Error(), "\n")
			}
			if diff := cmp.Diff(test.wrong, wrong); diff != "" {
				t.Errorf("errors differ (-want +got):\n%s", diff)
			}
		})
	}
}
