package media

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Filesystem is a filesystem's name as blkid and mount write it.
type Filesystem string

// The filesystems a seed may be on. Every other content is Unknown.
const (
	Unknown Filesystem = ""
	ISO9660 Filesystem = "iso9660"
	VFAT    Filesystem = "vfat"
	UDF     Filesystem = "udf"
)

// Superblock is what a volume says of itself in its first sectors.
type Superblock struct {
	Filesystem Filesystem
	// Label is what blkid calls LABEL: of ISO 9660 the primary descriptor's,
	// of FAT the root directory's, of UDF the logical volume's.
	Label string
	// BootLabel is the label in a FAT boot sector (blkid: LABEL_FATBOOT).
	BootLabel string
	// JolietLabel is the label in the Joliet descriptor of an ISO 9660 volume;
	// unlike the primary one it may by the standard hold lower case.
	JolietLabel string
}

// Labels returns the distinct labels of the volume, Label first.
func (s Superblock) Labels() []string {
	var labels []string
	for _, l := range []string{s.Label, s.BootLabel, s.JolietLabel} {
		if l != "" && !slices.Contains(labels, l) {
			labels = append(labels, l)
		}
	}
	return labels
}

// Probe tells the filesystem and label of the volume r of size bytes. What it
// does not know is Unknown and no error; an error is a failed read.
//
// A FAT boot sector wins over volume descriptors: making a small FAT volume on
// a disk that held an ISO image leaves the old descriptors in the data area,
// while an ISO image that can be booted as a disk has a partition table in its
// first sector and no FAT parameters.
func Probe(r io.ReaderAt, size int64) (Superblock, error) {
	head, err := readUpTo(r, 0, fatBootSectorSize)
	if err != nil {
		return Superblock{}, fmt.Errorf("cannot read the boot sector: %w", err)
	}
	if g, ok := parseFAT(head, size); ok {
		return probeFAT(r, g)
	}
	if size != 0 && size <= isoDescriptorStart {
		return Superblock{}, nil
	}
	descriptors, err := readUpTo(r, isoDescriptorStart, isoDescriptorSize*maxDescriptors)
	if err != nil {
		return Superblock{}, fmt.Errorf("cannot read the volume descriptors: %w", err)
	}
	v := parseDescriptors(descriptors)
	switch {
	case v.primary != nil:
		return v.superblock(), nil
	case v.udf:
		label, err := udfLabel(r)
		if err != nil {
			return Superblock{}, err
		}
		return Superblock{Filesystem: UDF, Label: label}, nil
	}
	return Superblock{}, nil
}

// readUpTo reads n bytes at off; at the volume's end it returns what there is.
func readUpTo(r io.ReaderAt, off int64, n int) ([]byte, error) {
	b := make([]byte, n)
	got, err := r.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:got], nil
}

// IsPartitioned tells a disk that is divided into partitions: its first sector ends with
// the signature of a partition table, and one of the table's four entries is in use. A
// GPT has such a table too, for those who know no other (UEFI specification 5.2.3).
func IsPartitioned(r io.ReaderAt) bool {
	sector, err := readUpTo(r, 0, 512)
	if err != nil || len(sector) < 512 || sector[510] != 0x55 || sector[511] != 0xaa {
		return false
	}
	for i := range 4 {
		if kind := sector[446+16*i+4]; kind != 0 {
			return true
		}
	}
	return false
}
