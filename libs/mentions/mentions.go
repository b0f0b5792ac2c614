// Package mentions finds whom a text mentions: people by their names (@ada), everybody in the room
// (@room), and those who are online (@here).
//
// It knows how mentions are written and not who there is: the caller says which names are known.
// The web client has the same rules (web/src/text/mention.ts); testdata/cases.json is for both.
package mentions

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"hubbub.internal/libs/names"
)

const (
	// Max is how many mentions of a text count at most: those that come first.
	Max = 50
	// maxRunes is how many characters behind an @ are looked at. A letter may be written as
	// several.
	maxRunes = 2 * names.MaxPerson
	// GuestMark ends the name of every guest.
	GuestMark = " (guest)"
)

// The words behind an @ that mean many people. Nobody can have them as a name.
const (
	room = "room"
	here = "here"
)

// Found is whom a text mentions.
type Found struct {
	Users []string // what the caller knows them by, in the order of the text, each once
	Names []string // how the text names each of them at first
	Room  bool     // everybody in the room
	Here  bool     // those who are online
}

// Text is a text with the places where it may mention somebody.
type Text struct{ places []place }

// place is what stands behind one @: what may be the name, the longest first.
type place []string

// As the page shows links: they end before the punctuation of scripts that put no space after it.
var link = regexp.MustCompile("(?i)\\bhttps?://[^\\s\\x0b\\p{Z}\\x{feff}<>\"'`\\p{Pi}" +
	"。、，．；：！？…｡､！？（）【】《》〈〉「」『』〔〕［］｛｝｢｣،؛؟۔।॥։።፣፤፥፧፨។៕၊။།]+")

// May reports whether a text, also as a JSON string literal, may mention somebody. It is cheap, and
// most texts do not.
func May(text []byte) bool {
	for i, b := range text {
		switch {
		case b == '@':
			return true
		case b == '\\' && i+1 < len(text) && text[i+1] == 'u': // may be an @
			return true
		case b == 0xef && i+2 < len(text) && text[i+1] == 0xbc && text[i+2] == 0xa0: // ＠
			return true
		}
	}
	return false
}

// HasLink reports whether a text has a link.
func HasLink(text string) bool {
	return strings.Contains(text, "://") && link.MatchString(text) // most have none
}

// Read finds the places of a text where it may mention somebody. Code and links have none.
func Read(text string) Text {
	var t Text
	end := 0
	for at := 0; at < len(text); {
		from, ok := nextTicks(text, at)
		if !ok {
			break
		}
		begin := from + ticks(text[from:])
		to, after := closing(text, from, begin)
		if to < 0 {
			at = begin // nothing ends what would be code
			continue
		}
		at = after
		if strings.TrimSpace(text[begin:to]) != "" {
			t.prose(text[end:from])
			end = at
		}
	}
	t.prose(text[end:])
	return t
}

// nextTicks returns where the next backticks of a text stand.
func nextTicks(text string, at int) (int, bool) {
	i := strings.IndexByte(text[at:], '`')
	return at + i, i >= 0
}

// ticks counts the backticks that a text begins with.
func ticks(text string) int { return len(text) - len(strings.TrimLeft(text, "`")) }

// closing returns where the code ends that backticks begin, and where what follows begins, as the
// page shows it: it ends with so many backticks, if one or two began it in the same line, and with
// so many at least, if it was three and more. -1: nothing ends it.
func closing(text string, from, begin int) (to, after int) {
	n := begin - from
	for at := begin; ; {
		i, ok := nextTicks(text, at)
		if !ok && n >= 3 && isFence(text, from, begin) {
			return len(text), len(text)
		}
		if !ok || n < 3 && strings.Contains(text[at:i], "\n") {
			return -1, -1
		}
		m := ticks(text[i:])
		if m == n || n >= 3 && m > n {
			return i, i + m
		}
		at = i + m
	}
}

// isFence reports whether backticks begin a line, and lines follow: those are code to the end.
func isFence(text string, from, begin int) bool {
	line := text[strings.LastIndexByte(text[:from], '\n')+1 : from]
	return strings.Trim(line, " \t") == "" && strings.Contains(text[begin:], "\n")
}

// prose adds the places of a text without code.
func (t *Text) prose(text string) {
	end := 0
	for _, m := range link.FindAllStringIndex(text, -1) {
		t.plain(text[end:m[0]])
		end = m[1]
	}
	t.plain(text[end:])
}

// plain adds the places of a text without code and links.
func (t *Text) plain(text string) {
	for i, r := range text {
		if len(t.places) == Max {
			return
		}
		if isAt(r) && begins(text[:i]) {
			if p := behind(text[i+utf8.RuneLen(r):]); len(p) > 0 {
				t.places = append(t.places, p)
			}
		}
	}
}

// Names returns what the text may mention, each once: what the caller has to know of.
func (t Text) Names() []string {
	var all []string
	seen := make(map[string]bool)
	for _, p := range t.places {
		for _, name := range p {
			if !seen[name] && key(name) != room && key(name) != here {
				seen[name] = true
				all = append(all, name)
			}
		}
	}
	return all
}

// Resolve returns whom the text mentions. known returns what the caller knows somebody with a name
// by, and false for a name that nobody has. Of the names that may stand at a place the longest that
// is known counts.
func (t Text) Resolve(known func(name string) (user string, ok bool)) Found {
	var f Found
	for _, p := range t.places {
		for _, name := range p {
			user, ok := known(name)
			switch k := key(name); {
			case ok:
				if !slices.Contains(f.Users, user) {
					f.Users, f.Names = append(f.Users, user), append(f.Names, name)
				}
			case k == room:
				f.Room = true
			case k == here:
				f.Here = true
			default:
				continue
			}
			break
		}
	}
	return f
}

func key(name string) string { return names.Key(name) }

func isAt(r rune) bool { return r == '@' || r == '＠' }

// isWord reports whether a character is of a word.
func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// joins reports whether a character stands within names, but ends none.
func joins(r rune) bool { return r == '.' || r == '_' || r == '-' }

// spaceless are the scripts in which words stand next to each other without a space, or with
// endings that are no part of a name.
var spaceless = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tibetan,
}

// isSpaceless reports whether a character is of such a script. The mark of long vowels belongs to
// two of them, so Unicode gives it none.
func isSpaceless(r rune) bool {
	return r > 0x0e00 && (unicode.In(r, spaceless...) || r == 'ー' || r == 'ｰ')
}

// begins reports whether an @ behind a text may begin a mention: it is not within a word, as in an
// address of mail.
func begins(before string) bool {
	r, n := utf8.DecodeLastRuneInString(before)
	for n > 0 && unicode.IsMark(r) {
		before = before[:len(before)-n]
		r, n = utf8.DecodeLastRuneInString(before)
	}
	if n == 0 || isSpaceless(r) {
		return true
	}
	return !isWord(r) && !joins(r) && r != '/' && !isAt(r)
}

// behind returns what may be a name at the beginning of a text, the longest first.
func behind(text string) (p place) {
	var last rune // the letter, digit or sign that the name ends with; no mark
	count := 0
	for i, r := range text {
		if i > 0 && endsName(last, text[i:]) {
			p = addName(p, text, i)
		}
		mark := unicode.IsMark(r)
		if count++; count > maxRunes || !isWord(r) && (i == 0 || !mark && !joins(r)) {
			slices.Reverse(p)
			return p
		}
		if !mark {
			last = r
		}
	}
	if text != "" {
		p = addName(p, text, len(text))
	}
	slices.Reverse(p)
	return p
}

// addName adds the name that ends at i, and that of a guest, if the mark of guests follows.
func addName(p place, text string, i int) place {
	p = append(p, text[:i])
	if strings.HasPrefix(text[i:], GuestMark) {
		p = append(p, text[:i+len(GuestMark)])
	}
	return p
}

// endsName reports whether a name may end between a character and the text that follows: that does
// not go on with the word.
func endsName(last rune, rest string) bool {
	next, n := utf8.DecodeRuneInString(rest)
	if unicode.IsMark(next) {
		return false
	}
	if joins(next) {
		if next, _ = utf8.DecodeRuneInString(rest[n:]); joins(last) || !isWord(next) {
			return true
		}
	}
	return !isWord(next) || isSpaceless(last) || isSpaceless(next)
}
