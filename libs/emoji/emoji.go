// Package emoji says what one emoji is, and gives each its one form: an emoji of Unicode (Technical
// Standard #51), or one of the server's own, which is written as its name between colons.
package emoji

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"go.mau.fi/util/emojirunes"
	"go.mau.fi/util/variationselector"
)

const (
	joiner      = '\u200d'
	keycap      = '\u20e3'
	selector    = '\ufe0f' // asks for the emoji and not the text of a character that has both
	firstLetter = '\U0001f1e6'
	lastLetter  = '\U0001f1ff'
	firstTone   = '\U0001f3fb'
	lastTone    = '\U0001f3ff'
	firstTag    = '\U000e0020'
)

// The least and the greatest length of the name of an emoji of the server's own, in bytes.
const (
	MinName = 2
	MaxName = 32
)

// IsName reports whether name can be the name of an emoji of the server's own: lower-case letters
// and digits of ASCII, and the signs "_", "+" and "-". It allocates nothing.
func IsName[T string | []byte](name T) bool {
	if len(name) < MinName || len(name) > MaxName {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '_', c == '+', c == '-':
		default:
			return false
		}
	}
	return true
}

// isOwn reports whether b is written as an emoji of the server's own is. Whether there is one with
// that name is known to the directory alone.
func isOwn(b []byte) bool {
	return len(b) > 2 && b[0] == ':' && b[len(b)-1] == ':' && IsName(b[1:len(b)-1])
}

// subdivisions are the flags that are written in tags, which nobody sees: so no others are taken.
var subdivisions = [][]byte{flag("gbeng"), flag("gbsct"), flag("gbwls")}

func flag(code string) []byte {
	b := []byte("\U0001f3f4")
	for _, c := range code {
		b = utf8.AppendRune(b, firstTag+c-' ')
	}
	return utf8.AppendRune(b, firstTag+'\u007f'-' ')
}

// Is reports whether b is one emoji, in whichever form: a character, a flag, a keycap, several that
// are joined to one, or a name between colons, such as :party:, whether or not the server has an
// emoji of that name. It allocates nothing.
func Is(b []byte) bool {
	if isOwn(b) {
		return true
	}
	if n := alone(b); n > 0 {
		return n == len(b)
	}
	for {
		n := element(b)
		if n == 0 {
			return false
		}
		if b = b[n:]; len(b) == 0 {
			return true
		}
		r, n := utf8.DecodeRune(b)
		if r != joiner {
			return false
		}
		b = b[n:]
	}
}

// alone returns the length of what b begins with, if that is a flag or a keycap, which are joined
// with nothing.
func alone(b []byte) int {
	for _, s := range subdivisions {
		if bytes.HasPrefix(b, s) {
			return len(s)
		}
	}
	r, n := utf8.DecodeRune(b)
	switch {
	case '0' <= r && r <= '9', r == '#', r == '*':
		next, m := utf8.DecodeRune(b[n:])
		if next == selector {
			n += m
			next, m = utf8.DecodeRune(b[n:])
		}
		if next == keycap {
			return n + m
		}
	case firstLetter <= r && r <= lastLetter:
		second, m := utf8.DecodeRune(b[n:])
		if firstLetter <= second && second <= lastLetter {
			code := [...]byte{byte('A' + r - firstLetter), byte('A' + second - firstLetter)} //nolint:gosec // letters
			for i := 0; i < len(regions); i += 3 {
				if regions[i] == code[0] && regions[i+1] == code[1] {
					return n + m
				}
			}
		}
	}
	return 0
}

// element returns the length of the character that b begins with and of what belongs to it; 0: it
// is no emoji.
func element(b []byte) int {
	r, n := utf8.DecodeRune(b)
	switch {
	case r == '©' || r == '®':
	case r == joiner || r == keycap || r == selector || r >= firstTag || firstLetter <= r && r <= lastLetter || !emojirunes.Is(r):
		return 0
	}
	if next, m := utf8.DecodeRune(b[n:]); next == selector || firstTone <= next && next <= lastTone {
		n += m
	}
	return n
}

// Normal returns the one form of an emoji ("fully-qualified"), whether or not it came with U+FE0F,
// and false for what is none. A name between colons has one form only.
func Normal(s string) (string, bool) {
	if !Is([]byte(s)) {
		return s, false
	}
	if s[0] == ':' {
		return s, true
	}
	if strings.ContainsAny(s, "©®") {
		return strings.TrimSuffix(s, string(selector)) + string(selector), true
	}
	return variationselector.FullyQualify(s), true
}
