package listeners

import (
	"strings"

	"hubbub.internal/libs/tokens"
)

// phrase is a user's word, or several in a row, as tokens of a text.
type phrase struct {
	user   string
	tokens []string
	// open says that the last token is a single character of a script without spaces: any token
	// that begins with it matches
	open bool
}

// phraseOf returns a word in the form in which texts are searched for it; false: it has no token.
func phraseOf(user, word string) (phrase, bool) {
	p := phrase{user: user}
	for _, t := range tokens.Of(word) {
		if t.Last && t.Run > 1 {
			continue // the pair before contains it
		}
		p.tokens, p.open = append(p.tokens, t.Text), t.Last
	}
	return p, len(p.tokens) > 0
}

// key is the token of a text at which the phrase may begin.
func (p *phrase) key() string { return keyOf(p.tokens[0], p.open && len(p.tokens) == 1) }

func keyOf(token string, first bool) string {
	if first {
		for _, r := range token {
			return "\x00" + string(r)
		}
	}
	return token
}

// in reports whether a text contains the phrase at a token.
func (p *phrase) in(text []tokens.Token, at int) bool {
	if len(text)-at < len(p.tokens) {
		return false
	}
	for i, want := range p.tokens {
		have := text[at+i].Text
		if have != want && (!p.open || i < len(p.tokens)-1 || !strings.HasPrefix(have, want)) {
			return false
		}
	}
	return true
}
