package chat_test

import (
	"errors"
	"testing"

	"hubbub.internal/libs/chat"
)

func TestWithText(t *testing.T) {
	for _, tt := range []struct{ data, text, want string }{
		{"\x02{\"type\":\"msg\",\"id\":\"m\",\"text\":\"a\",\"of_later\":[1,{\"b\":9007199254740993}]}", "é\"<b>", "\x02{\"id\":\"m\",\"of_later\":[1,{\"b\":9007199254740993}],\"text\":\"é\\\"\\u003cb\\u003e\",\"type\":\"msg\"}"},
		{"\x01{\"type\":\"msg\",\"text\":\"a\"}", "", "\x01{\"type\":\"msg\"}"},
		{"\x01{\"type\":\"msg\"}", "", "\x01{\"type\":\"msg\"}"},
		{"\x01{\"type\":\"msg\"}", "b", "\x01{\"text\":\"b\",\"type\":\"msg\"}"},
	} {
		got, err := chat.WithText([]byte(tt.data), tt.text)
		if err != nil || string(got) != tt.want {
			t.Errorf("%q with %q is %q, %v", tt.data, tt.text, got, err)
		}
	}
	for _, bad := range []string{"", "\x01", "\x01{", "\x01[1]", "\x01{\"a\":}"} {
		if got, err := chat.WithText([]byte(bad), "x"); !errors.Is(err, chat.ErrBadEntry) {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}

// TestFirst: the beginning of a text is counted in characters or in bytes, and ends between two
// characters.
func TestFirst(t *testing.T) {
	for _, tt := range []struct {
		text              string
		most              int
		characters, bytes string
	}{
		{"", 0, "", ""}, {"ab", 0, "", ""}, {"ab", 3, "ab", "ab"}, {"aé", 3, "aé", "aé"}, {"aé", 2, "aé", "a"}, {"aéb", 3, "aéb", "aé"},
		{"aéb", 1, "a", "a"}, {"世界", 1, "世", ""}, {"世界", 5, "世界", "世"}, {"世", 2, "世", ""}, {"\xff\xffa", 2, "\xff\xff", "\xff\xff"},
	} {
		if got := chat.FirstCharacters(tt.text, tt.most); got != tt.characters {
			t.Errorf("the first %d characters of %q: %q, want %q", tt.most, tt.text, got, tt.characters)
		}
		if got := chat.FirstBytes(tt.text, tt.most); got != tt.bytes {
			t.Errorf("the first %d bytes of %q: %q, want %q", tt.most, tt.text, got, tt.bytes)
		}
	}
}
