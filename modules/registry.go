package modules

// All are the modules of this version, in the order in which a boot of the RHEL
// family runs them. The order is behaviour: files before users, users before their
// keys, packages before the user's scripts.
func All() []Module {
	return []Module{
		seedRandom,
		bootcmd,
		writeFiles,
		growpart,
		resizefs,
		diskSetup,
		mounts,
		setHostname,
		updateHostname,
		updateEtcHosts,
		caCerts,
		rsyslog,
		resolvConf,
		usersGroups,
		sshModule,
		setPasswords,

		wireguard,
		keyboard,
		sshImportID,
		locale,
		rhSubscription,
		spacewalk,
		yumAddRepo,
		ntp,
		timezone,
		disableEC2Metadata,
		runcmd,

		packageUpdateUpgradeInstall,
		writeFilesDeferred,
		puppet,
		chef,
		ansible,
		mcollective,
		saltMinion,
		resetRMC,
		scriptsVendor,
		scriptsPerOnce,
		scriptsPerBoot,
		scriptsPerInstance,
		scriptsUser,
		sshAuthKeyFingerprints,
		keysToConsole,
		installHotplug,
		phoneHomeModule,
		finalMessage,
		powerStateChange,
	}
}

// Stage is the list of cloud.cfg that has a module.
type Stage string

// The stages that run modules, by the keys of cloud.cfg.
const (
	InitStage   Stage = "cloud_init_modules"
	ConfigStage Stage = "cloud_config_modules"
	FinalStage  Stage = "cloud_final_modules"
)

// DefaultNames returns the names of a stage's modules, in order, without those that are off
// by default. They are what runs where the configuration has no list for the stage.
func DefaultNames(stage Stage) []string {
	var names []string
	for _, m := range All() {
		if m.Stage == stage && !m.OffByDefault {
			names = append(names, m.Name)
		}
	}
	return names
}
