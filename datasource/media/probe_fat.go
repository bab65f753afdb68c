package media

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"strings"
)

const (
	fatBootSectorSize = 512
	// fatLabelBytes bounds the search for the label entry in the root
	// directory: formatting tools write it first.
	fatLabelBytes = 64 << 10

	fatEntrySize      = 32
	fatAttrVolume     = 0x08
	fatAttrDirectory  = 0x10
	fatNoName         = "NO NAME"
	fatFirstCluster   = 2
	fat32ClusterMask  = 0x0fffffff
	fat12MaxClusters  = 4084
	fatMaxSectorBytes = 4096
)

// fatGeometry is a FAT BIOS parameter block (Microsoft's "FAT: General
// Overview of On-Disk Format", 1.03), checked and computed out.
type fatGeometry struct {
	bits         int
	clusterSize  int64
	fatStart     int64
	fats         int
	rootStart    int64 // FAT12 and FAT16: the fixed root directory
	rootSize     int64
	rootCluster  uint32 // FAT32
	dataStart    int64
	clusters     int64
	bootLabel    string
	extended     bool // has the extended parameter block that holds the label
	bootSigned   bool // ends in 55 AA
	fat32Version uint16
}

// parseFAT reads the boot sector b of a volume of size bytes (0: not known).
// It is strict, for any disk's first sector comes here.
func parseFAT(b []byte, size int64) (fatGeometry, bool) {
	if len(b) < fatBootSectorSize {
		return fatGeometry{}, false
	}
	u16 := func(off int) int64 { return int64(binary.LittleEndian.Uint16(b[off:])) }
	u32 := func(off int) int64 { return int64(binary.LittleEndian.Uint32(b[off:])) }
	sectorSize, perCluster, reserved := u16(11), int64(b[13]), u16(14)
	fats, rootEntries, media := int64(b[16]), u16(17), b[21]
	total, perFAT := u16(19), u16(22)
	fat32 := perFAT == 0
	if total == 0 {
		total = u32(32)
	}
	if fat32 {
		perFAT = u32(36)
	}
	switch {
	case b[0] != 0xeb && b[0] != 0xe9,
		sectorSize < 512 || sectorSize > fatMaxSectorBytes || bits.OnesCount16(uint16(sectorSize)) != 1,
		perCluster == 0 || bits.OnesCount8(uint8(perCluster)) != 1,
		reserved == 0, fats == 0, perFAT == 0, total == 0,
		media != 0xf0 && media < 0xf8,
		fat32 != (rootEntries == 0):
		return fatGeometry{}, false
	}
	g := fatGeometry{
		clusterSize: sectorSize * perCluster,
		fatStart:    reserved * sectorSize,
		fats:        int(fats),
		bootSigned:  b[510] == 0x55 && b[511] == 0xaa,
	}
	rootSectors := (rootEntries*fatEntrySize + sectorSize - 1) / sectorSize
	g.rootStart = (reserved + fats*perFAT) * sectorSize
	g.rootSize = rootEntries * fatEntrySize
	g.dataStart = g.rootStart + rootSectors*sectorSize
	data := total - reserved - fats*perFAT - rootSectors
	if data <= 0 || (size > 0 && g.dataStart >= size) {
		return fatGeometry{}, false
	}
	g.clusters = data / perCluster
	g.setBits(fat32)
	// The extended block and with it the label follow the fields of DOS 3.31.
	extended := 38
	if fat32 {
		extended = 66
		g.rootCluster = binary.LittleEndian.Uint32(b[44:])
		g.fat32Version = binary.LittleEndian.Uint16(b[42:])
	}
	g.extended = b[extended] == 0x28 || b[extended] == 0x29
	if b[extended] == 0x29 {
		g.bootLabel = fatLabel(b[extended+5 : extended+16])
	}
	typed := strings.HasPrefix(string(b[extended+16:]), "FAT")
	return g, g.clusters > 0 && (g.bootSigned || typed)
}

// setBits tells the FAT's width by the number of clusters, as the
// specification demands; a parameter block in FAT32's form is FAT32 with any
// number, as Linux has it, for mkfs.vfat -F 32 makes small ones.
func (g *fatGeometry) setBits(fat32 bool) {
	switch {
	case fat32:
		g.bits = 32
	case g.clusters <= fat12MaxClusters:
		g.bits = 12
	default:
		g.bits = 16
	}
}

func probeFAT(r io.ReaderAt, g fatGeometry) (Superblock, error) {
	sb := Superblock{Filesystem: VFAT, BootLabel: g.bootLabel}
	var err error
	if g.bits == 32 {
		sb.Label, err = g.fat32RootLabel(r)
	} else {
		var root []byte
		root, err = readUpTo(r, g.rootStart, int(min(g.rootSize, fatLabelBytes)))
		sb.Label, _ = fatRootLabel(root)
	}
	if err != nil {
		return Superblock{}, fmt.Errorf("cannot read the root directory: %w", err)
	}
	return sb, nil
}

// fat32RootLabel follows the root directory's clusters until the label, the
// end or fatLabelBytes.
func (g fatGeometry) fat32RootLabel(r io.ReaderAt) (string, error) {
	cluster := g.rootCluster & fat32ClusterMask
	for done := int64(0); done < fatLabelBytes; done += g.clusterSize {
		if cluster < fatFirstCluster || int64(cluster) >= g.clusters+fatFirstCluster {
			return "", nil
		}
		off := g.dataStart + int64(cluster-fatFirstCluster)*g.clusterSize
		b, err := readUpTo(r, off, int(min(g.clusterSize, fatLabelBytes)))
		if err != nil {
			return "", err
		}
		if label, end := fatRootLabel(b); label != "" || end {
			return label, nil
		}
		next, err := readUpTo(r, g.fatStart+int64(cluster)*4, 4)
		if err != nil || len(next) < 4 {
			return "", err
		}
		cluster = binary.LittleEndian.Uint32(next) & fat32ClusterMask
	}
	return "", nil
}

// fatRootLabel looks for the volume label entry; end tells that the directory
// ends in b.
func fatRootLabel(b []byte) (label string, end bool) {
	for ; len(b) >= fatEntrySize; b = b[fatEntrySize:] {
		attr := b[11]
		switch {
		case b[0] == 0:
			return "", true
		case b[0] == 0xe5: // deleted
		case attr&0x3f == 0x0f: // a piece of a long name
		case attr&(fatAttrVolume|fatAttrDirectory) == fatAttrVolume:
			return fatLabel(b[:11]), true
		}
	}
	return "", false
}

// fatLabel takes off the padding; "NO NAME" stands for no label.
func fatLabel(b []byte) string {
	s := trimLabel(string(b))
	if s == fatNoName {
		return ""
	}
	return s
}
