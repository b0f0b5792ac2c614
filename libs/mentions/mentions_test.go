package mentions_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hubbub.internal/libs/mentions"
	"hubbub.internal/libs/names"
)

// knows returns what knows these names: guests by their look, others by their key.
func knows(all ...string) func(string) (string, bool) {
	byKey := map[string]string{}
	for _, name := range all {
		byKey[names.Key(name)] = name
	}
	return func(name string) (string, bool) {
		known, ok := byKey[names.Key(name)]
		return known, ok
	}
}

// withoutNames: what the cases say leaves out how the text names somebody.
var withoutNames = cmpopts.IgnoreFields(mentions.Found{}, "Names")

// TestNamesAreThoseOfTheText: pages show a mention where one of these names stands.
func TestNamesAreThoseOfTheText(t *testing.T) {
	got := mentions.Read("@ADA, ＠ａｄａ 你好@小明请看 @none @room").Resolve(knows("ada", "小明"))
	want := mentions.Found{Users: []string{"ada", "小明"}, Names: []string{"ADA", "小明"}, Room: true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestCases has the cases that the web client's test reads, too.
func TestCases(t *testing.T) {
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Text     string   `json:"text"`
		Names    []string `json:"names"`
		Mentions []string `json:"mentions"`
		Room     bool     `json:"room"`
		Here     bool     `json:"here"`
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Text, func(t *testing.T) {
			got := mentions.Read(c.Text).Resolve(knows(c.Names...))
			want := mentions.Found{Users: c.Mentions, Room: c.Room, Here: c.Here}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), withoutNames); diff != "" {
				t.Error(diff)
			}
			if some := len(got.Users) > 0 || got.Room || got.Here; some && !mentions.May([]byte(c.Text)) {
				t.Error("May says that it mentions nobody")
			}
		})
	}
}

// TestLetterOfAnotherAlphabet: what the directory takes for one name is one in a mention, too.
func TestLetterOfAnotherAlphabet(t *testing.T) {
	got := mentions.Read("@pаul").Resolve(knows("paul")) // with a Cyrillic а
	if diff := cmp.Diff([]string{"paul"}, got.Users); diff != "" {
		t.Error(diff)
	}
}

func TestNamesAreAskedForOnce(t *testing.T) {
	got := mentions.Read("@ada, @ada and @room: @bob.b").Names()
	if diff := cmp.Diff([]string{"ada", "bob.b"}, got); diff != "" {
		t.Error(diff)
	}
	got = mentions.Read("你好@小明请").Names()
	if diff := cmp.Diff([]string{"小明请", "小明", "小"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestMayReadsLiterals(t *testing.T) {
	for text, want := range map[string]bool{`"hello"`: false, `"\u0040ada"`: true, `"＠"`: true, `"a@b"`: true, `"ｈello\n"`: false} {
		if got := mentions.May([]byte(text)); got != want {
			t.Errorf("May(%s) is %v", text, got)
		}
	}
}

// TestManyMentionsAreBounded: a text that is nothing but mentions asks for few names.
func TestManyMentionsAreBounded(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "@n%d ", i)
	}
	if n := len(mentions.Read(b.String()).Names()); n != mentions.Max {
		t.Errorf("asks for %d names", n)
	}
	if n := len(mentions.Read("@" + strings.Repeat("明", 10_000)).Names()); n > 2*names.MaxPerson {
		t.Errorf("one mention asks for %d names", n)
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{"@ada", "你好@小明请看", "`@a` ```@b``` https://x.y/@c", "\xff@\xff", "@Cy (guest)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read := mentions.Read(text)
		for _, name := range read.Names() {
			if !strings.Contains(text, name) || name == "" {
				t.Errorf("%q does not have %q", text, name)
			}
		}
		read.Resolve(func(string) (string, bool) { return "", false })
	})
}
