package python

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// LimitError is the error for data that unzip to more than so many bytes.
type LimitError int64

func (limit LimitError) Error() string {
	return fmt.Sprintf("it has more than %d MiB", int64(limit)>>20)
}

// Gunzip unzips data, to at most limit bytes; the error for more is a LimitError. As with
// Python's gzip, several zipped parts follow one another and zeros may follow each;
// nothing unzips to nothing.
func Gunzip(data []byte, limit int64) ([]byte, error) {
	in := bufio.NewReader(bytes.NewReader(data))
	var out bytes.Buffer
	for parts := 0; ; parts++ {
		if parts > 0 {
			skipZeros(in)
		}
		if _, err := in.Peek(1); err != nil {
			return out.Bytes(), nil // the end: a reader of bytes has no other error
		}
		part, err := gzip.NewReader(in)
		if parts > 0 && errors.Is(err, gzip.ErrHeader) {
			return nil, errors.New("something else follows the compressed data")
		}
		if err != nil {
			return nil, err
		}
		part.Multistream(false) // it reads no further than its end
		if _, err := io.Copy(&out, io.LimitReader(part, limit+1-int64(out.Len()))); err != nil {
			return nil, err
		}
		if int64(out.Len()) > limit {
			return nil, LimitError(limit)
		}
	}
}

// skipZeros reads up to the first byte that is not zero.
func skipZeros(in *bufio.Reader) {
	for {
		next, err := in.Peek(1)
		if err != nil || next[0] != 0 {
			return
		}
		if _, err := in.Discard(1); err != nil {
			return
		}
	}
}
