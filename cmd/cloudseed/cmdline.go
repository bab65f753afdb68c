package main

import (
	"os"
	"strings"

	"cloudseed/state"
)

// kernelCommandLine is how the kernel was started. In a container it is the command line of the
// container's first process, as cloud-init takes it, and what whoever started the container has put
// into the variable KERNEL_CMDLINE in place of one.
func kernelCommandLine() string {
	if _, err := os.Stat("/run/systemd/container"); err != nil {
		return words(readAll("/proc/cmdline"))
	}
	given, found := os.LookupEnv(state.CmdlineVariable)
	for variable := range strings.SplitSeq(readAll("/proc/1/environ"), "\x00") { // root's to read
		if value, ok := strings.CutPrefix(variable, state.CmdlineVariable+"="); ok && !found {
			given, found = value, true
		}
	}
	return containerCommandLine(words(readAll("/proc/1/cmdline")), given)
}

// containerCommandLine joins the two. The word that switches the agent off is marked as one of the
// variable: the status says by what it was.
func containerCommandLine(first, given string) string {
	for word := range strings.FieldsSeq(given) {
		if word == state.DisabledWord {
			word = state.CmdlineVariable + "=" + word
		}
		first += " " + word
	}
	return strings.TrimSpace(first)
}

func readAll(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return "" // it is not for this user, or there is none
	}
	return string(data)
}

func words(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(text, "\x00", " "))
}
