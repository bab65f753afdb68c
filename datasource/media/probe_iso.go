package media

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// Volume descriptors: ECMA-119 section 8 and, for the sequence they share with
// UDF, ECMA-167 part 2. Real volumes have at most seven (primary, boot,
// Joliet, terminator, BEA01, NSR0x, TEA01).
const (
	isoDescriptorStart = 32 << 10
	isoDescriptorSize  = 2 << 10
	isoSectorSize      = 2 << 10
	maxDescriptors     = 16

	descriptorPrimary       = 1
	descriptorSupplementary = 2
	descriptorTerminator    = 255
)

// descriptors are the ones of a volume that matter, each a whole sector or nil.
type descriptors struct {
	primary []byte
	joliet  []byte
	udf     bool
}

// parseDescriptors sorts the sectors from isoDescriptorStart on.
func parseDescriptors(b []byte) descriptors {
	var d descriptors
	terminated := false
	for ; len(b) >= isoDescriptorSize; b = b[isoDescriptorSize:] {
		s := b[:isoDescriptorSize]
		switch id := string(s[1:6]); {
		case id == "NSR02" || id == "NSR03":
			d.udf = true
		case id != "CD001" || terminated:
		case s[0] == descriptorPrimary && s[6] == 1 && d.primary == nil:
			d.primary = s
		case s[0] == descriptorSupplementary && isJoliet(s) && d.joliet == nil:
			d.joliet = s
		case s[0] == descriptorTerminator:
			terminated = true
		}
	}
	return d
}

// isJoliet looks for one of the three UCS-2 escape sequences of Joliet.
func isJoliet(svd []byte) bool {
	e := string(svd[88:91])
	return e == "%/@" || e == "%/C" || e == "%/E"
}

func (d descriptors) superblock() Superblock {
	sb := Superblock{Filesystem: ISO9660, Label: trimLabel(string(d.primary[40:72]))}
	if d.joliet != nil {
		sb.JolietLabel = trimLabel(ucs2(d.joliet[40:72]))
	}
	return sb
}

// trimLabel takes off the padding: blanks by ECMA-119 8.4.7, zero bytes by
// writers that did not read it.
func trimLabel(s string) string {
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	return strings.ToValidUTF8(strings.TrimRight(s, " "), "\uFFFD")
}

// ucs2 decodes big-endian UTF-16; a last odd byte is skipped.
func ucs2(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
}
