package password

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"hubbub.internal/libs/chat"
)

func TestCheck(t *testing.T) {
	for _, good := range []string{
		"correct horse", "пароль из слов", "密码密码密码密码!", "rutabaga-Quantum-7", strings.Repeat("ab", Max/2), "adalovelace ada", "my ada is here",
	} {
		if err := Check(good, "Ada"); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "short", "1234567", strings.Repeat("ab", Max/2) + "c", "\xffabcdefgh",
		"password", "PASSWORD", "password1", "12345678", "qwertyuiop", "iloveyou1", "1q2w3e4r5t", "football1",
		"aaaaaaaaaaaa", "........", "ääääääää",
		"Ada-Ada-", "ada12345", "!!!ADA2026", "hubbub!!", "Hubbub2026",
	} {
		name := "Ada"
		if bad == "Ada-Ada-" {
			name = "ada-ada"
		}
		if err := Check(bad, name); chat.CodeOf(err) != chat.CodeBadRequest {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := Check("ada12345", "Grace"); err != nil {
		t.Errorf("another's name: %v", err)
	}
}

// TestList holds what the search relies on.
func TestList(t *testing.T) {
	if !slices.IsSorted(common()) || len(common()) < 10_000 {
		t.Errorf("%d passwords, sorted: %t", len(common()), slices.IsSorted(common()))
	}
	for _, p := range common() {
		if p != strings.ToLower(p) || utf8.RuneCountInString(p) < Min {
			t.Errorf("%q cannot be found", p)
		}
	}
}
