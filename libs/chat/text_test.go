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
