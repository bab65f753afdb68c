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
	maxUnpacked = 64 << 20 // bytes, of all that is compressed together
	maxNested   = 10       // messages in each other, or includes
	maxParts    = 1000
	maxFetched  = 100 // includes together: they may name each other
)

const gzipMagic = "\x1f\x8b"

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
		if p.unpacked += n; p.unpacked > maxUnpacked {
			return nil, fmt.Errorf("it unpacks to more than %d MiB", maxUnpacked>>20)
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
