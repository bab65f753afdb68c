package yaml

import "sync/atomic"

// observer is told of each document that is parsed; there is one in tests only.
var observer atomic.Pointer[func(file string, data []byte)]

// Observe calls f for each document that is parsed, until stop is called. It is for tests
// of how much work a boot does.
func Observe(f func(file string, data []byte)) (stop func()) {
	observer.Store(&f)
	return func() { observer.Store(nil) }
}
