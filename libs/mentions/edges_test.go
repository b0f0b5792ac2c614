package mentions_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"hubbub.internal/libs/mentions"
	"hubbub.internal/libs/names"
)

// TestEdges has what stands just before and behind a mention.
func TestEdges(t *testing.T) {
	long := strings.Repeat("a", names.MaxPerson)
	for text, want := range map[string]mentions.Found{
		"@ann `@bob` @cat":           {Users: []string{"ann", "cat"}},
		"@ann ```\n@bob\n``` @cat":   {Users: []string{"ann", "cat"}},
		"` ` @ann":                   {Users: []string{"ann"}},
		"`  `@ann`  `":               {Users: []string{"ann"}},
		"@ann https://x.y/@bob @cat": {Users: []string{"ann", "cat"}},
		"/@ann":                      {},
		"x@ann":                      {},
		"x\u0301@ann":                {},
		"\u0301@ann":                 {Users: []string{"ann"}},
		"@@ann":                      {},
		".@ann":                      {},
		"ー@ann":                      {Users: []string{"ann"}},
		"ｰ@ann":                      {Users: []string{"ann"}},
		"山@ann":                      {Users: []string{"ann"}},
		"\u0e00@ann":                 {Users: []string{"ann"}},
		"@":                          {},
		"@ @ann":                     {Users: []string{"ann"}},
		"@ann..b":                    {Users: []string{"ann"}},
		"@ann.-b":                    {Users: []string{"ann"}},
		"@ann.":                      {Users: []string{"ann"}},
		"@ann.b":                     {Users: []string{"ann.b"}},
		"@ann.c":                     {},
		"@ann.b.":                    {Users: []string{"ann.b"}},
		"@ann山":                      {Users: []string{"ann"}},
		"@ann\u0301":                 {},
		"@ann\u0301.b":               {},
		"@room @ann @here":           {Users: []string{"ann"}, Room: true, Here: true},
		"@ann @ann":                  {Users: []string{"ann"}},
		"@" + long:                   {Users: []string{long}},
		"@" + long + "a":             {},
	} {
		got := mentions.Read(text).Resolve(knows("ann", "bob", "cat", "ann.b", long))
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty(), withoutNames); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

// TestNamesToLookUp leaves out the words that mean many, and repeats.
func TestNamesToLookUp(t *testing.T) {
	got := mentions.Read("@room @Here @ann @here @bob @ann @ROOM").Names()
	if diff := cmp.Diff([]string{"ann", "bob"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestMay: what may mention somebody in a text or a JSON literal, and what is cut in the middle.
func TestMay(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "ann": false, "@": true, "x＠": true, "！": false, "\xef": false, "\xef\xbc": false, "\xef\xbd\xa0": false,
		`\`: false, `x\`: false, `\n`: false, `\u0040`: true, `u`: false, "x\\u": true,
	} {
		if got := mentions.May([]byte(text)); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}
