package vm

import "fmt"

// Bus is how a medium is attached.
type Bus string

// The buses. IDE and SCSI are CD-ROM drives, /dev/sr0 and so on in the order in which
// their drivers find them; the others are disks: /dev/vdb, /dev/nvme0n1, /dev/fd0.
const (
	IDE    Bus = "ide"
	SCSI   Bus = "scsi"
	Virtio Bus = "virtio"
	NVMe   Bus = "nvme"
	Floppy Bus = "floppy"
)

// devices are QEMU's, by bus.
var devices = map[Bus]string{IDE: "ide-cd", SCSI: "scsi-cd", Virtio: "virtio-blk-pci", NVMe: "nvme,serial=seed"}

// Drive is a drive with a medium in it.
type Drive struct {
	Image    string // "": there is none in it
	Bus      Bus
	Writable bool
}

// drives are the seed's, if there is one, and those beside it.
func (o Options) drives() []Drive {
	if o.Medium == "" {
		return o.Beside
	}
	bus := o.Bus
	if bus == "" {
		bus = IDE
	}
	return append([]Drive{{Image: o.Medium, Bus: bus}}, o.Beside...)
}

// driveArguments are QEMU's.
func driveArguments(o Options) []string {
	var args []string
	scsi := o.Plug != nil
	for i, d := range o.drives() {
		id := "seed"
		if i > 0 || o.Medium == "" {
			id = fmt.Sprintf("beside%d", i)
		}
		scsi = scsi || d.Bus == SCSI
		if d.Image == "" {
			args = append(args, emptyDrive(d.Bus)...)
			continue
		}
		as := "none"
		if d.Bus == Floppy {
			as = "floppy" // the old way, by which QEMU makes the controller too
		}
		readonly := ",readonly=on"
		if d.Writable {
			readonly = ""
		}
		args = append(args, "-drive", "file="+d.Image+",if="+as+",id="+id+",format=raw"+readonly)
		if d.Bus == Floppy || id == "seed" && o.Plug != nil {
			continue // it is attached, or Start plugs it in
		}
		args = append(args, "-device", devices[d.Bus]+",drive="+id)
	}
	if scsi {
		args = append([]string{"-device", "virtio-scsi-pci,id=scsi0"}, args...)
	}
	return args
}

// emptyDrive are QEMU's arguments for a drive for removable media that has none.
func emptyDrive(bus Bus) []string {
	if bus == Floppy {
		return []string{"-drive", "if=floppy"}
	}
	return []string{"-device", devices[bus]}
}
