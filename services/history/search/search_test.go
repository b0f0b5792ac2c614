package search

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func parsed(t *testing.T, text string) *Query {
	t.Helper()
	q, err := Parse(text, time.UTC, now)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return q
}

// marked returns a text with what of it matches between brackets; empty: it does not match.
func marked(q *Query, text string) string {
	ranges, _, ok := q.Match(Message{Text: text, TS: now.UnixMilli(), Link: strings.Contains(text, "http"), Pinned: strings.Contains(text, "📌"), Thread: strings.Contains(text, "🧵")})
	if !ok {
		return ""
	}
	units := utf16.Encode([]rune(text))
	var out strings.Builder
	end := 0
	for _, r := range ranges {
		fmt.Fprintf(&out, "%s[%s]", string(utf16.Decode(units[end:r[0]])), string(utf16.Decode(units[r[0]:r[1]])))
		end = r[1]
	}
	return out.String() + string(utf16.Decode(units[end:]))
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct{ query, text, want string }{
		{"hello", "Hello, hello world", "[Hello], [hello] world"},
		{"hello world ", "world: hello", "[world]: [hello]"},
		{"hello world", "hello", ""},
		{"wor", "the world of words", "the [world] of [words]"},
		{"wor ", "the world", ""},
		{"wor the", "the world", ""},
		{"w", "the world", ""},
		{`"hello world"`, "hello world, hello", "[hello world], hello"},
		{`"hello world"`, "hello big world", ""},
		{`“hello world”`, "Hello-World", "[Hello-World]"},
		{`"hello wor"`, "hello world", ""},
		{"hello -world", "hello world", ""},
		{"hello -world", "hello words", "[hello] words"},
		{`hello -"big world"`, "hello world, how big", "[hello] world, how big"},
		{`hello -"big world"`, "hello big world", ""},
		{"istan", "İstanbul'da", "[İstanbul]'da"},
		{"memes", "les MÊMES", "les [MÊMES]"},
		{"example.com", "see https://example.com/x or example of com", "see https://[example.com]/x or example of com"},
		{"https://example.com", "see https://example.com/x", "see [https://example.com]/x"},
		{"東京", "我去東京都 👩‍💻", "我去[東京]都 👩‍💻"},
		{"京都", "東京都", "東[京都]"},
		{"東京都", "東京と京都", ""},
		{"都", "東京都", "東京[都]"},
		{"東", "東京都", "[東]京都"},
		{"👩‍💻 works", "👩‍💻 works 👩‍💻", "[👩‍💻] [works] [👩‍💻]"},
		{"note: this", "Note this", "[Note] [this]"},
		{"has:link", "https://x.y", "https://x.y"},
		{"has:link", "none", ""},
		{"hello -has:link", "hello https://x.y", ""},
		{"has:file", "https://x.y", ""},
		{"is:pinned hello", "hello 📌", "[hello] 📌"},
		{"is:pinned hello", "hello", ""},
		{"is:thread hello", "hello", ""},
		{"hello on:2026-11-29", "hello", "[hello]"},
		{"hello on:2026-11-28", "hello", ""},
		{"hello before:2026-11-30", "hello", "[hello]"},
		{"hello before:2026-11-29", "hello", ""},
		{"hello after:2026-11-28 before:2026-12", "hello", "[hello]"},
		{"hello after:2026-11-29", "hello", ""},
		{"hello after:yesterday", "hello", "[hello]"},
		{"hello on:2026", "hello", "[hello]"},
		{"hello ... !!!", "hello", "[hello]"},
		{`"hello`, "say hello", "say [hello]"},
		{"is:thread hello", "hello 🧵", "[hello] 🧵"},
		{"is:thread hello", "hello 📌", ""},
		{"is:pinned hello", "hello 🧵", ""},
		{"-is:thread hello", "hello 🧵", ""},
		{"-is:pinned hello", "hello 🧵", "[hello] 🧵"},
		{"-is:pinned hello", "hello 📌", ""},
		{"is:pinned", "hello 📌", "hello 📌"},
		{"hello HAS:Link", "hello http", "[hello] http"},
		{"都", "東京都 x", "東京[都] x"},
		{"東京 都", "東京都", "[東京都]"},
		{`"say hello now" hello`, "say hello now", "[say hello now]"},
		{`say"hello world"`, "say: my hello world", "[say]: my [hello world]"},
		{"wo", "the world", "the [world]"},
		{"hello -wor", "hello world", "[hello] world"},
		{"hello on:today", "hello", "[hello]"},
		{"hello on:Yesterday", "hello", ""},
		{"hello before:2027 before:2026-11", "hello", ""},
		{"hello before:2026-11 before:2027", "hello", ""},
		{"hello after:2026-11-29 after:2025", "hello", ""},
		{"hello after:2025 after:2026-11-29", "hello", ""},
		{"hello after:1970", "hello", "[hello]"},
		{"before:2027", "hello", "hello"},
	} {
		if got := marked(parsed(t, tt.query), tt.text); got != tt.want {
			t.Errorf("%s in %q: %q, want %q", tt.query, tt.text, got, tt.want)
		}
	}
}

func TestDatesAreThoseOfAPlace(t *testing.T) {
	place := time.FixedZone("", 5*3600+1800)
	q, err := Parse("hello on:2026-11-29", place, now)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2026, 11, 28, 18, 30, 0, 0, time.UTC)
	for at, want := range map[time.Time]bool{begin: true, begin.Add(-1): false, begin.Add(24*time.Hour - time.Millisecond): true, begin.Add(24 * time.Hour): false} {
		if _, _, ok := q.Match(Message{Text: "hello", TS: at.UnixMilli()}); ok != want {
			t.Errorf("%s: %v", at, ok)
		}
	}
}

func TestBadQueries(t *testing.T) {
	for query, want := range map[string]string{
		"":                                     "what is to be found",
		"  ":                                   "what is to be found",
		"... !? -- ,":                          "what is to be found",
		strings.Repeat(`"`, 400):               "at most 30 words, phrases",
		strings.Repeat(`"`, 20):                "what is to be found",
		strings.Repeat("a", 10<<10):            "500 characters",
		strings.Repeat("a ", 200):              "at most 30 words, phrases",
		strings.Repeat("東", 100):               "at most 60 words",
		"\xff":                                 "UTF-8",
		"-hello":                               "not only what is not",
		"in:lobby":                             "what is to be found",
		"from: hello":                          "from:ada",
		"has:cheese":                           "link, file, image",
		"is:open x":                            "pinned, thread",
		"colour:red":                           "there is no filter colour:",
		"x before:1969-12-31":                  "before 1970",
		"x after:0001":                         "before 1970",
		"x before:2026-13-45":                  "is no date",
		"x before:soon":                        "is no date",
		"x after:2026-11-29 before:2026-11-29": "exchange them",
		"x -in:lobby":                          "only -from:",
		"x after:2026-11-28 before:2026-11-29": "exchange them",
		"-has:link":                            "not only what is not",
		"is:":                                  "is:pinned",
		"Zone:x":                               "there is no filter zone:",
		strings.Repeat("a", MaxQuery+1):        "500 characters",
		strings.Repeat("a ", maxItems+1):       "at most 30 words, phrases",
		strings.Repeat("東", maxTokens+2):       "at most 60 words",
	} {
		_, err := Parse(query, time.UTC, now)
		if chat.CodeOf(err) != chat.CodeBadRequest || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v", query, err)
		}
	}
}

func TestLargestQueries(t *testing.T) {
	parsed(t, strings.Repeat("a", MaxQuery))
	parsed(t, strings.Repeat("𐌰", MaxQuery)) // four bytes each
	parsed(t, strings.Repeat("a ", maxItems))
	parsed(t, strings.Repeat("東", maxTokens+1)) // a token for each two that stand together
}

func TestTodayIsThatOfAPlace(t *testing.T) {
	q, err := Parse("hello on:today", time.FixedZone("", 14*3600), now)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	for at, want := range map[time.Time]bool{begin: true, begin.Add(-1): false, begin.Add(24*time.Hour - time.Millisecond): true, begin.Add(24 * time.Hour): false} {
		if _, _, ok := q.Match(Message{Text: "hello", TS: at.UnixMilli()}); ok != want {
			t.Errorf("%s: %v", at, ok)
		}
	}
}

func TestTermsOfTimes(t *testing.T) {
	year, month, day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), now
	today := slices.Concat(store.DateTerms(year, year.AddDate(1, 0, 0)), store.DateTerms(month, month.AddDate(0, 1, 0)), store.DateTerms(day, day.Add(time.Second)))
	for query, most := range map[string]int{"x after:2026-11-01": 60, "x before:9999": 60, "x after:yesterday before:9999": 60} {
		all, _ := parsed(t, query).Terms(nil, now)
		if len(all[1]) > most || !slices.ContainsFunc(today, func(term string) bool { return slices.Contains(all[1], term) }) {
			t.Errorf("%s: a message of today, with one of %q, is not among what has one of %d: %.200q", query, today, len(all[1]), all[1])
		}
	}
}

func TestTermsOfParts(t *testing.T) {
	q := parsed(t, "東京 都 x 都 -京 FROM:ada from:\" bob \"")
	if diff := cmp.Diff([]string{"都"}, q.Prefixes()); diff != "" {
		t.Error(diff)
	}
	all, none := q.Terms(map[string][]string{"都": {"都", "都市"}}, now)
	if diff := cmp.Diff([][]string{{"東京"}, {"都", "都市"}, {"x"}, {"都", "都市"}}, all); diff != "" || len(none) > 0 {
		t.Errorf("%s, none of %q", diff, none)
	}
	if diff := cmp.Diff([]string{"ada", "bob"}, q.From); diff != "" {
		t.Error(diff)
	}
}

func TestTerms(t *testing.T) {
	q := parsed(t, `"hello big" 東京都 -bad -"very bad" has:link is:pinned wor`)
	if diff := cmp.Diff([]string{"wor"}, q.Prefixes()); diff != "" {
		t.Error(diff)
	}
	all, none := q.Terms(map[string][]string{"wor": {"word", "world"}}, now)
	want := [][]string{{"hello"}, {"big"}, {"東京"}, {"京都"}, {"word", "world"}, {store.LinkTerm}, {store.PinnedTerm}}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"bad"}, none); diff != "" {
		t.Error(diff)
	}
	all, _ = parsed(t, "x before:2026").Terms(nil, now)
	if n := len(all[1]); n != 56 {
		t.Errorf("all years before are %d terms", n)
	}
	q = parsed(t, `from:ada from:"Bob (guest)" -from:@eve in:#lobby x`)
	if diff := cmp.Diff([][]string{{"ada", "Bob (guest)"}, {"eve"}, {"lobby"}}, [][]string{q.From, q.NotFrom, q.In}); diff != "" {
		t.Error(diff)
	}
}

func TestScore(t *testing.T) {
	q := parsed(t, "big world ")
	score := func(text string) float64 {
		_, s, ok := q.Match(Message{Text: text})
		if !ok {
			t.Fatalf("%q does not match", text)
		}
		return s
	}
	best := []string{"big world", "world big", "world of which we say that it is a big one"}
	for i := 1; i < len(best); i++ {
		if score(best[i-1]) <= score(best[i]) {
			t.Errorf("%q is no better than %q", best[i-1], best[i])
		}
	}
	if score("big big world") <= score("big x world") {
		t.Error("a word that is there twice counts no more")
	}
	q = parsed(t, "big ")
	if score("big a big b") >= 2*score("big a b c") {
		t.Error("the second time counts as much as the first")
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{`a "b c" -d from:e`, `"`, `-"`, "has:", "東 in:x", "on:2026-02-29"} {
		f.Add(text, "some text 東京")
	}
	f.Fuzz(func(t *testing.T, text, message string) {
		q, err := Parse(text, time.UTC, now)
		if err != nil {
			return
		}
		q.Terms(nil, now)
		units := len(utf16.Encode([]rune(message)))
		ranges, _, _ := q.Match(Message{Text: message})
		for _, r := range ranges {
			if r[0] < 0 || r[0] >= r[1] || r[1] > units {
				t.Errorf("%q in %q: %v", text, message, ranges)
			}
		}
	})
}
