package host

import (
	"context"
	"testing"
)

func TestWhatCommandsWroteIsFlushedOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		root    string
		run     []Command
		flushes bool
	}{
		"after a command":                        {"/", []Command{{Argv: []string{"useradd", "ann"}}}, true},
		"not after one that only asks":           {"/", []Command{{Argv: []string{"getent", "passwd"}, Quiet: true}}, false},
		"also if one that only asks comes after": {"/", []Command{{Argv: []string{"useradd", "ann"}}, {Argv: []string{"id"}, Quiet: true}}, true},
		"not without a command":                  {"/", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			count := 0
			h := New(test.root, Options{
				Exec:   func(context.Context, Command) (Result, error) { return Result{}, nil },
				Syncfs: func(int) error { count++; return nil },
			})
			for _, c := range test.run {
				if _, err := h.As("init", "users_groups").Run(t.Context(), c); err != nil {
					t.Fatal(err)
				}
			}
			if err := h.Quietly().Flush(); err != nil || (count > 0) != test.flushes {
				t.Errorf("%d file systems are flushed, %v", count, err)
			}
			if count = 0; h.Flush() != nil || count != 0 {
				t.Errorf("%d file systems are flushed again", count)
			}
		})
	}
}

func TestARootThatIsNotThisMachinesIsNotFlushed(t *testing.T) {
	t.Parallel()
	if h := New(t.TempDir(), Options{}); h.syncfs != nil {
		t.Error("the file systems of another root are flushed")
	}
}
