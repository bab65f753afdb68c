package userdata_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"strings"
	"testing"

	"cloudseed/userdata"
)

func TestABombIsNotUnpacked(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	zeros := make([]byte, 1<<20)
	for range 100 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	r := userdata.Process(t.Context(), "user-data", bomb.Bytes(), userdata.Options{})
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Error(), "more than 64 MiB") {
		t.Errorf("problems are %v", r.Problems)
	}
}

func TestManySmallBombsAreABomb(t *testing.T) {
	t.Parallel()
	bomb := "Content-Type: application/gzip\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString([]byte(zipped("#!"+strings.Repeat("x", 20<<20))))
	r := userdata.Process(t.Context(), "user-data", []byte(multipart(bomb, bomb, bomb, bomb, bomb)), userdata.Options{})
	if len(r.Scripts) != 3 || len(r.Problems) != 2 {
		t.Errorf("%d scripts, problems %v", len(r.Scripts), r.Problems)
	}
}

func TestIncludesThatNameEachOtherEnd(t *testing.T) {
	t.Parallel()
	fetched := 0
	r := userdata.Process(t.Context(), "user-data", []byte("#include\nhttp://h/a\nhttp://h/b\n"), userdata.Options{
		Fetch: func(context.Context, string, bool) ([]byte, error) {
			fetched++
			return []byte("#include\nhttp://h/a\nhttp://h/b\n"), nil
		},
	})
	if fetched > 100 || len(r.Problems) == 0 || len(r.Problems) > 200 {
		t.Errorf("%d fetched, %d problems", fetched, len(r.Problems))
	}
}
