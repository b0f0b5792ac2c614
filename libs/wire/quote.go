package wire

import "unicode/utf8"

// Bytes is the type of ids and names for the encoders: views into a frame, or strings.
type Bytes interface{ ~string | ~[]byte }

// AppendQuoted appends s as a JSON string literal. Bytes that are not UTF-8 become U+FFFD.
func AppendQuoted[S Bytes](dst []byte, s S) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0 // of the part that is not appended yet
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		n, rep := 1, ""
		switch c {
		case '"':
			rep = `\"`
		case '\\':
			rep = `\\`
		case '\n':
			rep = `\n`
		case '\r':
			rep = `\r`
		case '\t':
			rep = `\t`
		default:
			if c >= utf8.RuneSelf {
				var r rune
				if r, n = decodeRune(s[i:]); r != utf8.RuneError {
					i += n
					continue
				}
				rep = "\ufffd"
			}
		}
		dst = append(dst, s[start:i]...)
		if rep == "" {
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		dst = append(dst, rep...)
		i += n
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func decodeRune[S Bytes](s S) (rune, int) {
	var b [utf8.UTFMax]byte
	return utf8.DecodeRune(b[:copy(b[:], s)])
}
