package seal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudseed/host"
	"cloudseed/host/hosttest"
)

// TestWhatIdentifiesAMachineIsFoundAndRemoved has a machine with one file a row.
func TestWhatIdentifiesAMachineIsFoundAndRemoved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, content string
		kind          string // "": it is none, and stays as it is
		left          string // what the file has afterwards; "gone": there is none
	}{
		"the instance's state":                               {"/var/lib/cloud/data/instance-id", "i-1\n", "instance", "gone"},
		"a seed kept in the image":                           {"/var/lib/cloud/seed/nocloud/meta-data", "{}", "instance", "gone"},
		"a connection that was generated":                    {"/etc/NetworkManager/system-connections/cloud-init-eth0.nmconnection", "[connection]", "network configuration of the instance", "gone"},
		"a connection by hand stays":                         {"/etc/NetworkManager/system-connections/office.nmconnection", "[connection]", "", ""},
		"an ifcfg file that was generated":                   {"/etc/sysconfig/network-scripts/ifcfg-eth0", "# Created by cloud-init automatically, do not edit.\n#\nDEVICE=eth0\n", "network configuration of the instance", "gone"},
		"an ifcfg file by hand stays":                        {"/etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\n", "", ""},
		"the scripts beside ifcfg files stay":                {"/etc/sysconfig/network-scripts/ifup-eth", "#!/bin/bash\n", "", ""},
		"names of interfaces":                                {"/etc/udev/rules.d/70-persistent-net.rules", "SUBSYSTEM", "names of network interfaces and drives", "gone"},
		"NetworkManager's lease":                             {"/var/lib/NetworkManager/internal-1-eth0.lease", "ADDRESS", "NetworkManager's leases and secret key", "gone"},
		"dhclient's lease":                                   {"/var/lib/dhclient/dhclient.leases", "lease", "DHCP state", "gone"},
		"a host key":                                         {"/etc/ssh/ssh_host_ed25519_key", "key", "host keys", "gone"},
		"a certificate of a host key":                        {"/etc/ssh/ssh_host_ed25519_key-cert.pub", "cert", "host keys", "gone"},
		"a user's keys stay":                                 {"/root/.ssh/authorized_keys", "ssh-ed25519 AAAA", "", ""},
		"the machine id":                                     {"/etc/machine-id", "0123456789abcdef0123456789abcdef\n", "machine id", ""},
		"a machine id that is to be made":                    {"/etc/machine-id", "uninitialized\n", "", ""},
		"an empty machine id":                                {"/etc/machine-id", "", "", ""},
		"D-Bus's own machine id":                             {"/var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n", "machine id", "gone"},
		"the random seed":                                    {"/var/lib/systemd/random-seed", "seed", "random seed", "gone"},
		"LVM's devices":                                      {"/etc/lvm/devices/system.devices", "IDTYPE=", "LVM's list of devices", "gone"},
		"a subscription":                                     {"/etc/pki/consumer/key.pem", "key", "Red Hat's subscription and Insights", "gone"},
		"the certificates of Red Hat's products stay":        {"/etc/pki/product/479.pem", "cert", "", ""},
		"the name of an iSCSI initiator":                     {"/etc/iscsi/initiatorname.iscsi", "InitiatorName=", "names of the machine for storage", "gone"},
		"root's history":                                     {"/root/.bash_history", "secret", "histories", "gone"},
		"a user's history":                                   {"/home/cloud-user/.python_history", "secret", "histories", "gone"},
		"a user's other files stay":                          {"/home/cloud-user/.bashrc", "alias", "", ""},
		"the installer's answers":                            {"/root/anaconda-ks.cfg", "rootpw", "the installer's answers", "gone"},
		"a temporary file":                                   {"/tmp/ansible-1/key", "key", "temporary files", "gone"},
		"a temporary file that is hidden":                    {"/var/tmp/.cache", "x", "temporary files", "gone"},
		"the private directory of a service that runs stays": {"/tmp/systemd-private-1-chronyd.service-2/tmp/x", "x", "", ""},
		"sockets of X11 stay":                                {"/tmp/.X11-unix/X0", "", "", ""},
		"a log is emptied":                                   {"/var/log/messages", "Nov 27 host", "logs", ""},
		"a log that was rotated":                             {"/var/log/messages-20260101", "Jan 1 host", "logs", "gone"},
		"a log that was rotated by number":                   {"/var/log/audit/audit.log.1", "type=", "logs", "gone"},
		"an empty log is no trace":                           {"/var/log/btmp", "", "", ""},
		"a journal":                                          {"/var/log/journal/0123456789abcdef0123456789abcdef/system.journal", "LPKSHHRH", "logs", "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := hosttest.New(t)
			m.Put(t, c.path, c.content)
			found, err := Find(m.Host)
			if err != nil {
				t.Fatal(err)
			}
			var kinds []string
			for _, f := range found {
				kinds = append(kinds, f.Kind)
				if err := f.Remove(t.Context(), m.Host); err != nil {
					t.Error(err)
				}
			}
			if got := strings.Join(kinds, ", "); got != c.kind {
				t.Errorf("found %q, want %q", got, c.kind)
			}
			left := c.left
			if c.kind == "" {
				left = c.content
			}
			content, err := os.ReadFile(filepath.Join(m.Dir, c.path))
			switch {
			case left == "gone" && !errors.Is(err, fs.ErrNotExist):
				t.Errorf("%s is still there: %v", c.path, err)
			case left != "gone" && (err != nil || string(content) != left):
				t.Errorf("%s has %q (%v), want %q", c.path, content, err, left)
			}
			if again, err := Find(m.Host); err != nil || len(again) > 0 {
				t.Errorf("what was removed is found again: %v, %v", again, err)
			}
		})
	}
}

func TestTheServiceThatWouldWriteARandomSeedIsStopped(t *testing.T) {
	t.Parallel()
	m := hosttest.New(t)
	m.Put(t, "/run/systemd/system/x", "")
	m.Put(t, "/var/lib/systemd/random-seed", "seed")
	found, err := Find(m.Host)
	if err != nil || len(found) != 1 {
		t.Fatalf("found %v: %v", found, err)
	}
	m.Answer("systemctl", host.Result{}, errors.New("no bus"))
	if err := found[0].Remove(t.Context(), m.Host); err == nil || !strings.Contains(err.Error(), "no bus") {
		t.Errorf("a service that cannot be stopped is not told of: %v", err)
	}
	if got := strings.Join(m.Lines(), "\n"); got != "systemctl stop systemd-random-seed.service" {
		t.Errorf("ran %q", got)
	}
	if m.Exists("/var/lib/systemd/random-seed") {
		t.Error("the seed is still there")
	}
}
