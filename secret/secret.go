// Package secret holds values that may be used but never shown: passwords,
// private keys, user data as a whole.
//
// In comes the value, out goes "[redacted]" by every way a Go program prints
// one: fmt, slog, JSON, text. The value itself comes out by Reveal alone, so
// that a reader finds each place where a secret leaves its wrapper.
package secret

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a secret prints as.
const Redacted = "[redacted]"

// String is a secret text, such as a password.
type String struct{ text string }

// New wraps a secret text.
func New(text string) String { return String{text} }

// Reveal returns the text itself.
func (s String) Reveal() string { return s.text }

// IsEmpty tells whether there is no text at all, which is no secret.
func (s String) IsEmpty() bool { return s.text == "" }

// String, Format, LogValue and MarshalJSON all redact; Format covers %q, %x and
// %#v, which would otherwise print the field.
func (s String) String() string               { return Redacted }
func (s String) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, Redacted) }
func (s String) LogValue() slog.Value         { return slog.StringValue(Redacted) }
func (s String) MarshalJSON() ([]byte, error) { return json.Marshal(Redacted) }

// Bytes is secret content, such as a whole user-data file.
type Bytes struct{ data []byte }

// NewBytes wraps secret content. It is not copied.
func NewBytes(data []byte) Bytes { return Bytes{data} }

// Reveal returns the content itself; the caller must not change it.
func (b Bytes) Reveal() []byte { return b.data }

// Len is the content's size in bytes.
func (b Bytes) Len() int { return len(b.data) }

// String, Format, LogValue and MarshalJSON redact as String's do.
func (b Bytes) String() string               { return Redacted }
func (b Bytes) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, Redacted) }
func (b Bytes) LogValue() slog.Value         { return slog.StringValue(Redacted) }
func (b Bytes) MarshalJSON() ([]byte, error) { return json.Marshal(Redacted) }
