package userdata_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"cloudseed/userdata"
)

const (
	mib = 1 << 20

	// hostileMemory is the bound that docs/limits.md states: the most that a process
	// may need, at its peak, to take any data apart.
	hostileMemory = 512 * mib

	// hostileVariable names the data that this test's child process takes apart.
	hostileVariable = "CLOUDSEED_TEST_HOSTILE"
)

// hostile is data made to do harm, and what is said of it; "" is what may be used, and
// must not cost more for that. It is made in the child: its
// own size counts.
var hostile = map[string]struct {
	data func() []byte
	want string
}{
	"aliases that stand for a billion values": {func() []byte {
		text := "#cloud-config\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
		for i := 1; i < 10; i++ {
			text += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.Trim(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
		}
		return []byte(text)
	}, "more than 262144 values"},
	"merges of merges that stand for a billion keys": {func() []byte {
		text := "#cloud-config\na0: &a0 {k0: x, l0: x}\n"
		for i := 1; i < 30; i++ {
			text += fmt.Sprintf("a%d: &a%d {k%d: *a%d, <<: [*a%d, *a%d]}\n", i, i, i, i-1, i-1, i-1)
		}
		return []byte(text)
	}, "more than 262144 values"},
	"a bomb":                {func() []byte { return squeeze(zeros(1 << 30)) }, "more than 64 MiB"},
	"a bomb in bombs":       {func() []byte { return squeeze(bytesOf(squeeze(bytesOf(squeeze(zeros(1 << 30)))))) }, "no known header"},
	"a bomb in a message":   {func() []byte { return inMessage(squeeze(zeros(1 << 30))) }, "more than 64 MiB"},
	"bombs in many parts":   {func() []byte { return inMessage(squeeze(zeros(60*mib)), 100) }, "more than 64 MiB"},
	"10,000 nested lists":   {func() []byte { return []byte("#cloud-config\na: " + strings.Repeat("[", 10_000)) }, "nested more than 200 deep"},
	"10,000 nested maps":    {func() []byte { return []byte("#cloud-config\na: " + strings.Repeat("{a: ", 10_000)) }, "nested more than 200 deep"},
	"10,000 nested entries": {func() []byte { return []byte("#cloud-config\na:\n" + strings.Repeat("- ", 10_000) + "x") }, "nested more than 200 deep"},
	"a line of 100 MB":      {func() []byte { return append([]byte("#cloud-config\na: "), letters(100*mib)...) }, "larger than 64 MiB"},
	"a header of just less than 1 MB in each part": {func() []byte { return parts(60, "X-A: b\n"+strings.Repeat(" b\n", 340_000)+"\n#!\n") }, ""},
	"a line of 15 MB, which can be read":           {func() []byte { return append([]byte("#cloud-config\na: "), letters(15*mib)...) }, ""},
	"as many values as may be": {func() []byte {
		return append([]byte("#cloud-config\na:\n"), bytes.Repeat([]byte("- [a]\n"), 130_000)...)
	}, ""},
	"a line of 50 MB":                  {func() []byte { return append([]byte("#cloud-config\na: "), letters(50*mib)...) }, "larger than 16 MiB"},
	"a line of 15 MB without a header": {func() []byte { return append([]byte("a: "), letters(15*mib)...) }, "no known header"},
	"15 MB of open brackets":           {func() []byte { return append([]byte("#cloud-config\n"), bytes.Repeat([]byte("a: ["), 4*mib-4)...) }, "nested more than 200 deep"},
	"15 MB of small values":            {func() []byte { return append([]byte("#cloud-config\n"), bytes.Repeat([]byte("- a\n"), 4*mib-4)...) }, "more than"},
	"15 MB of keys":                    {func() []byte { return keys(15 * mib) }, "more than"},
	"1,000,000 parts":                  {func() []byte { return parts(1_000_000, "\n#!\n") }, "more than 1000 parts"},
	"1,000,000 empty parts":            {func() []byte { return parts(1_000_000, "") }, "more than 1000 parts"},
	"60 MB of headers": {func() []byte {
		return append([]byte("MIME-Version: 1.0\n"), bytes.Repeat([]byte("X-A: b\n"), 60*mib/7)...)
	}, "more than 1 MiB of headers"},
	"100 MB of headers": {func() []byte {
		return append([]byte("MIME-Version: 1.0\n"), bytes.Repeat([]byte("X-A: b\n"), 100*mib/7)...)
	}, "larger than 64 MiB"},
	"60 MB of one header": {func() []byte {
		return append([]byte("MIME-Version: 1.0\nX-A: b\n"), bytes.Repeat([]byte(" b\n"), 20*mib)...)
	}, "more than 1 MiB of headers"},
	"messages nested 10,000 deep": {func() []byte {
		text := "MIME-Version: 1.0\n"
		for i := range 10_000 {
			text += fmt.Sprintf("Content-Type: multipart/mixed; boundary=\"b%d\"\n\n--b%d\n", i, i)
		}
		return []byte(text)
	}, "more than 10 messages inside each other"},
	"messages in 10 with all parts at each": {func() []byte { return nestedMany(10, 4) }, "more than 1000 parts"},
	"an archive of archives": {func() []byte {
		return []byte("#cloud-config-archive\n- |\n  #cloud-config-archive\n  - |\n    #cloud-config-archive\n    - x\n")
	}, "nothing here can handle a part of type text/cloud-config-archive"},
	"an archive of aliases":           {func() []byte { return archive(2_000) }, "more than"},
	"an include that includes itself": {func() []byte { return []byte("#include\nhttp://h/self\n") }, "includes more, 10 times"},
	"an include of a bomb":            {func() []byte { return []byte("#include\nhttp://h/bomb\n") }, "more than 64 MiB"},
	"100 includes of 60 MB":           {func() []byte { return []byte("#include\n" + strings.Repeat("http://h/large\n", 100)) }, "more than"},
	"a template of much text": {func() []byte {
		return []byte("## template: jinja\n#cloud-config\na: {{ 'x' * (20 * 1024 * 1024) }}\n")
	}, "larger than"},
	"a template of too much text": {func() []byte {
		return []byte("## template: jinja\n#cloud-config\na: {% for i in range(1000) %}{{ 'x' * (1024 * 1024) }}{% endfor %}\n")
	}, "more text than a template may"},
	"a template that does not end": {func() []byte {
		return []byte("## template: jinja\n#cloud-config\n{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}\n")
	}, "more text than a template may"},
}

// hostileFetch answers the includes of the data above.
func hostileFetch(_ context.Context, url string, _ bool) ([]byte, error) {
	switch url {
	case "http://h/bomb":
		return squeeze(zeros(1 << 30)), nil
	case "http://h/large":
		return append([]byte("#!"), letters(60*mib)...), nil
	}
	return []byte("#include\n" + url + "\n"), nil
}

// told is what the child says.
type told struct {
	Problems []string
	Peak     int64 // bytes
}

func TestMain(m *testing.M) {
	name := os.Getenv(hostileVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	r := userdata.Process(context.Background(), "user-data", hostile[name].data(), userdata.Options{
		KnownKeys: []string{"x"}, Fetch: hostileFetch,
		Variables: func() (map[string]any, error) { return map[string]any{}, nil },
	})
	_, _ = r.MIME(), r.CloudConfigText() // as they are kept
	t := told{Peak: peak()}
	for _, p := range r.Problems {
		t.Problems = append(t.Problems, p.Error())
	}
	if err := json.NewEncoder(os.Stdout).Encode(t); err != nil {
		panic(err)
	}
}

// peak is the most memory that this process has had (VmHWM in proc_pid_status(5)).
func peak() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib int64
	if _, err := fmt.Sscanf(rest, "%d kB", &kib); err != nil {
		panic(err)
	}
	return kib << 10
}

func TestHostileDataIsRefusedInBoundedMemory(t *testing.T) {
	t.Parallel()
	for name, test := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), hostileVariable+"="+name)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			var said told
			if err == nil {
				err = json.Unmarshal(out, &said)
			}
			if err != nil {
				t.Fatalf("%v: %.2000s", err, stderr.String())
			}
			t.Logf("%d MiB, %d problems", said.Peak/mib, len(said.Problems))
			if !strings.Contains(strings.Join(said.Problems, "\n"), test.want) {
				t.Errorf("it is not refused: %.500q", said.Problems)
			}
			if len(said.Problems) > 1100 {
				t.Errorf("%d problems are told", len(said.Problems))
			}
			if said.Peak > hostileMemory {
				t.Errorf("it took %d MiB, more than %d", said.Peak/mib, hostileMemory/mib)
			}
		})
	}
}

// source gives bytes piece by piece.
type source func(write func([]byte))

func zeros(n int) source {
	return func(write func([]byte)) {
		block := make([]byte, mib)
		for ; n > 0; n -= len(block) {
			write(block)
		}
	}
}

func bytesOf(data []byte) source { return func(write func([]byte)) { write(data) } }

func squeeze(s source) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		panic(err)
	}
	s(func(data []byte) {
		if _, err := w.Write(data); err != nil {
			panic(err)
		}
	})
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func letters(n int) []byte { return bytes.Repeat([]byte("x"), n) }

func inMessage(content []byte, times ...int) []byte {
	n := 1
	if len(times) > 0 {
		n = times[0]
	}
	return parts(n, "Content-Type: application/gzip\nContent-Transfer-Encoding: base64\n\n"+base64.StdEncoding.EncodeToString(content)+"\n")
}

func parts(n int, part string) []byte {
	var out bytes.Buffer
	out.WriteString("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n")
	for range n {
		out.WriteString("--b\n" + part)
	}
	return out.Bytes()
}

func keys(size int) []byte {
	var out bytes.Buffer
	out.WriteString("#cloud-config\n")
	for i := 0; out.Len() < size; i++ {
		fmt.Fprintf(&out, "k%d:\n", i)
	}
	return out.Bytes()
}

// nestedMany is messages inside each other, with several at each depth.
func nestedMany(depth, width int) []byte {
	var write func(int) string
	write = func(depth int) string {
		if depth == 0 {
			return "Content-Type: text/plain\n\n#!x\n"
		}
		part := write(depth - 1)
		boundary := fmt.Sprintf("b%d-", depth)
		return "Content-Type: multipart/mixed; boundary=" + boundary + "\n\n" + strings.Repeat("--"+boundary+"\n"+part, width) + "--" + boundary + "--\n"
	}
	return []byte("MIME-Version: 1.0\n" + write(depth))
}

func archive(n int) []byte {
	return []byte("#cloud-config-archive\n- &a " + string(letters(4*mib)) + "\n" + strings.Repeat("- *a\n", n))
}
