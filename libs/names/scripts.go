package names

import (
	"fmt"
	"slices"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"hubbub.internal/libs/chat"
)

// The scripts that names may be written in: those in everyday use, which Unicode recommends for
// identifiers (UAX #31, table 5). Others are mostly seen in names that imitate.
var recommended = map[string]*unicode.RangeTable{
	"Arabic": unicode.Arabic, "Armenian": unicode.Armenian, "Bengali": unicode.Bengali, "Bopomofo": unicode.Bopomofo,
	"Cyrillic": unicode.Cyrillic, "Devanagari": unicode.Devanagari, "Ethiopic": unicode.Ethiopic,
	"Georgian": unicode.Georgian, "Greek": unicode.Greek, "Gujarati": unicode.Gujarati, "Gurmukhi": unicode.Gurmukhi,
	"Han": unicode.Han, "Hangul": unicode.Hangul, "Hebrew": unicode.Hebrew, "Hiragana": unicode.Hiragana,
	"Kannada": unicode.Kannada, "Katakana": unicode.Katakana, "Khmer": unicode.Khmer, "Lao": unicode.Lao,
	"Latin": unicode.Latin, "Malayalam": unicode.Malayalam, "Myanmar": unicode.Myanmar, "Oriya": unicode.Oriya,
	"Sinhala": unicode.Sinhala, "Tamil": unicode.Tamil, "Telugu": unicode.Telugu, "Thaana": unicode.Thaana,
	"Thai": unicode.Thai, "Tibetan": unicode.Tibetan,
}

// The scripts that one name may mix: "highly restrictive" of UTS #39, section 5.2.
var mixable = []map[string]bool{
	{"Latin": true, "Han": true, "Hiragana": true, "Katakana": true},
	{"Latin": true, "Han": true, "Bopomofo": true},
	{"Latin": true, "Han": true, "Hangul": true},
}

// maxMarks is how many marks may stand on one letter (UTS #39, section 5.4).
const maxMarks = 4

var (
	errScript = chat.E(chat.CodeBadRequest, "a name is written in one alphabet of everyday use: this one mixes alphabets, or has letters of a rare one")
	errDigits = chat.E(chat.CodeBadRequest, "a name has digits of one kind: this one mixes them")
	errMarks  = chat.E(chat.CodeBadRequest, fmt.Sprintf("a name has at most %d marks on a letter, and none of them twice", maxMarks))
)

// Restrict returns nil if the letters of a name are of one script, or of scripts that are commonly
// written together; if its digits are of one kind; and if no letter has too many marks. Signs that
// belong to no script are not looked at, so it serves for people and for rooms. Errors: a
// *chat.Error with code bad_request.
func Restrict(name string) error {
	seen := map[string]bool{}
	zero := rune(-1) // of the kind of digits that the name has
	var marks []rune // on the letter before
	for _, r := range norm.NFD.String(name) {
		if unicode.IsMark(r) {
			if slices.Contains(marks, r) || len(marks) == maxMarks {
				return errMarks
			}
			marks = append(marks, r)
		} else {
			marks = marks[:0]
		}
		if unicode.Is(unicode.Nd, r) {
			z := zeroOf(r)
			if zero >= 0 && z != zero {
				return errDigits
			}
			zero = z
		}
		if unicode.In(r, unicode.Common, unicode.Inherited) {
			continue
		}
		script, ok := scriptOf(r)
		if !ok {
			return errScript
		}
		seen[script] = true
	}
	if len(seen) <= 1 {
		return nil
	}
	for _, set := range mixable {
		if within(seen, set) {
			return nil
		}
	}
	return errScript
}

func within(seen, set map[string]bool) bool {
	for script := range seen {
		if !set[script] {
			return false
		}
	}
	return true
}

func scriptOf(r rune) (name string, ok bool) {
	for name, table := range recommended {
		if unicode.Is(table, r) {
			return name, true
		}
	}
	return "", false
}

// zeroOf returns the zero of the kind of digits that a decimal digit is of: Unicode keeps each kind
// together, in order.
func zeroOf(r rune) rune {
	for _, x := range unicode.Nd.R16 {
		if rune(x.Lo) <= r && r <= rune(x.Hi) {
			return rune(x.Lo) + (r-rune(x.Lo))/10*10
		}
	}
	for _, x := range unicode.Nd.R32 {
		if rune(x.Lo) <= r && r <= rune(x.Hi) {
			return rune(x.Lo) + (r-rune(x.Lo))/10*10
		}
	}
	return r
}
