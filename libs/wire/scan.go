package wire

import (
	"encoding/binary"
	"unicode/utf8"
)

// maxDepth is how deeply objects and lists in a frame may be nested, the frame's own object
// included. The protocol needs two levels; the rest is for fields of newer clients.
const maxDepth = 32

// scanner reads a JSON text (RFC 8259) once, from front to back. Its methods start at b[i] and
// leave i after what they have read; where the text is not JSON, they return false and leave i
// anywhere.
type scanner struct {
	b    []byte
	i    int
	deep bool // the text is nested deeper than maxDepth
}

// next skips white space and returns the byte there, or 0 at the end of the text. (A 0 in the text
// is not JSON either.)
func (s *scanner) next() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\n', '\r', '\t':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// literal is a JSON string as it stands in the frame.
type literal struct {
	raw []byte // with its quotes
	// length in bytes of UTF-8 when unescaped; an unpaired surrogate counts as U+FFFD does
	size    int
	escaped bool // it has escapes
	broken  bool // it has an escaped U+0000 or an unpaired surrogate: valid JSON, and no valid text
}

// inner returns what stands between the quotes.
func (l *literal) inner() []byte { return l.raw[1 : len(l.raw)-1] }

// str reads a string.
func (s *scanner) str() (l literal, ok bool) {
	b, start := s.b, s.i
	i := start + 1
	saved := 0 // bytes that unescaping saves
	for i < len(b) {
		if i+8 <= len(b) && plain8(binary.LittleEndian.Uint64(b[i:])) {
			i += 8
			continue
		}
		switch c := b[i]; {
		case c == '"':
			s.i = i + 1
			l.raw = b[start:s.i:s.i]
			l.size = len(l.raw) - 2 - saved
			return l, true
		case c == '\\':
			n, size, broken := escape(b[i:])
			if n == 0 {
				return l, false
			}
			l.escaped = true
			l.broken = l.broken || broken
			saved += n - size
			i += n
		case c < ' ':
			return l, false
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				return l, false
			}
			i += n
		}
	}
	return l, false
}

// plain8 reports that none of eight bytes is a quote, a backslash, a control character or outside
// ASCII. It may return false for plain bytes.
func plain8(x uint64) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	return (x|(x-ones*' ')|((x^ones*'"')-ones)|((x^ones*'\\')-ones))&tops == 0
}

// escape reads the escape at the start of b, both of them for a surrogate pair. It returns its
// length, 0 if it is invalid, and the UTF-8 length of its character.
func escape(b []byte) (n, size int, broken bool) {
	if len(b) < 2 {
		return 0, 0, false
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, 1, false
	case 'u':
	default:
		return 0, 0, false
	}
	r, ok := hex4(b)
	switch {
	case !ok:
		return 0, 0, false
	case 0xd800 <= r && r < 0xdc00:
		if low, ok := hex4(b[6:]); ok && 0xdc00 <= low && low < 0xe000 {
			return 12, 4, false
		}
		return 6, 3, true
	case 0xdc00 <= r && r < 0xe000:
		return 6, 3, true
	}
	return 6, utf8.RuneLen(r), r == 0
}

// hex4 returns the code unit of a \uXXXX at the start of b.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// num reads a number. exact reports that it is written as an integer from 0 to chat's greatest seq,
// which n then is.
func (s *scanner) num() (n uint64, exact, ok bool) {
	b, i := s.b, s.i
	exact = true
	if i < len(b) && b[i] == '-' {
		exact = false
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	case i < len(b) && '1' <= b[i] && b[i] <= '9':
		for ; i < len(b) && isDigit(b[i]); i++ {
			if n = n*10 + uint64(b[i]-'0'); n > maxSeq {
				exact, n = false, 0 // from here on
			}
		}
	default:
		return 0, false, false
	}
	if i < len(b) && b[i] == '.' {
		exact = false
		if i = digits(b, i+1); i < 0 {
			return 0, false, false
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		exact = false
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if i = digits(b, i); i < 0 {
			return 0, false, false
		}
	}
	s.i = i
	return n, exact, true
}

// digits returns the end of the digits at b[i], or -1 if there is none.
func digits(b []byte, i int) int {
	start := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// word reads true, false or null.
func (s *scanner) word(w string) bool {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return false
	}
	s.i += len(w)
	return true
}

// skip reads any value that is nested at most depth deep.
func (s *scanner) skip(depth int) bool {
	// a bit for each open object (0) or list (1), the innermost lowest; maxDepth is below 64
	var lists uint64
	open := 0
	for {
		// A value begins here.
		switch c := s.next(); c {
		case '{', '[':
			if depth+open == maxDepth {
				s.deep = true
				return false
			}
			s.i++
			open++
			lists <<= 1
			if c == '[' {
				lists |= 1
			}
			switch after := s.next(); {
			case after == c+2: // ] is [ + 2, } is { + 2: it is empty
			case c == '[':
				continue
			default:
				if !s.key() {
					return false
				}
				continue
			}
		case '"':
			if _, ok := s.str(); !ok {
				return false
			}
		case 't', 'f', 'n':
			if !s.constant(c) {
				return false
			}
		default:
			if _, _, ok := s.num(); !ok {
				return false
			}
		}
		// A value ends here, or an empty object or list is about to.
		for {
			if open == 0 {
				return true
			}
			c := s.next()
			s.i++
			if c == ',' {
				if lists&1 == 0 && (s.next() != '"' || !s.key()) {
					return false
				}
				break
			}
			if lists&1 == 1 && c != ']' || lists&1 == 0 && c != '}' {
				return false
			}
			lists >>= 1
			open--
		}
	}
}

// key reads an object's key and its colon.
func (s *scanner) key() bool {
	if s.next() != '"' {
		return false
	}
	if _, ok := s.str(); !ok || s.next() != ':' {
		return false
	}
	s.i++
	return true
}

// constant reads the constant that begins with c.
func (s *scanner) constant(c byte) bool {
	switch c {
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	}
	return s.word("null")
}
