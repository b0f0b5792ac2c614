package names

import (
	"strings"
	"unicode"

	"go.mau.fi/util/confusable"
	"golang.org/x/text/unicode/norm"
)

// Looks are the look-alike keys of a name: as it is written, and as it is in lower case, since
// people compare both. PauI (with a capital i) looks like Paul, and is the same name as paui. See
// UTS #39, section 4.
//
// They are for comparison only, and change when Unicode's confusables data does (today that of
// Unicode 17.0).
type Looks struct {
	Written string `bson:"look,omitempty"`
	Lower   string `bson:"look_lower,omitempty"`
}

// LooksOf returns the look-alike keys of a name.
func LooksOf(name string) Looks { return Looks{skeleton(name), skeleton(fold(name))} }

// Bare returns a look without its marks, which people leave out who look for a name: that of mêmes
// then has that of mem in it.
func Bare(look string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(look))
}

// Alike reports whether two names look alike: they share a key.
func Alike(a, b string) bool {
	x, y := LooksOf(a), LooksOf(b)
	return x.Written == y.Written || x.Written == y.Lower || x.Lower == y.Written || x.Lower == y.Lower
}

// skeleton maps each letter to the one that stands for all that look like it, in whatever case.
func skeleton(name string) string {
	// Twice: folding the case of a prototype may give a letter that has another one.
	return reduce(fold(reduce(name)))
}

func reduce(name string) string { return also.Replace(confusable.Skeleton(also.Replace(name))) }

// also is the list of look-alikes that Unicode's data lacks, since it lists what looks alike in
// most fonts, and names are small and read in haste: small capitals, and letters of other alphabets
// that only case or a serif tells apart. Each is mapped to the small letter, which folding would
// otherwise not reach.
var also = strings.NewReplacer(
	// Small capitals (Phonetic Extensions, Latin Extended-D): the data maps those that have the
	// form of the small letter.
	"ᴀ", "a", "ʙ", "b", "ᴄ", "c", "ᴅ", "d", "ᴇ", "e", "ꜰ", "f", "ɢ", "g", "ʜ", "h", "ɪ", "i", "ᴊ", "j", "ᴋ", "k", "ʟ", "l",
	"ᴍ", "m", "ɴ", "n", "ᴏ", "o", "ᴘ", "p", "ꞯ", "q", "ʀ", "r", "ꜱ", "s", "ᴛ", "t", "ᴜ", "u", "ᴠ", "v", "ᴡ", "w", "ʏ", "y", "ᴢ", "z",
	// Cyrillic and Greek letters whose small forms are small capitals of Latin ones, or nearly the
	// Latin letter.
	"к", "k", "м", "m", "т", "t", "в", "b", "н", "h", "ь", "b", "г", "r", "п", "n", "ғ", "f",
	"κ", "k", "τ", "t", "χ", "x", "η", "n", "ε", "e", "β", "b", "μ", "m", "ζ", "z", "ω", "w", "γ", "y",
	// Latin letters that are an i, a u or an r but for a serif.
	"ɩ", "i", "ʋ", "u", "ɾ", "r",
)

// Hidden reports whether a text has a character that nobody sees, with which it would look like
// another text (Unicode's Default_Ignorable_Code_Point: fillers, joiners of graphemes, selectors of
// variants). The selector that makes an emoji of the symbol before it (U+FE0F) may stand there.
func Hidden(text string) bool {
	var before rune
	for _, r := range text {
		emoji := r == '\uFE0F' && unicode.IsSymbol(before)
		if !emoji && unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Cf) {
			return true
		}
		before = r
	}
	return false
}
