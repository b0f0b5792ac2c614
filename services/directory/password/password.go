// Package password decides which passwords are good enough, as NIST SP 800-63B-4 (section 3.1.1.2)
// has it: a length, and a list of passwords that attackers try first, but no rules about kinds of
// characters.
//
// It hashes nothing and keeps nothing.
package password

import (
	_ "embed" // for the list
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"hubbub.internal/libs/chat"
)

const (
	// Min is the least length of a password, in characters.
	Min = 8
	// Max is the greatest, in bytes: more costs time to read and makes nothing safer.
	Max = 256
)

// list has the passwords of at least Min characters out of the 49,000 most common ones that
// @zxcvbn-ts/language-common 4.1.3 (npm, MIT) collects from published leaks: in lower case, sorted
// by bytes, a line each.
//
//go:embed common.txt
var list string

var common = sync.OnceValue(func() []string { return strings.Split(strings.TrimSuffix(list, "\n"), "\n") })

// Check returns nil for a password that the person with this name may have. Names of the product
// and of the person, with nothing or only digits and signs around them, are as easy to guess as a
// common password. Errors: a *chat.Error with code bad_request, whose message tells the person what
// to change.
func Check(password, name string) error {
	if utf8.RuneCountInString(password) < Min || len(password) > Max || !utf8.ValidString(password) {
		return chat.E(chat.CodeBadRequest, fmt.Sprintf("a password has at least %d characters and at most %d bytes", Min, Max))
	}
	folded := strings.ToLower(password)
	if _, found := slices.BinarySearch(common(), folded); found || uniform(folded) {
		return chat.E(chat.CodeBadRequest, "that password is one of those that attackers try first: choose another, best three words that do not belong together")
	}
	letters := strings.Trim(folded, "0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
	if letters == strings.ToLower(name) || letters == "hubbub" {
		return chat.E(chat.CodeBadRequest, "a password that is made of the name is easy to guess: choose another")
	}
	return nil
}

// uniform reports whether a password is one character again and again.
func uniform(s string) bool {
	first, size := utf8.DecodeRuneInString(s)
	return strings.Trim(s[size:], string(first)) == ""
}
