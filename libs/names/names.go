// Package names decides which names people and rooms may have, when two names are equal, and when they look alike.
//
// It follows RFC 8265 (user names), Unicode's identifier profile (UAX #31) and Unicode's security mechanisms
// (UTS #39): the confusables data, "highly restrictive" mixing of scripts, one set of digits per name. It keeps no
// state and asks nobody: whether a name is taken is the directory's business.
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

// Person returns a person's name in its normal form (RFC 8265, UsernameCasePreserved). Names are 1 to MaxPerson
// letters, digits, dots, dashes and underscores, and begin with a letter or digit.
// Errors: a *chat.Error with code bad_request, whose message tells the person what to change.
func Person(name string) (string, error) {
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
	return normal, Restrict(normal)
}

// Key returns what names are compared by: two names with one Key are the same name. It ignores case, full-width and
// other compatible forms, and how a letter with marks is composed.
func Key(name string) string {
	folded := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name)))
	return strings.ReplaceAll(folded, "i\u0307", "i") // İ folds to i and a dot above, which is not seen on an i
}
