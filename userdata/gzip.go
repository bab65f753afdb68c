package userdata

import (
	"bytes"
	"errors"
	"fmt"

	"cloudseed/python"
)

// The bounds of what data may unpack to. A bomb is refused, not unpacked.
const (
	maxSize     = 64 << 20 // bytes, of data as it comes
	maxUnpacked = 64 << 20 // bytes, of all together that is unpacked, included or in archives
	maxHeader   = 1 << 20  // bytes, of one message's header
	maxGuessed  = 1 << 20  // bytes, of data without a header that is read all the same
	maxNested   = 10       // messages in each other, or includes
	maxParts    = 1000
	maxFetched  = 100 // includes together: they may name each other
)

const gzipMagic = "\x1f\x8b"

// room tells whether there is room for so much more that a little data stands for.
func (p *processor) room(bytes int) bool {
	p.unpacked += int64(bytes)
	return p.unpacked <= maxUnpacked
}

// gunzip unpacks data that is compressed, and gives other data back as it is. Zeros
// behind the compressed data are a medium's padding.
func (p *processor) gunzip(data []byte) ([]byte, error) {
	if !bytes.HasPrefix(data, []byte(gzipMagic)) {
		return data, nil
	}
	unpacked, err := python.Gunzip(data, maxUnpacked-p.unpacked)
	var tooMuch python.LimitError
	if errors.As(err, &tooMuch) || err == nil && !p.room(len(unpacked)) {
		p.unpacked = maxUnpacked + 1 // nothing more is unpacked
		return nil, fmt.Errorf("it unpacks to more than %d MiB, with all else that is unpacked or included", maxUnpacked>>20)
	}
	return unpacked, err
}
