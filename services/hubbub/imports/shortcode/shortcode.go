// Package shortcode knows the emoji that Slack and Mattermost write as names between colons.
package shortcode

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"go.mau.fi/util/emojishortcodes"

	"hubbub.internal/libs/emoji"
)

// aliases are names that both products accept besides those of Unicode's data.
var aliases = map[string]string{
	"thumbsup": "+1", "thumbsdown": "-1", "poop": "hankey", "shit": "hankey", "simple_smile": "slightly_smiling_face", "satisfied": "laughing",
	"red_car": "car", "raised_hand": "hand", "punch": "facepunch", "running": "runner", "honeybee": "bee", "telephone": "phone", "email": "e-mail",
	"collision": "boom", "feet": "paw_prints", "flipper": "dolphin", "lantern": "izakaya_lantern", "open_book": "book", "sailboat": "boat",
	"tshirt": "shirt", "waxing_gibbous_moon": "moon", "hocho": "knife", "heavy_exclamation_mark": "exclamation", "uk": "gb",
}

var byName = sync.OnceValue(func() map[string]string {
	all := make(map[string]string)
	for symbol, name := range emojishortcodes.GetMap() {
		if normal, ok := emoji.Normal(symbol); ok {
			all[name] = normal
		}
	}
	for alias, name := range aliases {
		switch {
		case all[alias] == "" && all[name] != "":
			all[alias] = all[name]
		case all[alias] != "" && all[name] == "":
			all[name] = all[alias]
		}
	}
	return all
})

// tones are the skin tones, by the number or word in names.
var tones = map[string]rune{
	"2": '\U0001f3fb', "3": '\U0001f3fc', "4": '\U0001f3fd', "5": '\U0001f3fe', "6": '\U0001f3ff',
	"light": '\U0001f3fb', "medium_light": '\U0001f3fc', "medium": '\U0001f3fd', "medium_dark": '\U0001f3fe', "dark": '\U0001f3ff',
}

// Emoji returns the emoji with a name, without its colons: smile, +1::skin-tone-2 or, as Mattermost
// has it, +1_medium_skin_tone. An emoji that only the other server has stays a name between colons.
func Emoji(name string) string {
	if symbol, ok := find(name); ok {
		return symbol
	}
	return ":" + name + ":"
}

func find(name string) (string, bool) {
	name, tone, toned := strings.Cut(strings.ToLower(name), "::skin-tone-")
	if symbol, ok := byName()[name]; ok {
		if toned {
			symbol = withTone(symbol, tones[tone])
		}
		return symbol, true
	}
	if short, ok := strings.CutSuffix(name, "_skin_tone"); ok && !toned {
		for word, tone := range tones {
			if base, ok := strings.CutSuffix(short, "_"+word); ok && byName()[base] != "" {
				return withTone(byName()[base], tone), true
			}
		}
	}
	if country, ok := strings.CutPrefix(name, "flag-"); ok && byName()[country] != "" {
		return byName()[country], true
	}
	if symbol := byName()["flag-"+name]; symbol != "" {
		return symbol, true
	}
	return "", false
}

// withTone returns an emoji with a skin tone, or unchanged if it takes none.
func withTone(symbol string, tone rune) string {
	if tone == 0 {
		return symbol
	}
	_, n := utf8.DecodeRuneInString(symbol)
	toned, ok := emoji.Normal(symbol[:n] + string(tone) + strings.TrimPrefix(symbol[n:], "\ufe0f"))
	if !ok {
		return symbol
	}
	return toned
}

var inText = regexp.MustCompile(`:([a-zA-Z0-9_+'-]{1,60})(?:::skin-tone-([2-6]))?:`)

// Replace replaces the names of emoji in a text.
func Replace(text string) string {
	if strings.Count(text, ":") < 2 {
		return text
	}
	return inText.ReplaceAllStringFunc(text, func(found string) string {
		if symbol, ok := find(strings.Trim(found, ":")); ok {
			return symbol
		}
		return found
	})
}
