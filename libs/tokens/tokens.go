// Package tokens cuts texts into the tokens that they are searched by: words in one form, and pairs
// of characters where a script has no spaces between words.
//
// Both of history's stores index these tokens, and queries are cut in the same way, so that both
// find the same. It knows no store and no query. All functions are safe for concurrent use.
//
// Words are those of UAX #29, cut again where punctuation stands inside (example.com is two). Each
// is in NFKC, in folded case, and without diacritics where a script's letters are read without them
// (Latin, Greek, Cyrillic, Hebrew, Arabic, Syriac): İstanbul, istanbul and ISTANBUL are one token.
// A run of Han, Kana, Hangul, Bopomofo, Thai, Lao, Khmer, Myanmar or Tibetan has a token for each
// character: the character with the next one, and the last one alone. An emoji is a token.
package tokens

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
	"github.com/clipperhouse/uax29/v2/words"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"hubbub.internal/libs/chat"
)

// Version names the way in which texts are cut. What was indexed by another one is indexed again.
const Version = 1

const (
	// Max is how many tokens a text has at most: those that come first.
	Max = 2000
	// MaxRunes is how many characters a token has at most; the rest of a longer word is left out.
	MaxRunes = 40
)

// Token is a token of a text. Tokens that follow each other in the text do so in the list.
type Token struct {
	Text       string
	Start, End int // where it stands in the text, in bytes
	// Run is how many characters the run has that the token is of, 0: it is a word. Last: it is the
	// last one of its run, which is one character alone.
	Run  int
	Last bool
}

// Of returns the tokens of a text, in order.
func Of(text string) []Token {
	c := cutter{text: text, tokens: make([]Token, 0, min(Max, len(text)/5+1))}
	if isASCII(text) { // no boundary of words stands between two letters or digits
		c.segment(0, len(text))
	} else {
		for segments := words.FromString(text); len(c.tokens) < Max && segments.Next(); {
			c.segment(segments.Start(), segments.End())
		}
	}
	c.endRun()
	return c.tokens
}

// Fold returns a text in the form that tokens have: its words, with a space between each two. What
// has no spaces is not cut.
func Fold(text string) string {
	var all []string
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) }) {
		if folded := fold(word); folded != "" {
			all = append(all, folded)
		}
	}
	return strings.Join(all, " ")
}

// cutter cuts a text.
type cutter struct {
	text   string
	tokens []Token
	word   [2]int // of the text, that has begun; both 0: none has
	run    []unit // that has begun
}

// unit is a character of a run: what is seen as one.
type unit struct {
	text       string
	start, end int
}

// segment cuts a part of the text that ends at boundaries of words.
func (c *cutter) segment(from, to int) {
	part := c.text[from:to]
	if isASCII(part) {
		c.endRun()
		for i := range len(part) {
			if b := part[i]; 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' {
				c.extend(from+i, from+i+1)
			} else {
				c.endWord()
			}
		}
		c.endWord()
		return
	}
	for g := graphemes.FromString(part); g.Next(); {
		c.character(g.Value(), from+g.Start(), from+g.End())
	}
	c.endWord()
}

func (c *cutter) character(text string, from, to int) {
	r, _ := utf8.DecodeRuneInString(text)
	switch {
	case isSpaceless(r):
		c.endWord()
		if folded := fold(text); folded != "" {
			c.run = append(c.run, unit{folded, from, to})
		}
		if len(c.run) > Max {
			c.endRun()
		}
		return
	case unicode.IsLetter(r) || unicode.IsNumber(r):
		c.endRun()
		c.extend(from, to)
		return
	case unicode.IsMark(r) && c.word[1] == from && from > 0:
		c.extend(from, to)
		return
	}
	c.endWord()
	c.endRun()
	if r == utf8.RuneError || !unicode.Is(unicode.So, r) {
		return
	}
	if folded := fold(text); folded != "" { // such as the sign for a number
		c.add(Token{Text: folded, Start: from, End: to})
	} else {
		c.add(Token{Text: chat.FirstCharacters(strings.Map(withoutSelector, text), MaxRunes), Start: from, End: to})
	}
}

// withoutSelector drops what says how an emoji looks, not which it is.
func withoutSelector(r rune) rune {
	if r == '\uFE0F' || r == '\uFE0E' {
		return -1
	}
	return r
}

func (c *cutter) add(t Token) {
	if len(c.tokens) < Max {
		c.tokens = append(c.tokens, t)
	}
}

func (c *cutter) extend(from, to int) {
	if c.word == ([2]int{}) {
		c.word[0] = from
	}
	c.word[1] = to
}

func (c *cutter) endWord() {
	from, to := c.word[0], c.word[1]
	if to == 0 {
		return
	}
	c.word = [2]int{}
	if folded := fold(c.text[from:to]); folded != "" {
		c.add(Token{Text: folded, Start: from, End: to})
	}
}

func (c *cutter) endRun() {
	n := len(c.run)
	for i, u := range c.run {
		if i == n-1 {
			c.add(Token{Text: u.text, Start: u.start, End: u.end, Run: n, Last: true})
			break
		}
		next := c.run[i+1]
		c.add(Token{Text: u.text + next.text, Start: u.start, End: next.end, Run: n})
	}
	c.run = c.run[:0]
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// fold returns a word or a character as a token has it.
func fold(s string) string {
	if isASCII(s) {
		return chat.FirstCharacters(strings.ToLower(s), MaxRunes)
	}
	s = norm.NFKD.String(cases.Fold().String(norm.NFKC.String(s)))
	var b strings.Builder
	bare := true // the marks of the letter before are left out, and those without a letter
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
			if !bare {
				b.WriteRune(r)
			}
		case r == 'ـ': // lengthens Arabic words
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			bare = unicode.IsNumber(r) || unicode.In(r, marked...)
			if plain, ok := plainLetters[r]; ok {
				b.WriteString(plain)
			} else {
				b.WriteRune(r)
			}
		case unicode.IsMark(r) && !bare:
			b.WriteRune(r)
		}
	}
	return chat.FirstCharacters(norm.NFC.String(b.String()), MaxRunes)
}

// marked are the scripts whose letters are the same with marks and without, to who looks for a
// word. In others the marks are vowels, or make another letter.
var marked = []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Hebrew, unicode.Arabic, unicode.Syriac}

// plainLetters are letters with a stroke or a form of their own, which people also write plainly.
var plainLetters = map[rune]string{
	'ı': "i", 'ø': "o", 'đ': "d", 'ð': "d", 'ł': "l", 'ħ': "h", 'ŧ': "t", 'æ': "ae", 'œ': "oe", 'þ': "th",
}

// spaceless are the scripts in which words stand next to each other without a space, or with
// endings that are no part of the word.
var spaceless = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Bopomofo, unicode.Hangul, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar, unicode.Tibetan,
}

// isSpaceless reports whether a character is of such a script. The mark of long vowels belongs to
// two of them, so Unicode gives it none. Their digits and signs are no part of words.
func isSpaceless(r rune) bool {
	return r > 0x0e00 && (r == 'ー' || r == 'ｰ' || unicode.In(r, spaceless...) && (unicode.IsLetter(r) || unicode.IsMark(r)))
}
