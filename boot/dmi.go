package boot

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"cloudseed/datasource"
	"cloudseed/host"
)

// dmi is a field of the machine's SMBIOS tables by dmidecode's name, "" when it has
// none. In a container they are the host's and say nothing of the guest.
func dmi(ctx context.Context, h *host.Host, log *slog.Logger, name string) string {
	field, known := datasource.DMIFields[name]
	if !known || !h.IsLive() || h.Exists("/run/systemd/container") {
		return ""
	}
	data, err := h.ReadFile("/sys/class/dmi/id/" + field)
	if err != nil {
		return dmidecode(ctx, h, log, name)
	}
	if strings.ReplaceAll(strings.TrimSpace(string(data)), "\xff", "") == "" {
		return "" // firmware that was never set up
	}
	return strings.TrimSpace(string(data))
}

// dmidecode asks the program of that name, where the kernel does not tell: it reads
// memory that is not safe to read on other architectures, as cloud-init knows.
func dmidecode(ctx context.Context, h *host.Host, log *slog.Logger, name string) string {
	if !slices.Contains([]string{"x86_64", "aarch64", "i386", "i586", "i686"}, h.Kernel().Machine) {
		return ""
	}
	program, err := h.LookPath("dmidecode")
	if err != nil {
		return ""
	}
	result, err := h.Run(ctx, host.Command{Argv: []string{program, "--string", name}, Quiet: true})
	if err != nil {
		log.Debug("cannot ask dmidecode: " + err.Error())
		return ""
	}
	text := strings.TrimSpace(result.Stdout)
	if strings.Trim(text, ".") == "" {
		return "" // how dmidecode prints bytes of all ones
	}
	return text
}
