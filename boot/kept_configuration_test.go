package boot_test

import (
	"fmt"
	"strings"
	"testing"

	"cloudseed/boot"
	"cloudseed/guest/sshd"
	"cloudseed/test/seed"
)

// keptConfiguration is /etc/cloud/cloud.cfg as an administrator's changed copy of that of EL8's and EL9's
// cloud-init is when rpm keeps it: their keys and modules, by the spellings that they have there.
func keptConfiguration(types string, initModules, configModules, finalModules string) string {
	return fmt.Sprintf(`users: [default]
disable_root: true
ssh_pwauth: false
mount_default_fields: [~, ~, auto, 'defaults,nofail,x-systemd.requires=cloud-init.service', '0', '2']
resize_rootfs_tmp: /dev
ssh_deletekeys: true
ssh_genkeytypes: %s
syslog_fix_perms: ~
disable_vmware_customization: false
cloud_init_modules: [%s]
cloud_config_modules: [%s]
cloud_final_modules: [%s]
system_info:
  distro: rhel
  default_user: {name: cloud-user, lock_passwd: true, gecos: Cloud User, groups: [adm, systemd-journal], sudo: ['ALL=(ALL) NOPASSWD:ALL'], shell: /bin/bash}
  paths: {cloud_dir: /var/lib/cloud, templates_dir: /etc/cloud/templates}
  ssh_svcname: sshd
`, types, initModules, configModules, finalModules)
}

// A package that replaces cloud-init's leaves a cloud.cfg that was changed where it is.
func TestTheConfigurationOfCloudInitsPackageIsKept(t *testing.T) {
	t.Parallel()
	for name, kept := range map[string]string{
		"EL8": keptConfiguration("~",
			"disk_setup, migrator, bootcmd, write-files, growpart, resizefs, set_hostname, update_hostname, update_etc_hosts, rsyslog, users-groups, ssh",
			"mounts, locale, set-passwords, rh_subscription, yum-add-repo, package-update-upgrade-install, timezone, puppet, chef, salt-minion, mcollective, disable-ec2-metadata, runcmd",
			"rightscale_userdata, scripts-per-once, scripts-per-boot, scripts-per-instance, scripts-user, ssh-authkey-fingerprints, keys-to-console, phone-home, final-message, power-state-change"),
		"EL9": keptConfiguration("~",
			"migrator, seed_random, bootcmd, write_files, growpart, resizefs, disk_setup, mounts, set_hostname, update_hostname, update_etc_hosts, ca_certs, rsyslog, users_groups, ssh",
			"ssh_import_id, locale, set_passwords, rh_subscription, spacewalk, yum_add_repo, ntp, timezone, disable_ec2_metadata, runcmd",
			"package_update_upgrade_install, write_files_deferred, puppet, chef, ansible, mcollective, salt_minion, reset_rmc, rightscale_userdata, scripts_vendor, scripts_per_once, scripts_per_boot, "+
				"scripts_per_instance, scripts_user, ssh_authkey_fingerprints, keys_to_console, install_hotplug, phone_home, final_message, power_state_change"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t, seed.NoCloud("i-1", "#cloud-config\nhostname: web1\nruncmd: [a]\nwrite_files: [{path: /etc/written, content: x}]\n"))
			g.Put(t, "/etc/cloud/cloud.cfg", kept)
			g.Put(t, sshd.HostKeyPath("rsa"), "the image's")
			r := g.boot(t)
			if want := "cloud.cfg:9:31: disable_vmware_customization: it has no effect"; !strings.Contains(g.Text(t, "/var/lib/cloud/data/status.json"), want) {
				t.Errorf("the status does not say %q", want)
			}
			if len(r.Errors) > 0 || len(r.Warnings) > 0 {
				t.Errorf("errors %q, warnings %q", r.Errors, r.Warnings)
			}
			for _, module := range []string{"write_files", "users_groups", "ssh", "runcmd", "scripts_user", "final_message"} {
				if got := results(r)[module]; got != boot.ResultOK {
					t.Errorf("%s: %s", module, got)
				}
			}
			for _, module := range []string{"migrator", "rightscale_userdata"} {
				if got := results(r)[module]; got != boot.ResultNoConfig {
					t.Errorf("%s, which does nothing on this family: %s", module, got)
				}
			}
			if g.Text(t, "/etc/hostname") != "web1\n" || g.Text(t, "/etc/written") != "x" {
				t.Error("the seed was not applied")
			}
			if got := g.Text(t, sshd.HostKeyPath("rsa")); got == "the image's" {
				t.Error("the guest has the image's host key")
			}
		})
	}
}
