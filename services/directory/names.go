package directory

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"

	"hubbub.internal/libs/chat"
)

const (
	maxName = 32 // characters of a user's name
	// guestMark ends the name of every guest. A registered name has no space, so nobody can look like a user who is
	// not.
	guestMark = " (guest)"
)

// checkName returns a name in its normal form (RFC 8265), and the key that names are compared by: names that look alike
// have the same one.
func checkName(name string) (normal, key string, err error) {
	bad := chat.E(chat.CodeBadRequest, fmt.Sprintf("a name has 1 to %d letters, digits, dots, dashes and underscores, and begins with a letter or digit", maxName))
	if len(name) > 4*maxName {
		return "", "", bad
	}
	normal, err = precis.UsernameCasePreserved.String(name)
	if err != nil || normal == "" || utf8.RuneCountInString(normal) > maxName {
		return "", "", bad
	}
	for i, r := range normal {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r)
		if !letter && (i == 0 || !unicode.IsMark(r) && !strings.ContainsRune("._-", r)) {
			return "", "", bad
		}
	}
	return normal, skeleton(normal), nil
}

// skeleton folds a name: compatible forms (NFKC), case, and then the letters of other alphabets that look like Latin
// ones, as Unicode's security mechanisms have it (https://www.unicode.org/reports/tr39/#Confusable_Detection). A name in
// one alphabet thereby stays different from all that look different.
func skeleton(name string) string {
	name = norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name)))
	return strings.ReplaceAll(lookAlike.Replace(name), "i\u0307", "i") // a dot on the dot is not seen
}

// lookAlike maps folded letters to the Latin ones that they cannot be told from.
var lookAlike = strings.NewReplacer(
	// Cyrillic.
	"а", "a", "е", "e", "о", "o", "р", "p", "с", "c", "у", "y", "х", "x", "ѕ", "s", "і", "i", "ј", "j", "ԛ", "q", "ԝ", "w",
	"һ", "h", "ԁ", "d", "ӏ", "l", "к", "k", "м", "m", "т", "t", "в", "b", "н", "h", "ь", "b", "г", "r", "п", "n", "ё", "ë", "ї", "ï", "ѵ", "v", "ү", "y", "ғ", "f",
	// Greek: its small letters, and those whose capitals are Latin ones.
	"ο", "o", "ν", "v", "α", "a", "ι", "i", "ρ", "p", "υ", "u", "γ", "y", "κ", "k", "τ", "t", "χ", "x", "η", "n", "ε", "e", "β", "b", "ϲ", "c", "ϳ", "j", "ω", "w", "μ", "m", "ζ", "z",
	// Armenian, and the Latin letters outside of ASCII that look like others.
	"օ", "o", "ս", "u", "հ", "h", "ո", "n", "ց", "g", "զ", "q", "ı", "i", "ɑ", "a", "ɡ", "g", "ɩ", "i", "ʋ", "u", "ɾ", "r", "ʏ", "y", "ᴏ", "o",
)
