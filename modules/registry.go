package modules

// All are the modules.
func All() []Module {
	return []Module{usersGroups, sshModule, setPasswords}
}
