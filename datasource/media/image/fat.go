package image

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path"
)

// FAT images are written here and not by go-diskfs 1.9.4: it gives empty files a cluster,
// and leads directories of FAT32 to the wrong parent, so that fsck.vfat finds fault with
// every image. A seed is written once and front to back, which needs little. FAT16 takes
// all sizes from 2 MiB on (Microsoft's FAT specification 1.03).
const (
	fatSector    = 512
	fatEntries   = 512     // of the root directory
	fatReserved  = 1       // sectors before the tables: the boot sector
	leastFAT16   = 4085    // clusters: with fewer it would be FAT12,
	mostFAT16    = 65524   // with more FAT32
	maxFATLabel  = 11      // bytes
	smallest     = 4 << 20 // bytes; anything will read so much
	endOfChain   = 0xffff
	fatDirectory = 0x10
	fatArchive   = 0x20
	fatVolume    = 0x08
	fatLongName  = 0x0f
	firstDay     = 1<<5 | 1 // 1 January 1980, so that the same files give the same image
)

// WriteFAT writes the files to a new FAT image at path, as large as it must be, labelled
// label. It refuses to overwrite, and leaves nothing behind when it fails.
func WriteFAT(path, label string, files fs.FS) error {
	if label == "" || len(label) > maxFATLabel {
		return fmt.Errorf("cannot write %s: a label has 1 to %d bytes, %q has %d", path, maxFATLabel, label, len(label))
	}
	root, err := readNode(files, ".")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	v, err := newFAT(label, root)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return create(path, func(f *os.File) error {
		_, err := f.Write(v.bytes(root))
		return err
	})
}

// node is a file or directory to be written.
type node struct {
	name     string
	dir      bool
	data     []byte
	children []*node
	cluster  uint16 // the first one; 0: it has none
}

func readNode(files fs.FS, name string) (*node, error) {
	n := &node{name: path.Base(name)}
	info, err := fs.Stat(files, name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		n.data, err = fs.ReadFile(files, name)
		return n, err
	}
	n.dir = true
	entries, err := fs.ReadDir(files, name)
	for _, e := range entries {
		child, err := readNode(files, path.Join(name, e.Name()))
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, child)
	}
	return n, err
}

// fat is the volume that is being written.
type fat struct {
	label    string
	cluster  int // bytes
	clusters int
	table    []uint16
	data     []byte // of the clusters
}

// newFAT chooses the size of clusters: the smallest with which there are not too many.
func newFAT(label string, root *node) (*fat, error) {
	if n := len(root.entries(0)) / entrySize; n >= fatEntries {
		return nil, fmt.Errorf("%d names are more than fit into the root directory of a FAT volume", len(root.children))
	}
	for cluster := fatSector; cluster <= 32<<10; cluster *= 2 {
		used := root.clusters(cluster)
		clusters := max(used+used/8, smallest/cluster, leastFAT16+16)
		if clusters <= mostFAT16 {
			return &fat{label: label, cluster: cluster, clusters: clusters, table: []uint16{0xfff8, endOfChain}}, nil
		}
	}
	return nil, fmt.Errorf("the files are more than the %d GiB that fit into a FAT16 volume", mostFAT16*(32<<10)>>30)
}

// clusters is how many a node takes, with all below it.
func (n *node) clusters(size int) int {
	bytes := len(n.data)
	if n.dir {
		bytes = len(n.entries(0))
	}
	count := (bytes + size - 1) / size
	for _, child := range n.children {
		count += child.clusters(size)
	}
	return count
}

func (v *fat) bytes(root *node) []byte {
	for _, child := range root.children {
		v.store(child, 0)
	}
	entries := append(volumeEntry(v.label), root.entries(0)...)
	out := v.bootSector(crc32.ChecksumIEEE(append(entries, v.data...)))
	table := make([]byte, v.tableSectors()*fatSector)
	for i, next := range v.table {
		binary.LittleEndian.PutUint16(table[2*i:], next)
	}
	out = append(append(out, table...), table...)
	out = append(out, entries...)
	out = append(out, make([]byte, fatEntries*entrySize-len(entries))...)
	out = append(out, v.data...)
	return append(out, make([]byte, v.clusters*v.cluster-len(v.data))...)
}

// store gives a node its clusters, one after the other, and then those below it. A
// directory's entries are written when its children have theirs.
func (v *fat) store(n *node, parent uint16) {
	size := len(n.data)
	if n.dir {
		size = len(n.entries(parent))
	}
	count := (size + v.cluster - 1) / v.cluster
	if count == 0 {
		return
	}
	n.cluster = uint16(len(v.table))
	for i := range count {
		next := n.cluster + uint16(i) + 1
		if i == count-1 {
			next = endOfChain
		}
		v.table = append(v.table, next)
	}
	at := len(v.data)
	v.data = append(v.data, make([]byte, count*v.cluster)...)
	for _, child := range n.children {
		v.store(child, n.cluster)
	}
	content := n.data
	if n.dir {
		content = n.entries(parent)
	}
	copy(v.data[at:], content)
}

func (v *fat) tableSectors() int { return ((v.clusters+2)*2 + fatSector - 1) / fatSector }

// bootSector has the volume's geometry, for 16 bits (FAT specification 3.1 and 3.2).
func (v *fat) bootSector(serial uint32) []byte {
	b := make([]byte, fatSector)
	le := binary.LittleEndian
	copy(b, "\xeb\x3c\x90cloudsd ")
	le.PutUint16(b[11:], fatSector)
	b[13] = byte(v.cluster / fatSector)
	le.PutUint16(b[14:], fatReserved)
	b[16] = 2 // tables
	le.PutUint16(b[17:], fatEntries)
	b[21] = 0xf8 // a disk that stays
	le.PutUint16(b[22:], uint16(v.tableSectors()))
	le.PutUint16(b[24:], 32) // sectors a track and heads: nobody asks any more, but they must not be 0
	le.PutUint16(b[26:], 64)
	sectors := fatReserved + 2*v.tableSectors() + fatEntries*entrySize/fatSector + v.clusters*v.cluster/fatSector
	if sectors < 1<<16 {
		le.PutUint16(b[19:], uint16(sectors))
	} else {
		le.PutUint32(b[32:], uint32(sectors))
	}
	b[36], b[38] = 0x80, 0x29
	le.PutUint32(b[39:], serial)
	copy(b[43:], fmt.Sprintf("%-11s%-8s", v.label, "FAT16"))
	b[510], b[511] = 0x55, 0xaa
	return b
}
