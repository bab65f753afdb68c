package modules

// All are the modules of this version, in the order in which a boot of the RHEL
// family runs them. The order is behaviour: files before users, users before their
// keys, packages before the user's scripts.
func All() []Module {
	return []Module{
		bootcmd,
		writeFiles,
		setHostname,
		updateHostname,
		usersGroups,
		sshModule,
		setPasswords,

		timezone,
		runcmd,

		writeFilesDeferred,
		scriptsVendor,
		scriptsPerOnce,
		scriptsPerBoot,
		scriptsPerInstance,
		scriptsUser,
		installHotplug,
		finalMessage,
	}
}

// DefaultStages are the names of the modules of each stage, in order, by the key of
// cloud.cfg that would list them. They are what runs where it has no such key.
var DefaultStages = map[string][]string{
	"cloud_init_modules": {
		"bootcmd", "write_files", "set_hostname", "update_hostname", "users_groups", "ssh", "set_passwords",
	},
	"cloud_config_modules": {"timezone", "runcmd"},
	"cloud_final_modules": {
		"write_files_deferred", "scripts_vendor", "scripts_per_once", "scripts_per_boot",
		"scripts_per_instance", "scripts_user", "install_hotplug", "final_message",
	},
}
