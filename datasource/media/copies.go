package media

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// maxCompared is how much of each FAT copy is compared with the first, in bytes.
const maxCompared = 64 << 10

// differingCopies names what a volume says twice and not the same. Readers use one of the
// two, and not all of them the same one, so two machines may see two seeds. What cannot be
// read is left to the reader itself.
func differingCopies(kind Filesystem, source *volumeReader) []string {
	switch kind {
	case VFAT:
		return differingFATs(source)
	case ISO9660:
		return differingByteOrders(source)
	}
	return nil
}

// differingFATs compares the copies of the FAT behind their first two entries, which hold
// flags. FAT32 may keep one copy alone up to date (BPB_ExtFlags).
func differingFATs(source *volumeReader) []string {
	head, err := readUpTo(source, 0, fatBootSectorSize)
	if err != nil {
		return nil
	}
	g, ok := parseFAT(head, source.size)
	if !ok || g.fats < 2 || g.bits == 32 && head[40]&0x80 != 0 {
		return nil
	}
	size := (g.rootStart - g.fatStart) / int64(g.fats)
	first := make([]byte, min(size, maxCompared))
	if _, err := source.ReadAt(first, g.fatStart); err != nil {
		return nil
	}
	flags := 2 * g.bits / 8
	other := make([]byte, len(first))
	for i := 1; i < g.fats; i++ {
		if _, err := source.ReadAt(other, g.fatStart+int64(i)*size); err != nil {
			return nil
		}
		if !bytes.Equal(first[flags:], other[flags:]) {
			return []string{fmt.Sprintf("copy %d of the file allocation table differs from the first, which is used", i+1)}
		}
	}
	return nil
}

// differingByteOrders compares the numbers that ISO 9660 writes in both byte orders
// (ECMA-119 7.2.3 and 7.3.3): in the descriptors and in the root directories.
func differingByteOrders(source *volumeReader) []string {
	sectors, err := readUpTo(source, isoDescriptorStart, int(max(0, min(source.size-isoDescriptorStart, isoDescriptorSize*maxDescriptors))))
	if err != nil {
		return nil
	}
	d := parseDescriptors(sectors)
	var notes []string
	const differ = "the %s volume descriptor's two byte orders differ in %s; the little-endian one is used"
	for _, tree := range []struct {
		name       string
		descriptor []byte
	}{{"primary", d.primary}, {"Joliet", d.joliet}} {
		name, descriptor := tree.name, tree.descriptor
		if descriptor == nil {
			continue
		}
		switch root := descriptor[156:190]; {
		case !sameOrders(descriptor[80:88]):
			notes = append(notes, fmt.Sprintf(differ, name, "the volume's size"))
		case !sameOrders(descriptor[128:132]):
			notes = append(notes, fmt.Sprintf(differ, name, "the block size"))
		case !sameOrders(descriptor[132:140]):
			notes = append(notes, fmt.Sprintf(differ, name, "the path table's size"))
		case !sameRecord(root):
			notes = append(notes, fmt.Sprintf(differ, name, "the root directory"))
		default:
			if differing := differingRecord(source, root); differing != "" {
				notes = append(notes, fmt.Sprintf("the %s directory's two byte orders differ for %s; the little-endian one is used", name, differing))
			}
		}
	}
	return notes
}

// differingRecord returns the identifier of the first record of a directory's first sector
// whose byte orders differ.
func differingRecord(source *volumeReader, directory []byte) string {
	at, err := parseISORecord(directory)
	if err != nil || at.offset()+isoSectorSize > source.size {
		return ""
	}
	b, err := readUpTo(source, at.offset(), isoSectorSize)
	if err != nil {
		return ""
	}
	for len(b) > 0 && b[0] != 0 {
		record, err := parseISORecord(b)
		if err != nil {
			return ""
		}
		if !sameRecord(b) {
			return fmt.Sprintf("%q", record.id)
		}
		b = b[b[0]:]
	}
	return ""
}

// sameRecord reports whether the extent and size of a directory record are the same in both
// byte orders.
func sameRecord(b []byte) bool { return sameOrders(b[2:10]) && sameOrders(b[10:18]) }

// sameOrders reports whether b holds a number of 16 or 32 bits in little-endian order, and
// the same in big-endian order.
func sameOrders(b []byte) bool {
	if len(b) == 4 {
		return binary.LittleEndian.Uint16(b) == binary.BigEndian.Uint16(b[2:])
	}
	return binary.LittleEndian.Uint32(b) == binary.BigEndian.Uint32(b[4:])
}
