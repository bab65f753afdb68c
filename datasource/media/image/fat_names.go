package image

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
)

// entrySize is the size of an entry of a directory.
const entrySize = 32

// entries are a directory's content: of one that is not the root, with "." and "..".
func (n *node) entries(parent uint16) []byte {
	var b []byte
	if n.name != "." {
		b = append(b, shortEntry(".          ", fatDirectory, n.cluster, 0)...)
		b = append(b, shortEntry("..         ", fatDirectory, parent, 0)...)
	}
	for i, child := range n.children {
		short := shortName(child.name, i+1)
		b = append(b, longEntries(child.name, short)...)
		kind := byte(fatArchive)
		if child.dir {
			kind = fatDirectory
		}
		b = append(b, shortEntry(short, kind, child.cluster, len(child.data))...)
	}
	return b
}

func volumeEntry(label string) []byte {
	return shortEntry(fmt.Sprintf("%-11s", label), fatVolume, 0, 0)
}

// shortEntry is an entry with a name of eight and three bytes.
func shortEntry(name string, kind byte, cluster uint16, size int) []byte {
	b := make([]byte, entrySize)
	copy(b, name)
	b[11] = kind
	for _, at := range []int{16, 18, 24} { // made, read, written
		binary.LittleEndian.PutUint16(b[at:], firstDay)
	}
	binary.LittleEndian.PutUint16(b[26:], cluster)
	binary.LittleEndian.PutUint32(b[28:], uint32(size))
	return b
}

// shortName is the name for those who know no long ones: META-D~1. The number makes it
// the only one in its directory.
func shortName(name string, number int) string {
	tail := fmt.Sprintf("~%d", number)
	base := strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, strings.ToUpper(name))
	return fmt.Sprintf("%-11s", base[:min(len(base), 8-len(tail))]+tail)
}

// longPlaces is where the 13 characters of a long name's entry are.
var longPlaces = []int{1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30}

// longEntries are the entries of a long name, its end first, before the short entry
// (FAT specification 7).
func longEntries(name, short string) []byte {
	var sum byte
	for i := range len(short) {
		sum = sum>>1 | sum<<7
		sum += short[i]
	}
	units := utf16.Encode([]rune(name))
	count := (len(units) + len(longPlaces) - 1) / len(longPlaces)
	b := make([]byte, count*entrySize)
	for i := range count {
		e := b[(count-1-i)*entrySize:][:entrySize]
		e[0] = byte(i + 1)
		if i == count-1 {
			e[0] |= 0x40 // the last of the name
		}
		e[11], e[13] = fatLongName, sum
		for j, at := range longPlaces {
			unit := uint16(0xffff)
			switch k := i*len(longPlaces) + j; {
			case k < len(units):
				unit = units[k]
			case k == len(units):
				unit = 0
			}
			binary.LittleEndian.PutUint16(e[at:], unit)
		}
	}
	return b
}
