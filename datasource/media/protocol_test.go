package media

import (
	"bytes"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lyingName is the argv[0] by which TestMain runs lyingMain, a child that has
// been taken over by its volume.
const lyingName = "media lying child"

func lyingMain(lie string) int {
	out := fd(answersFD)
	buf := make([]byte, maxFrame)
	if _, _, err := readFrame(fd(requestsFD), buf); err != nil {
		return 0
	}
	switch lie {
	case "a long frame":
		out.Write([]byte{frameData, 0xff, 0xff, 0xff, 0xff})
	case "an unknown frame":
		writeFrame(out, '!', nil)
	case "too much data":
		for range 3 {
			writeFrame(out, frameData, make([]byte, maxFrame))
		}
	case "too little data":
		writeFrame(out, frameData, []byte("x"))
		writeFrame(out, frameEnd, nil)
	case "half a frame":
		out.Write([]byte{frameData, 0, 0, 0, 9, 'x'})
		return 0
	case "an error to fill the log":
		writeFrame(out, frameError, []byte("one\ntwo\x1b[31m"+strings.Repeat("x", 60_000)))
	case "entries without end":
		e := entry{name: "a"}.append(nil)
		for writeFrame(out, frameData, bytes.Repeat(e, 1000)) == nil {
		}
	case "a name that leaves the volume":
		writeFrame(out, frameData, entry{name: "../etc"}.append(nil))
	case "silence":
		time.Sleep(time.Minute)
	case "noise on stderr":
		os.Stderr.WriteString(strings.Repeat("noise\n", 100_000))
		return 1
	}
	readFrame(fd(requestsFD), buf)
	return 0
}

func TestAChildThatLiesIsStoppedAndNotBelieved(t *testing.T) {
	t.Parallel()
	list := func(r *reader) error { _, err := r.list(t.Context(), "."); return err }
	read := func(r *reader) error { _, err := r.read(t.Context(), "user-data", 100_000); return err }
	for _, c := range []struct {
		lie  string
		ask  func(*reader) error
		want string
	}{
		{"a long frame", read, "the vfat reader gave a wrong answer (frame of 4294967295 bytes) and was stopped"},
		{"an unknown frame", read, "the vfat reader gave a wrong answer (frame '!') and was stopped"},
		{"too much data", read, "the vfat reader gave a wrong answer (more than the file's size) and was stopped"},
		{"too little data", read, "it ends after 1 of 100000 bytes"},
		{"half a frame", read, "the vfat reader ended without a word"},
		{"an error to fill the log", read, "one two [31mxxxx"},
		{"entries without end", list, "directory of more than 8192 entries"},
		{"a name that leaves the volume", list, "the vfat reader gave a wrong answer (directory entry that makes no sense) and was stopped"},
		{"silence", list, "the vfat reader took longer than 500ms and was stopped"},
		{"noise on stderr", list, "the vfat reader crashed: noise"},
	} {
		t.Run(c.lie, func(t *testing.T) {
			t.Parallel()
			f, err := os.Open(os.DevNull)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			r := newReader("/dev/vdb", VFAT, 500*time.Millisecond)
			if err := r.start(f, lyingName, c.lie); err != nil {
				t.Fatal(err)
			}
			err = c.ask(r)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || len(err.Error()) > 1000 || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if err := r.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEntriesSurviveTheWire(t *testing.T) {
	t.Parallel()
	want := []entry{
		{name: "user-data", size: 1 << 40},
		{name: "openstack", kind: fs.ModeDir},
		{name: "ünicode", kind: fs.ModeSymlink, target: "../x"},
		{name: "fifo", kind: fs.ModeIrregular},
	}
	var b []byte
	for _, e := range want {
		b = e.append(b)
	}
	got, err := decodeEntries(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(entry{})); diff != "" {
		t.Error(diff)
	}
	for n := 1; n < len(b); n++ {
		if got, err := decodeEntries(b[:n]); err == nil && len(got) == len(want) {
			t.Errorf("%d of %d bytes are read as all the entries", n, len(b))
		}
	}
}

func TestAProgramWithoutChildMainIsToldSo(t *testing.T) {
	name, value, _ := strings.Cut(childMark, "=")
	t.Setenv(name, value)
	_, err := Open(t.Context(), ownISO(t), Superblock{Filesystem: ISO9660}, OpenOptions{})
	if err == nil || !strings.Contains(err.Error(), "does not call media.ChildMain") {
		t.Error(err)
	}
}
