// Package names decides which names people and rooms may have, when two names are equal, and when
// they look alike.
//
// It follows RFC 8265 (user names), Unicode's identifier profile (UAX #31) and Unicode's security
// mechanisms (UTS #39): the confusables data, "highly restrictive" mixing of scripts, one set of
// digits per name. It keeps no state and asks nobody: whether a name is taken is the directory's
// business.
//
// All functions are safe for concurrent use.
package names

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

// MaxPerson is the greatest length of a person's name, in characters.
const MaxPerson = 32

// Person returns the normal form of a name that a person may take: see Normal and Restrict.
func Person(name string) (string, error) {
	normal, err := Normal(name)
	if err == nil {
		err = Restrict(normal)
	}
	return normal, err
}

// Normal returns a person's name in its normal form (RFC 8265, UsernameCasePreserved). Names are 1
// to MaxPerson letters, digits, dots, dashes and underscores, and begin with a letter or digit.
// Errors: a *chat.Error with code bad_request, whose message tells the person what to change.
func Normal(name string) (string, error) {
	bad := chat.E(chat.CodeBadRequest, fmt.Sprintf(
		"a name has 1 to %d letters, digits, dots, dashes and underscores, and begins with a letter or digit", MaxPerson))
	if len(name) > 4*MaxPerson {
		return "", bad
	}
	normal, err := precis.UsernameCasePreserved.String(name)
	if err != nil || normal == "" || utf8.RuneCountInString(normal) > MaxPerson {
		return "", bad
	}
	for i, r := range normal {
		letter := unicode.IsLetter(r) || unicode.IsDigit(r)
		if !letter && (i == 0 || !unicode.IsMark(r) && !strings.ContainsRune("._-", r)) {
			return "", bad
		}
	}
	return normal, nil
}

// Key returns what names are compared by: two names with one Key are the same name, for a log-in
// and for a mention. It ignores case, full-width and other compatible forms, and how a letter with
// marks is composed, and takes letters of other alphabets for the Latin ones that they cannot be
// told from. It is stored, so it never changes; Looks finds more names that look alike.
func Key(name string) string { return undot(sameLetter.Replace(foldCase(name))) }

// fold ignores case and compatible forms.
func fold(name string) string { return undot(foldCase(name)) }

func foldCase(name string) string {
	return norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name)))
}

// undot removes a dot on the dot of an i, which is not seen: İ folds to these two.
func undot(name string) string { return strings.ReplaceAll(name, "i\u0307", "i") }

// sameLetter maps folded letters to the Latin ones that they cannot be told from.
var sameLetter = strings.NewReplacer(
	// Cyrillic.
	"а", "a", "е", "e", "о", "o", "р", "p", "с", "c", "у", "y", "х", "x", "ѕ", "s", "і", "i", "ј", "j", "ԛ", "q", "ԝ", "w",
	"һ", "h", "ԁ", "d", "ӏ", "l", "к", "k", "м", "m", "т", "t", "в", "b", "н", "h", "ь", "b", "г", "r", "п", "n", "ё", "ë", "ї", "ï", "ѵ", "v", "ү", "y", "ғ", "f",
	// Greek: its small letters, and those whose capitals are Latin ones.
	"ο", "o", "ν", "v", "α", "a", "ι", "i", "ρ", "p", "υ", "u", "γ", "y", "κ", "k", "τ", "t", "χ", "x", "η", "n", "ε", "e", "β", "b", "ϳ", "j", "ω", "w", "μ", "m", "ζ", "z",
	// Armenian, and the Latin letters outside of ASCII that look like others.
	"օ", "o", "ս", "u", "հ", "h", "ո", "n", "ց", "g", "զ", "q", "ı", "i", "ɑ", "a", "ɡ", "g", "ɩ", "i", "ʋ", "u", "ɾ", "r", "ʏ", "y", "ᴏ", "o",
)
