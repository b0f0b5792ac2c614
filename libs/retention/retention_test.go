package retention

import (
	"strings"
	"testing"
	"time"
)

// TestRulesAreRead reads what people write, and says what is wrong with what is no rule.
func TestRulesAreRead(t *testing.T) {
	for text, want := range map[string]Rule{
		"": {}, "forever": {Forever: true}, " Never ": {Forever: true}, "30 days": {Days: 30}, "1d": {Days: 1}, "2 weeks": {Days: 14}, "3 months": {Days: 90},
		"1 year": {Days: 365}, "50y": {Days: MaxDays}, "1000 messages": {Count: 1000}, "1 message": {Count: 1},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
		if again, err := Parse(got.String()); err != nil || again != got {
			t.Errorf("%q as %q: %+v, %v", text, got.String(), again, err)
		}
	}
	for text, want := range map[string]string{
		"1969-12-31":                       `a rule is "forever", an age such as "30 days"`,
		"soon":                             `a rule is "forever", an age such as "30 days"`,
		"30":                               "its units are days, weeks, months",
		"3 hours":                          "its units are days, weeks, months",
		"5 m":                              "its units are days, weeks, months",
		"0 days":                           "1 to 18250 days",
		"-3 days":                          "1 to 18250 days",
		"60 years":                         "1 to 18250 days",
		"99999999999999999999 days":        "1 to 18250 days",
		"0 messages":                       "1 to 1000000 messages",
		"1000001 messages":                 "1 to 1000000 messages",
		"99999999999999999999999 messages": "1 to 1000000 messages",
		"1,000 messages":                   "1 to 1000000 messages",
	} {
		if got, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) || got != (Rule{}) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]int{"": 0, "forever": 0, "7 days": 7} {
		if got, err := ParseAge(text); err != nil || got != want {
			t.Errorf("a bound %q: %d, %v", text, got, err)
		}
	}
	if _, err := ParseAge("7 messages"); err == nil {
		t.Error("a number of messages is a bound")
	}
}

// TestBoundsOverruleRooms holds what comes of a room's rule within the bounds of the server.
func TestBoundsOverruleRooms(t *testing.T) {
	b := Bounds{Least: 7, Most: 365}
	for _, tt := range []struct {
		room, server Rule
		want         Effect
		refused      bool
	}{
		{Rule{}, Rule{}, Effect{Days: 365}, false},
		{Rule{Forever: true}, Rule{Days: 30}, Effect{Days: 365}, true},
		{Rule{}, Rule{Days: 30}, Effect{Days: 30}, false},
		{Rule{Days: 3}, Rule{Days: 30}, Effect{Days: 7}, true},
		{Rule{Days: 1000}, Rule{}, Effect{Days: 365}, true},
		{Rule{Count: 5}, Rule{}, Effect{Days: 365, Count: 5, Least: 7}, false},
	} {
		if got := b.Effect(tt.room, tt.server); got != tt.want {
			t.Errorf("%q in %q: %+v, want %+v", tt.room, tt.server, got, tt.want)
		}
		if err := b.Check(tt.room); (err != nil) != tt.refused {
			t.Errorf("%q is refused: %v", tt.room, err)
		}
	}
	none := Bounds{}
	if e := none.Effect(Rule{}, Rule{}); e.Removes() || none.Check(Rule{Days: 1}) != nil || none.Validate() != nil {
		t.Errorf("without any rule: %+v", e)
	}
	if (Bounds{Least: 8, Most: 7}).Validate() == nil {
		t.Error("bounds that cross are taken")
	}
	if got := Before(time.UnixMilli(5), MaxDays); got != 0 {
		t.Errorf("a time before 1970 is %d", got)
	}
}
