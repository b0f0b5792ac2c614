package mattermost

import (
	"strings"
	"testing"

	"hubbub.internal/services/hubbub/imports/roster"
)

// TestMarkdown holds what of a text of Mattermost is written otherwise here, and whom it mentions.
func TestMarkdown(t *testing.T) {
	names := &roster.Roster{People: map[string]roster.Person{"ann": {ID: "a1", Name: "Ann"}, "bob.m": {ID: "b1", Name: "Bob-2"}}}
	for _, tt := range []struct{ in, out, who string }{
		{"", "", ""},
		{"@ann, @ANN @bob.m. @bob.m.x @all! @Channel @here", "@Ann, @Ann @Bob-2. @bob.m.x @room! @room @here", "a1 b1 @room @here"},
		{"x@ann _@ann @nobody @", "x@ann _@ann @nobody @", ""},
		{"`@ann :smile:` https://x.example/@ann/:smile: ```\n@ann\n```", "`@ann :smile:` https://x.example/@ann/:smile: ```\n@ann\n```", ""},
		{"**b** :tada: :own: &amp;", "**b** 🎉 :own: &amp;", ""},
	} {
		got, who := Markdown(tt.in, names)
		if got != tt.out || strings.Join(who, " ") != tt.who {
			t.Errorf("%q is %q, and mentions %q; want %q and %q", tt.in, got, who, tt.out, tt.who)
		}
	}
}
