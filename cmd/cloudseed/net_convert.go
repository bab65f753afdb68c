package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/host"
	"cloudseed/network"
	"cloudseed/network/convert"
	"cloudseed/network/render"
	"cloudseed/network/render/netplan"
	"cloudseed/printable"

	"github.com/spf13/cobra"
)

// netConvert is the command's line, with cloud-init's options.
type netConvert struct {
	file, kind, directory, distro, output string
	macs                                  []string
	debug                                 bool
}

// netConvertCommand converts a network configuration into files below a directory:
//
//	Read input format 'yaml' from 'network-config'.
//	Wrote output format 'network-manager' to 'out/'
//
// It prints what cloud-init prints, also on standard error, with the problems before it.
// Its exit code is 1 when some of the input could not be used.
func netConvertCommand() *cobra.Command {
	var n netConvert
	cmd := &cobra.Command{
		Use:   "net-convert -p FILE -k KIND -d DIRECTORY -D DISTRO -O OUTPUT",
		Short: "Convert a network configuration into the files of a network service",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			nics, err := n.check()
			if err != nil {
				return usageError{err, cmd.CommandPath()}
			}
			return n.run(nics, cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVarP(&n.file, "network-data", "p", "", "the network configuration to read, a `file`")
	f.StringVarP(&n.kind, "kind", "k", "", "what it is written in: "+strings.Join(convert.Kinds(), ", "))
	f.StringVarP(&n.directory, "directory", "d", "", "the `directory` to write into")
	f.StringVarP(&n.distro, "distro", "D", "", "the `name` of the distribution to write for: rhel, centos, fedora, …")
	f.StringArrayVarP(&n.macs, "mac", "m", nil, "an interface of the machine, as `name,mac`; without any those of this one")
	f.StringVarP(&n.output, "output-kind", "O", "", "whom to write for: "+strings.Join(convert.Outputs(), ", "))
	f.BoolVar(&n.debug, "debug", false, "show what was understood, as version 2, on standard error")
	return cmd
}

// The kinds and outputs of cloud-init that this agent does not have: there is nothing
// wrong with the command line that names them.
var (
	otherKinds   = []string{"azure-imds", "vmware-imc"}
	otherOutputs = []string{"eni", "netplan"}
)

// distros are cloud-init's names of distributions.
func distros() []string {
	return append(ifcfgDistros(), strings.Fields("alpine aosc arch debian ubuntu raspberry-pi-os freebsd dragonfly gentoo cos netbsd openbsd"+
		" azurelinux mariner photon opensuse opensuse-leap opensuse-microos opensuse-tumbleweed sle_hpc sle-micro sles suse")...)
}

// ifcfgDistros are those with ifcfg files as RHEL has them.
func ifcfgDistros() []string {
	return strings.Fields("almalinux amazon centos cloudlinux eurolinux fedora miraclelinux openmandriva rhel rocky virtuozzo" +
		" openeuler OpenCloudOS TencentOS")
}

// check refuses a command line that cannot be understood, and gives the interfaces that
// it names.
func (n *netConvert) check() ([]network.NIC, error) {
	var missing []string
	for _, flag := range []struct{ name, value string }{
		{"-p/--network-data", n.file}, {"-k/--kind", n.kind}, {"-d/--directory", n.directory}, {"-D/--distro", n.distro}, {"-O/--output-kind", n.output},
	} {
		if flag.value == "" {
			missing = append(missing, flag.name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("the following arguments are required: %s", strings.Join(missing, ", "))
	}
	for _, choice := range []struct {
		name, value string
		choices     []string
	}{
		{"-k/--kind", n.kind, slices.Concat(convert.Kinds(), otherKinds)},
		{"-D/--distro", n.distro, distros()},
		{"-O/--output-kind", n.output, slices.Concat(convert.Outputs(), otherOutputs)},
	} {
		if !slices.Contains(choice.choices, choice.value) {
			return nil, fmt.Errorf("argument %s: invalid choice: '%s' (choose from '%s')", choice.name, choice.value, strings.Join(choice.choices, "', '"))
		}
	}
	var nics []network.NIC
	for _, pair := range n.macs {
		name, mac, ok := strings.Cut(pair, ",")
		if !ok || name == "" || mac == "" {
			return nil, fmt.Errorf("argument -m/--mac: expected a name and a MAC address, as in eth0,52:54:00:12:34:56, got %q", pair)
		}
		nics = append(nics, network.NIC{Name: name, MAC: strings.ToLower(mac)})
	}
	return nics, nil
}

func (n *netConvert) run(nics []network.NIC, stderr io.Writer) error {
	switch {
	case slices.Contains(otherKinds, n.kind):
		return fmt.Errorf("cannot read %s: the kind %s is not read by this agent", n.file, n.kind)
	case slices.Contains(otherOutputs, n.output):
		return fmt.Errorf("cannot write for %s: its files are not written by this agent", n.output)
	case n.output == render.Sysconfig && !slices.Contains(ifcfgDistros(), n.distro):
		return fmt.Errorf("cannot write ifcfg files for %s: they are written as the RHEL family has them", n.distro)
	}
	data, err := os.ReadFile(n.file)
	if err != nil {
		return fmt.Errorf("cannot read the network configuration: %w", err)
	}
	if nics == nil {
		if nics, err = network.Interfaces("/sys"); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(n.directory, 0o755); err != nil {
		return fmt.Errorf("cannot make %s: %w", n.directory, err)
	}
	h := host.New(n.directory, n.options())
	files, broken, err := n.convert(convert.Input{Name: n.file, Kind: n.kind, Text: data, NICs: nics, Files: host.New("/", host.Options{}), Existing: existing(h)}, stderr)
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, err := h.WriteFile(f.Path, f.Content, host.File{Mode: f.Mode}); err != nil {
			return err
		}
	}
	printable.Fprintf(stderr, "Read input format '%s' from '%s'.\nWrote output format '%s' to '%s/'\n\n", n.kind, n.file, n.output, strings.TrimRight(n.directory, "/"))
	if broken {
		return exitCode(exitError)
	}
	return nil
}

// options of the directory's host: what a non-root user writes is that user's.
func (n *netConvert) options() host.Options {
	if os.Geteuid() == 0 {
		return host.Options{}
	}
	return host.Options{Chown: func(string, int, int) error { return nil }}
}

// convert gives the files, and tells whether some of the input could not be used.
func (n *netConvert) convert(in convert.Input, stderr io.Writer) (files []network.File, broken bool, err error) {
	if n.debug {
		c, _, err := convert.Parse(in)
		if err != nil {
			return nil, false, err
		}
		printable.Fprintf(stderr, "Internal State\n%s\n", netplan.Write(c))
	}
	files, problems, err := convert.Files(in, n.output)
	for _, p := range problems {
		printable.Fprintf(stderr, "%s: %s\n", p.Severity, p.Error())
		broken = broken || p.Severity == config.Error
	}
	return files, broken, err
}

// existing reads the files that are there already: resolv.conf and others keep what is
// not of this agent. Why one cannot be read, writing it will say.
func existing(h *host.Host) func(path string) []byte {
	return func(path string) []byte {
		data, err := h.ReadFile(path)
		if err != nil {
			return nil
		}
		return data
	}
}
