package names_test

import (
	"testing"

	"hubbub.internal/libs/names"
)

func TestHidden(t *testing.T) {
	for text, want := range map[string]bool{
		"lobby": false, "❤\uFE0F hearts": false, "C++ ☕\uFE0F": false, "Zoë": false, "李四": false, "": false,
		"lobby\uFE0F": true, "\u3164": true, "lob\u115Fby": true, "lob\u034Fby": true, "lob\u200Bby": true, "\uFE0F": true,
		"a\uFFA0b": true, "a\U000E0101b": true, "a\u202Eb": true, "a\u00ADb": true, "❤\uFE0F\uFE0F": true,
	} {
		if got := names.Hidden(text); got != want {
			t.Errorf("Hidden(%+q) = %v, want %v", text, got, want)
		}
	}
}
