package slack

import (
	"slices"
	"strings"
	"testing"

	"hubbub.internal/services/hubbub/imports/roster"
)

// TestMarkdown holds how texts of Slack are written here, and whom they mention.
func TestMarkdown(t *testing.T) {
	names := &roster.Roster{People: map[string]roster.Person{"U1": {ID: "a1", Name: "Ann"}}, Rooms: map[string]string{"C1": "plans"}}
	for _, tt := range []struct{ in, out, who string }{
		{"", "", ""},
		{"<@U1>, <@U1|ann> and <@U2|bob> and <@U3>", "@Ann, @Ann and @bob and @U3", "a1"},
		{"<!here> <!channel|@channel> <!everyone>", "@here @room @room", "@here @room"},
		{"<!subteam^S1|@devs> <!date^1392734382^{date}|18 February> <!subteam^S2>", "@devs 18 February subteam", ""},
		{"<#C1> <#C1|old> <#C2|gone> <#C3>", "#plans #plans #gone #C3", ""},
		{"<https://a.example/?x=1&amp;y=2>", "https://a.example/?x=1&y=2", ""},
		{"<https://a.example/a b|say &lt;this&gt; [now]>", `[say <this> \[now\]](https://a.example/a%20b)`, ""},
		{"<mailto:a@b.example|a@b.example> <mailto:a@b.example|Ann>", "a@b.example Ann (a@b.example)", ""},
		{"*bold* and *two words*, (*in*) 2*3*4 * no* *no *", "**bold** and **two words**, (**in**) 2*3*4 * no* *no *", ""},
		{"*not\nbold*", "*not\nbold*", ""},
		{"~gone~ a~b~c _it_", "~~gone~~ a~b~c _it_", ""},
		{"&amp;lt; &lt;b&gt; &amp;", "&lt; <b> &", ""},
		{"`*a* <@U1> :smile: &lt;` ```\n*b* <https://x.example|x>\n```", "`*a* @Ann :smile: <` ```\n*b* https://x.example\n```", ""},
		{":smile: :+1::skin-tone-2: :own: 10:20:30", "😄 👍🏻 :own: 10:20:30", ""},
		{"*<@U1>* <> <|x> < a", "**@Ann** <> <|x> < a", "a1"},
		{"a\x00b", "ab", ""},
	} {
		got, who := Markdown(tt.in, names)
		if got != tt.out || strings.Join(who, " ") != tt.who {
			t.Errorf("%q is %q, and mentions %q; want %q and %q", tt.in, got, who, tt.out, tt.who)
		}
	}
}

func TestTimes(t *testing.T) {
	for ts, want := range map[string]int64{"1355517523.000008": 1355517523000008, "1355517523": 1355517523000000, "0.5": 500000} {
		if got, ok := timeOf(ts); !ok || got != want {
			t.Errorf("%s is %d, %v", ts, got, ok)
		}
	}
	for _, ts := range []string{"", "x", "-1.0", "1.-5", "1.1234567", "99999999999999999999.0", "99999999999.0"} {
		if got, ok := timeOf(ts); ok {
			t.Errorf("%q is %d", ts, got)
		}
	}
}

// FuzzMarkdown holds that no text is too much, and mentions nobody twice.
func FuzzMarkdown(f *testing.F) {
	names := &roster.Roster{People: map[string]roster.Person{"U1": {ID: "a1", Name: "Ann"}}}
	f.Add("<@U1> *a* <!here|x> `<#C1>` <https://x|y> ~~ ** <@>")
	f.Fuzz(func(t *testing.T, text string) {
		_, who := Markdown(text, names)
		slices.Sort(who)
		if len(slices.Compact(slices.Clone(who))) != len(who) {
			t.Errorf("%q mentions %q", text, who)
		}
	})
}
