package main

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// shown are the lines of the demo that the picture has, by how they begin: those that are
// the same on every machine that has what the demo wants.
var shown = []string{
	"init-local", "  set_hostname         ok", "  users_groups         ok", "  ssh                  ok", "  set_passwords        ok",
	"modules-config", "  runcmd               ok", "modules-final", "  scripts_user         ok", "  final_message        ok",
	"ovirt.iso is a", "Changes to the guest",
	"  added    0600 /etc/NetworkManager/system-connections/", "  added    0600 /etc/ssh/ssh_host_ed25519_key\n", "  added    0600 /root/.ssh/authorized_keys",
	"done, in ",
}

// picture is a drawing of a terminal with the demo's output in it.
func picture(output string) string {
	lines := []string{"$ sudo cloudseed try ovirt.iso"}
	for _, line := range strings.Split(output, "\n") {
		for _, beginning := range shown {
			if strings.HasPrefix(line+"\n", beginning) {
				if beginning == "Changes to the guest" || strings.HasSuffix(beginning, "is a") || strings.HasPrefix(beginning, "done") {
					lines = append(lines, "")
				}
				lines = append(lines, line)
			}
		}
	}
	const width, left, height = 104, 16, 18
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="monospace" font-size="13">`+"\n", width*8+2*left, (len(wrapped(lines, width))+3)*height)
	b.WriteString(`<rect width="100%" height="100%" rx="8" fill="#1e1e2e"/>` + "\n")
	for i, colour := range []string{"#f38ba8", "#f9e2af", "#a6e3a1"} {
		fmt.Fprintf(&b, `<circle cx="%d" cy="16" r="6" fill="%s"/>`+"\n", left+6+20*i, colour)
	}
	for i, line := range wrapped(lines, width) {
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s" xml:space="preserve">`, left, (i+3)*height, colour(line))
		_ = xml.EscapeText(&b, []byte(line)) // a Builder takes everything
		b.WriteString("</text>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func colour(line string) string {
	switch {
	case strings.HasPrefix(line, "$"), strings.HasPrefix(line, "done"):
		return "#a6e3a1"
	case strings.HasPrefix(line, "  "):
		return "#cdd6f4"
	}
	return "#89b4fa"
}

// wrapped are the lines, the long ones in pieces that end with a word.
func wrapped(lines []string, width int) []string {
	var all []string
	for _, line := range lines {
		for len(line) > width {
			at := strings.LastIndex(line[:width], " ")
			if at <= 0 {
				at = width
			}
			all, line = append(all, line[:at]), strings.TrimPrefix(line[at:], " ")
		}
		all = append(all, line)
	}
	return all
}
