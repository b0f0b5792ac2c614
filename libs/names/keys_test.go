package names

import (
	"encoding/json"
	"os"
	"testing"
)

// The page compares names itself, and its tests read the same cases (web/src/text/name.test.ts):
// the file has a case of each letter that Key takes for another.
func TestKeyCases(t *testing.T) {
	raw, err := os.ReadFile("testdata/keys.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases [][3]any // two names, and whether they are one
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	covered := map[string]bool{}
	for _, c := range cases {
		one, two, same := c[0].(string), c[1].(string), c[2].(bool)
		covered[one] = true
		if (Key(one) == Key(two)) != same {
			t.Errorf("%q has the key %q, %q has %q; the file says that they are one: %v", one, Key(one), two, Key(two), same)
		}
	}
	for r := rune(1); r <= 0x10FFFF; r++ {
		letter := string(r)
		if mapped := sameLetter.Replace(letter); mapped != letter && !covered[letter] {
			t.Errorf("testdata/keys.json has no case of %q, which Key takes for %q", letter, mapped)
		}
	}
}
