package chat

import (
	"cmp"
	"strings"
	"testing"
)

// TestUnnamed: of who is gone an entry has no name any more, whoever appended it, and all else
// stays.
func TestUnnamed(t *testing.T) {
	gone := func(user string) bool { return user == "ann" }
	for _, tt := range []struct{ sender, entry, want string }{
		{"ann", `{"type":"msg","id":"1","user":"ann","name":"Ann","text":"I am Ann","new":[1]}`, `{"id":"1","name":"Deleted account","new":[1],"text":"I am Ann","type":"msg","user":"ann"}`},
		{"bob", `{"type":"msg","id":"1","user":"bob","name":"Bob","text":"\"user\":\"ann\""}`, ""},
		{"ann", `{"type":"reacted","user":"ann","name":"Ann","emoji":"x"}`, `{"emoji":"x","name":"Deleted account","type":"reacted","user":"ann"}`},
		{"ann", `{"type":"msg","user":"ann"}`, `{"type":"msg","user":"ann"}`},
		{"directory", `{"type":"moderated","user":"bob","name":"Bob","member":"ann","member_name":"Ann"}`, `{"member":"ann","member_name":"Deleted account","name":"Bob","type":"moderated","user":"bob"}`},
		{"directory", `{"type":"moderated","user":"ann","name":"Ann","member":"bob","member_name":"Bob"}`, `{"member":"bob","member_name":"Bob","name":"Deleted account","type":"moderated","user":"ann"}`},
		{"directory", `{"type":"moderated","user":"bob","name":"Bob","act":"rules"}`, ""},
		{"directory", `{"type":"member","user":"bob","name":"Ann","member":"ann"}`, `{"member":"ann","name":"Deleted account","type":"member","user":"bob"}`},
		{"directory", `{"type":"member","user":"ann","name":"Bob","member":"bob"}`, ""},
		{"directory", `{"type":"topic","user":"ann","name":"The lobby"}`, ""},
		{"directory", `{"type":"new","user":"ann","name":"Ann"}`, `{"name":"Deleted account","type":"new","user":"ann"}`},
		{"ann", `none`, ""},
	} {
		data := append([]byte{EntryVersion}, tt.entry...)
		got, err := Unnamed(tt.sender, data, gone)
		if want := cmp.Or(tt.want, tt.entry); err != nil || string(got[1:]) != want || got[0] != EntryVersion {
			t.Errorf("%s: %s, %v", tt.entry, got[1:], err)
		}
		if tt.want == "" && len(got) > 0 && &got[0] != &data[0] {
			t.Errorf("%s was copied", tt.entry)
		}
	}
	if _, err := Unnamed("ann", []byte(string(rune(EntryVersion))+`{"type":"msg","user"`), gone); err == nil || !strings.Contains(err.Error(), ErrBadEntry.Error()) {
		t.Errorf("what ends in the middle: %v", err)
	}
}
