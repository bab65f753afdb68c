package media

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// fat32Volume returns a volume of FAT32 with clusters of a sector, of which the root directory has
// chain: its label is in the last of them, behind entries of files in the others.
func fat32Volume(label string, chain ...uint32) []byte {
	const sector, reserved, perFAT = 512, 32, 8
	b := make([]byte, sector*(reserved+perFAT+200))
	b[0] = 0xeb
	binary.LittleEndian.PutUint16(b[11:], sector)
	b[13] = 1
	binary.LittleEndian.PutUint16(b[14:], reserved)
	b[16] = 1    // allocation tables
	b[21] = 0xf8 // the medium
	binary.LittleEndian.PutUint32(b[32:], uint32(len(b)/sector))
	binary.LittleEndian.PutUint32(b[36:], perFAT)
	binary.LittleEndian.PutUint32(b[44:], chain[0])
	b[510], b[511] = 0x55, 0xaa
	for i, cluster := range chain {
		next := uint32(0x0fffffff)
		if i+1 < len(chain) {
			next = chain[i+1]
		}
		binary.LittleEndian.PutUint32(b[reserved*sector+4*cluster:], next|0xf0000000) // the upper bits are not of the number
		directory := b[sector*(reserved+perFAT+int(cluster)-2):][:sector]
		for at := 0; at < sector; at += 32 {
			copy(directory[at:], "FILE    TXT ")
		}
		if i == len(chain)-1 {
			copy(directory[32:], label)
			directory[32+11] = 0x08
		}
	}
	return b
}

func TestALabelIsFoundInAnyClusterOfTheRootDirectory(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		volume []byte
		want   string
	}{
		"in the first":                    {fat32Volume("CIDATA     ", 2), "CIDATA"},
		"in the second":                   {fat32Volume("CIDATA     ", 2, 3), "CIDATA"},
		"in one that is before the first": {fat32Volume("CIDATA     ", 9, 5, 7), "CIDATA"},
		"on a volume that ends before it": {fat32Volume("CIDATA     ", 2, 3)[:512*40], ""},
	} {
		sb, err := Probe(bytes.NewReader(test.volume), 0)
		if err != nil || sb.Filesystem != VFAT || sb.Label != test.want {
			t.Errorf("%s: it is %+v, with the label %q wanted; %v", name, sb, test.want, err)
		}
	}
}
