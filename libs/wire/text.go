package wire

import (
	"unicode/utf16"
	"unicode/utf8"

	"hubbub.internal/libs/chat"
)

// AppendText appends the text of a JSON string literal that Decode returned (Command.Text), without
// quotes and escapes. It allocates nothing when dst has room.
func AppendText(dst, lit []byte) []byte {
	if len(lit) < 2 {
		return dst
	}
	return appendUnescaped(dst, lit[1:len(lit)-1])
}

// TextIs reports whether the command's text is s, whatever its escapes.
func (c *Command) TextIs(s string) bool {
	if c.TextLen != len(s) || len(c.Text) < 2 {
		return false
	}
	lit := c.Text[1 : len(c.Text)-1]
	for i := 0; i < len(lit); {
		if lit[i] != '\\' {
			if lit[i] != s[0] {
				return false
			}
			i, s = i+1, s[1:]
			continue
		}
		var one [utf8.UTFMax]byte
		n, size, _ := escape(lit[i:])
		if string(appendUnescaped(one[:0], lit[i:i+n])) != s[:size] {
			return false
		}
		i, s = i+n, s[size:]
	}
	return true
}

// appendUnescaped appends the text of the inside of a valid JSON string.
func appendUnescaped(dst, v []byte) []byte {
	for i := 0; i < len(v); {
		if v[i] != '\\' {
			dst = append(dst, v[i])
			i++
			continue
		}
		n, _, _ := escape(v[i:])
		switch c := v[i+1]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, _ := hex4(v[i:])
			if n == 12 {
				low, _ := hex4(v[i+6:])
				r = utf16.DecodeRune(r, low)
			}
			dst = utf8.AppendRune(dst, r) // an unpaired surrogate becomes U+FFFD
		default:
			dst = append(dst, c)
		}
		i += n
	}
	return dst
}

// isID is chat.ValidID for bytes.
func isID(v []byte) bool {
	if len(v) == 0 || len(v) > chat.MaxIDLen {
		return false
	}
	for _, c := range v {
		if !idBytes[c] {
			return false
		}
	}
	return true
}

var idBytes = func() (is [256]bool) {
	for c := range is {
		is[c] = chat.ValidID(string([]byte{byte(c)}))
	}
	return is
}()

// maxPlace bounds the field next of an answer, in bytes.
const maxPlace = 1024

// isPlace reports whether v may be the next of an answer.
func isPlace(v []byte) bool {
	for _, c := range v {
		if !idBytes[c] {
			return false
		}
	}
	return 0 < len(v) && len(v) <= maxPlace
}

// isToken reports whether v has the form of a bearer token (RFC 6750 section 2.1).
func isToken(v []byte) bool {
	for _, c := range v {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return len(v) > 0
}

func isDevice(v []byte) bool {
	switch string(v) {
	case "web", "phone", "desktop", "bot":
		return true
	}
	return false
}

func isStatus(v []byte) bool {
	switch string(v) {
	case "online", "idle", "dnd", "invisible":
		return true
	}
	return false
}

func noControls(v []byte) bool {
	for _, c := range v {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}
