package userdata

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
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
	source := bytes.NewReader(data)
	r, err := gzip.NewReader(source)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	for {
		r.Multistream(false)
		n, err := io.Copy(&out, io.LimitReader(r, maxUnpacked+1-p.unpacked))
		if err != nil {
			return nil, err
		}
		if !p.room(int(n)) {
			return nil, fmt.Errorf("it unpacks to more than %d MiB, with all else that is unpacked or included", maxUnpacked>>20)
		}
		rest := data[len(data)-source.Len():]
		if len(bytes.Trim(rest, "\x00")) == 0 {
			return out.Bytes(), nil
		}
		if err := r.Reset(source); err != nil {
			if errors.Is(err, gzip.ErrHeader) {
				err = errors.New("something else follows the compressed data")
			}
			return nil, err
		}
	}
}
