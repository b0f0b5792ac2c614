package shortcode

import (
	"testing"

	"hubbub.internal/libs/emoji"
)

// TestEmoji holds names of both products, with the tones of skin as each writes them.
func TestEmoji(t *testing.T) {
	for name, want := range map[string]string{
		"smile": "😄", "+1": "👍", "thumbsup": "👍", "THUMBSUP": "👍", "-1": "👎", "tada": "🎉", "heart": "❤️", "white_check_mark": "✅", "simple_smile": "🙂",
		"+1::skin-tone-2": "👍🏻", "wave::skin-tone-6": "👋🏿", "+1_medium_dark_skin_tone": "👍🏾", "thumbsup_dark_skin_tone": "👍🏿", "point_up::skin-tone-4": "☝🏽",
		"flag-de": "🇩🇪", "us": "🇺🇸", "uk": "🇬🇧", "hash": "#️⃣",
		"partyparrot": ":partyparrot:", "": "::", "+1::skin-tone-9": "👍",
	} {
		if got := Emoji(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for name, symbol := range byName() {
		if !emoji.Is([]byte(symbol)) {
			t.Errorf("%s is %q, which is no emoji", name, symbol)
		}
	}
	if got := Replace("at 10:20:30 :smile::tada: :a b: :own:"); got != "at 10:20:30 😄🎉 :a b: :own:" {
		t.Errorf("a text is %q", got)
	}
}
