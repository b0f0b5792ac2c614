package emoji

import (
	"strings"
	"testing"
)

func TestNormal(t *testing.T) {
	for s, want := range map[string]string{
		"👍": "👍", "👍🏽": "👍🏽", "❤": "❤️", "❤️": "❤️", "🏳️‍🌈": "🏳️‍🌈", "🏳‍🌈": "🏳️‍🌈",
		"👩‍❤‍💋‍👩": "👩‍❤️‍💋‍👩", "👨‍👩‍👧‍👦": "👨‍👩‍👧‍👦", "🇩🇪": "🇩🇪", "🇪🇺": "🇪🇺", "1️⃣": "1️⃣", "1⃣": "1️⃣", "#️⃣": "#️⃣",
		"☝🏿": "☝🏿", "☝": "☝️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿": "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🏴‍☠": "🏴‍☠️", "©": "©️", "©️": "©️", "🏻": "🏻",
		"👍️":      "👍", // a selector that is not needed is not another reaction
		":party:": ":party:", ":+1:": ":+1:", ":a_b-9:": ":a_b-9:", ":" + strings.Repeat("x", MaxName) + ":": ":" + strings.Repeat("x", MaxName) + ":",
	} {
		got, ok := Normal(s)
		if !ok || got != want {
			t.Errorf("%+q: %+q, %v; want %+q", s, got, ok, want)
		}
		if again, ok := Normal(got); !ok || again != got {
			t.Errorf("%+q is not its own form: %+q", got, again)
		}
	}
	for _, s := range []string{
		"", "x", "1", "#", "hello", "👍👍", "👍x", "x👍", "\ufe0f", "\u200d", "👍\u200d", "\u200d👍", "👍\ufe0f\ufe0f", "👍\ufe0e", "🇽🇽", "🇩", "🇩🇪🇩🇪",
		"🏴\U000e0067\U000e007f", "👍\U000e0061\U000e007f", "1\ufe0f", "\u20e3", "👍🏽🏽", "👍\u20e3", "🇩🇪\u200d👍", "é", "א", "\xff", "👍\xff", " 👍", "👍\n", "\U000e0061",
		":", "::", ":::", ":a:", ":Party:", ":par ty:", "party", ":party", "party:", "::party::", ":party:party:", ":pärty:", ":party:👍", "👍:party:", " :party:", ":party:\n",
		":" + strings.Repeat("x", MaxName+1) + ":", ":pa\x00ty:", ":pa.ty:", ":pa/ty:",
	} {
		if got, ok := Normal(s); ok || got != s {
			t.Errorf("%+q is taken for an emoji: %+q", s, got)
		}
	}
}

func TestIsAllocatesNothing(t *testing.T) {
	for _, s := range []string{"👨‍👩‍👧‍👦", ":party:", ":par ty:"} {
		b := []byte(s)
		if n := testing.AllocsPerRun(100, func() { Is(b) }); n > 0 {
			t.Errorf("%s: %v allocations", s, n)
		}
	}
}

func FuzzNormal(f *testing.F) {
	for _, s := range []string{"👍", "❤️", "🏳️‍🌈", "1⃣", "🇩🇪", "x", ":party:", ":party", "::", strings.Repeat("👍\u200d", 9), "\xf0\x9f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := Normal(s)
		if again, still := Normal(n); still != ok || again != n {
			t.Errorf("%+q becomes %+q, and that %+q", s, n, again)
		}
	})
}

// TestOddOnes: keycaps and signs that are emoji, and what is only a part of one.
func TestOddOnes(t *testing.T) {
	for s, want := range map[string]bool{
		"*️⃣": true, "#️⃣": true, "0⃣": true, "©": true, "®": true, "*": false, "®®": false, "\U000e0067": false, "\U000e007f": false,
	} {
		if Is([]byte(s)) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}
