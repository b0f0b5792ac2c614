package tokens_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hubbub.internal/libs/tokens"
)

// TestCases holds the golden cases: what is indexed is kept, so they change with tokens.Version.
func TestCases(t *testing.T) {
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Text   string   `json:"text"`
		Tokens []string `json:"tokens"`
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Text, func(t *testing.T) {
			var got []string
			for _, token := range tokens.Of(c.Text) {
				got = append(got, token.Text)
			}
			if diff := cmp.Diff(c.Tokens, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTokensSayWhereTheyStand(t *testing.T) {
	text := "Ça va 東京, e\u0301te\u0301"
	var got []string
	for _, token := range tokens.Of(text) {
		got = append(got, text[token.Start:token.End])
	}
	if diff := cmp.Diff([]string{"Ça", "va", "東京", "京", "e\u0301te\u0301"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFoldKeepsWordsWhole(t *testing.T) {
	for text, want := range map[string]string{"Les MÊMES, 東京!": "les memes 東京", "İstanbul": "istanbul", "  ": ""} {
		if got := tokens.Fold(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestTokensAreBounded(t *testing.T) {
	for _, text := range []string{strings.Repeat("a ", 50_000), strings.Repeat("東", 50_000), strings.Repeat("🎉", 50_000), strings.Repeat("x", 50_000), strings.Repeat("e\u0301", 50_000)} {
		all := tokens.Of(text)
		if len(all) > tokens.Max {
			t.Errorf("%.10s…: %d tokens", text, len(all))
		}
		for _, token := range all {
			if utf8.RuneCountInString(token.Text) > 2*tokens.MaxRunes {
				t.Errorf("%.10s…: a token of %d characters", text, utf8.RuneCountInString(token.Text))
			}
		}
	}
}

func FuzzOf(f *testing.F) {
	for _, text := range []string{"hello", "東京都", "\xff\xfe", "e\u0301", "ﷺ", "👩‍💻", "한국\u1100\u1161\u11a8"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		end := 0
		for _, token := range tokens.Of(text) {
			if token.Text == "" || token.Start < 0 || token.End > len(text) || token.Start >= token.End || token.End < end {
				t.Fatalf("%q has the token %+v", text, token)
			}
			end = token.Start
			for _, r := range token.Text {
				if r < utf8.RuneSelf && (r < '0' || r > '9') && (r < 'a' || r > 'z') {
					t.Fatalf("%q has the token %q", text, token.Text)
				}
			}
		}
	})
}

func BenchmarkOf(b *testing.B) {
	text := strings.Repeat("a few words ", 9)[:100]
	for b.Loop() {
		tokens.Of(text)
	}
}
