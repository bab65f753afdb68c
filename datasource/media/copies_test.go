package media

import (
	"encoding/binary"
	"strings"
	"testing"
)

func TestAVolumeThatContradictsItselfIsReadAndNoted(t *testing.T) {
	t.Parallel()
	joliet := isoByTool("genisoimage", "-J", "-V", "cidata")
	inISO := func(offset int) func([]byte) { return func(b []byte) { b[16<<11+offset] ^= 1 } }
	inFAT := func(b []byte) {
		g, _ := parseFAT(b, int64(len(b)))
		b[g.fatStart+(g.rootStart-g.fatStart)/2+6] ^= 1
	}
	inRoot := func(b []byte) {
		root := int(binary.LittleEndian.Uint32(b[16<<11+158:])) << 11
		b[root+int(b[root])+17] ^= 1 // the big-endian size in the record of ".."
	}
	for name, row := range map[string]struct {
		make   func(testing.TB) string
		change func([]byte)
		want   string
	}{
		"a sound ISO 9660 volume":                 {make: ownISO},
		"a sound volume with Joliet":              {make: joliet},
		"a sound FAT12 volume":                    {make: ownFAT(12)},
		"a sound FAT16 volume":                    {make: ownFAT(16)},
		"a sound FAT32 volume":                    {make: ownFAT(32)},
		"a volume's size in the other byte order": {ownISO, inISO(87), "the primary volume descriptor's two byte orders differ in the volume's size; the little-endian one is used"},
		"a root directory in two places":          {ownISO, inISO(156 + 9), "the primary volume descriptor's two byte orders differ in the root directory; the little-endian one is used"},
		"a record of two sizes":                   {ownISO, inRoot, `the primary directory's two byte orders differ for "\x01"; the little-endian one is used`},
		"a second FAT that differs":               {ownFAT(16), inFAT, "copy 2 of the file allocation table differs from the first, which is used"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := row.make(t)
			if row.change != nil {
				patch(t, path, row.change)
			}
			v := openImage(t, path)
			if got := strings.Join(v.Notes(), "\n"); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}
