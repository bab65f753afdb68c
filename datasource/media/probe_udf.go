package media

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// Descriptor tags of UDF: ECMA-167 part 3, 7.2.1.
const (
	udfTagPrimary       = 1
	udfTagAnchor        = 2
	udfTagLogicalVolume = 6
	udfTagTerminating   = 8
	udfAnchorSector     = 256
	udfMaxDescriptors   = 16
)

// udfLabel finds the logical volume's name, or the primary volume's if that is
// empty: the same choice as blkid's. UDF is not read any further here.
func udfLabel(r io.ReaderAt) (string, error) {
	for _, sector := range []int64{2048, 512, 4096, 1024} {
		anchor, err := readUpTo(r, udfAnchorSector*sector, 512)
		if err != nil {
			return "", fmt.Errorf("cannot read the UDF anchor: %w", err)
		}
		if udfTag(anchor) != udfTagAnchor || binary.LittleEndian.Uint32(anchor[12:]) != udfAnchorSector {
			continue
		}
		return udfSequenceLabel(r, int64(binary.LittleEndian.Uint32(anchor[20:]))*sector, sector)
	}
	return "", nil
}

func udfSequenceLabel(r io.ReaderAt, start, sector int64) (string, error) {
	var primary string
	for i := range int64(udfMaxDescriptors) {
		b, err := readUpTo(r, start+i*sector, 512)
		if err != nil {
			return "", fmt.Errorf("cannot read the UDF volume descriptors: %w", err)
		}
		switch udfTag(b) {
		case udfTagPrimary:
			primary = udfString(b[24:56])
		case udfTagLogicalVolume:
			if label := udfString(b[84:212]); label != "" {
				return label, nil
			}
		case 0, udfTagTerminating:
			return primary, nil
		}
	}
	return primary, nil
}

// udfTag returns the descriptor's tag, 0 when b is not a descriptor: the tag's
// fourth byte is the sum of its other fifteen.
func udfTag(b []byte) int {
	if len(b) < 512 {
		return 0
	}
	var sum byte
	for i, c := range b[:16] {
		if i != 4 {
			sum += c
		}
	}
	if sum != b[4] {
		return 0
	}
	return int(binary.LittleEndian.Uint16(b))
}

// udfString decodes a dstring (OSTA UDF 2.1.3): the first byte tells 8 or 16
// bits a character, the last byte of the field the length used.
func udfString(field []byte) string {
	n := int(field[len(field)-1])
	if n < 2 || n >= len(field) {
		return ""
	}
	text := field[1:n]
	switch field[0] {
	case 8:
		var s strings.Builder
		for _, c := range text {
			s.WriteRune(rune(c))
		}
		return trimLabel(s.String())
	case 16:
		return trimLabel(ucs2(text))
	}
	return ""
}
