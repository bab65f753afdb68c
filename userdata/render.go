package userdata

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"mime"
	"slices"
	"strings"

	"cloudseed/config"
	"cloudseed/config/yaml"
)

// MIME is the parts as a MIME message, as cloud-init keeps them in user-data.txt.i. The
// same parts give the same text.
func (r Result) MIME() []byte {
	hash := sha256.New()
	for _, part := range r.Parts {
		hash.Write(part.Content.Reveal())
	}
	boundary := fmt.Sprintf("===============%x==", hash.Sum(nil)[:16])
	var out bytes.Buffer
	fmt.Fprintf(&out, "Content-Type: multipart/mixed; boundary=\"%s\"\nMIME-Version: 1.0\nNumber-Attachments: %d\n\n", boundary, len(r.Parts))
	for _, part := range r.Parts {
		fmt.Fprintf(&out, "--%s\nMIME-Version: 1.0\nContent-Type: %s\n", boundary, printable(cmp.Or(part.Type, part.declared, typePlain)))
		if disposition := mime.FormatMediaType("attachment", map[string]string{"filename": part.Filename}); disposition != "" {
			fmt.Fprintf(&out, "Content-Disposition: %s\n", disposition)
		}
		if part.index != "" {
			fmt.Fprintf(&out, "Launch-Index: %s\n", part.index)
		}
		for _, name := range []string{"Merge-Type", "X-Merge-Type"} {
			if value := part.header.Get(name); value != "" {
				fmt.Fprintf(&out, "%s: %s\n", name, oneLine(value))
			}
		}
		writeBody(&out, part.Content.Reveal())
	}
	fmt.Fprintf(&out, "--%s--\n", boundary)
	return out.Bytes()
}

// printable is a type whose control characters can be seen: blanks in their place could
// make it the type of a container.
func printable(kind string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' {
			return '?'
		}
		return r
	}, kind)
}

// oneLine keeps what a part says of itself from being taken for more headers.
func oneLine(text string) string {
	return string(bytes.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, []byte(text)))
}

// writeBody writes text as it is, and anything else in base64.
func writeBody(out *bytes.Buffer, content []byte) {
	isText := !slices.ContainsFunc(content, func(c byte) bool { return c > '~' || c < ' ' && c != '\n' && c != '\t' })
	if isText {
		fmt.Fprintf(out, "\n%s\n", content)
		return
	}
	out.WriteString("Content-Transfer-Encoding: base64\n\n")
	const inLine = 57 // bytes, which are 76 characters
	out.Grow(len(content)/inLine*77 + 80)
	for piece := range slices.Chunk(content, inLine) {
		out.Write(base64.StdEncoding.AppendEncode(out.AvailableBuffer(), piece))
		out.WriteByte('\n')
	}
}

// CloudConfigText is the merged cloud-config as cloud-init keeps it in
// cloud-config.txt; nothing when there is none.
func (r Result) CloudConfigText() []byte {
	if r.CloudConfig == nil && len(r.ignored) == 0 {
		return nil
	}
	var out bytes.Buffer
	out.WriteString("#cloud-config\n\n")
	if len(r.merged) > 0 {
		fmt.Fprintf(&out, "# from %d files\n", len(r.merged))
	}
	for _, name := range r.merged {
		fmt.Fprintf(&out, "# %s\n", strings.TrimSpace(oneLine(name)))
	}
	if len(r.merged) > 0 {
		out.WriteByte('\n')
	}
	for _, name := range r.ignored {
		fmt.Fprintf(&out, "# Cloud-config part ignored SCHEMA_ERROR: %s\n", strings.TrimSpace(oneLine(name)))
	}
	out.WriteString("---")
	if r.CloudConfig.Kind() == config.Map && len(r.CloudConfig.Keys()) > 0 {
		out.WriteByte('\n')
		out.Write(yaml.Dump(r.CloudConfig))
	} else {
		out.WriteString(" {}\n")
	}
	out.WriteString("...\n")
	return out.Bytes()
}
