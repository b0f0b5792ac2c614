// Package retention is how long the record keeps the messages of a room: what people write for it,
// and what follows from a room's rule, the server's, and the server's bounds.
package retention

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	// MaxDays is the longest age that a rule has: 50 years. What counts back further comes before
	// 1970, when there were no messages.
	MaxDays = 50 * 365
	// MaxCount is the greatest number of messages that a rule has.
	MaxCount = 1_000_000
)

// Rule says which messages of a room are kept. At most one field is set. The zero Rule is none: of
// a room, the server's counts; of the server, all messages are kept.
type Rule struct {
	Forever bool
	Days    int // those that are no older
	Count   int // so many, the newest
}

// form is a number and a unit.
var form = regexp.MustCompile(`^([+-]?[0-9][0-9,_.]*)\s*([a-z]*)$`)

// units are how many days a unit has; 0: it counts messages.
var units = map[string]int{
	"d": 1, "day": 1, "days": 1, "w": 7, "week": 7, "weeks": 7, "month": 30, "months": 30, "y": 365, "year": 365, "years": 365,
	"message": 0, "messages": 0,
}

// Parse returns the rule that a text is: "forever", an age such as "30 days", "2w" or "1 year", or
// a number such as "1000 messages"; empty: none. An error says what a rule is.
func Parse(text string) (Rule, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	switch text {
	case "":
		return Rule{}, nil
	case "forever", "never":
		return Rule{Forever: true}, nil
	}
	found := form.FindStringSubmatch(text)
	if found == nil {
		return Rule{}, errors.New(`a rule is "forever", an age such as "30 days", or a number such as "1000 messages"`)
	}
	days, known := units[found[2]]
	if !known {
		return Rule{}, errors.New(`a rule is "forever", an age such as "30 days", or a number such as "1000 messages"; its units are days, weeks, months (of 30 days), years (of 365 days) and messages`)
	}
	n, err := strconv.Atoi(found[1])
	switch {
	case days == 0 && (err != nil || n < 1 || n > MaxCount):
		return Rule{}, fmt.Errorf("a rule keeps 1 to %d messages, or all: forever", MaxCount)
	case days == 0:
		return Rule{Count: n}, nil
	case err != nil || n < 1 || n > MaxDays/days:
		return Rule{}, fmt.Errorf("a rule keeps messages for 1 to %d days (50 years), or forever", MaxDays)
	}
	return Rule{Days: n * days}, nil
}

// String returns the text that Parse makes the rule of.
func (r Rule) String() string {
	switch {
	case r.Forever:
		return "forever"
	case r.Days > 0:
		return counted(r.Days, "day")
	case r.Count > 0:
		return counted(r.Count, "message")
	}
	return ""
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Bounds are those of a server, in days, 0 for none: no room removes what is younger than Least, or
// keeps what is older than Most.
type Bounds struct{ Least, Most int }

// ParseAge returns the days of a text such as "30 days"; none and "forever": 0.
func ParseAge(text string) (int, error) {
	r, err := Parse(text)
	if err != nil || r.Count > 0 {
		return 0, fmt.Errorf(`a bound is an age of 1 to %d days, such as "7 days", or empty for none`, MaxDays)
	}
	return r.Days, nil
}

// Validate returns an error if no rule could keep to the bounds.
func (b Bounds) Validate() error {
	if b.Most > 0 && b.Least > b.Most {
		return fmt.Errorf("what is to be kept for %s at least cannot be removed after %s", counted(b.Least, "day"), counted(b.Most, "day"))
	}
	return nil
}

// Check returns an error for a rule that the bounds would overrule.
func (b Bounds) Check(r Rule) error {
	switch {
	case r.Days > 0 && r.Days < b.Least:
		return fmt.Errorf("whoever runs this server wants messages to be kept for %s at least", counted(b.Least, "day"))
	case b.Most > 0 && (r.Forever || r.Days > b.Most):
		return fmt.Errorf("whoever runs this server wants messages to be kept for %s at most", counted(b.Most, "day"))
	}
	return nil
}

// Effect is what is done in a room: a message is removed if it is older than Days, or not among the
// Count newest and older than Least. Of Days and Count, 0 is no condition.
type Effect struct {
	Days  int `json:"days,omitempty"`
	Count int `json:"count,omitempty"`
	Least int `json:"least,omitempty"`
}

// Effect returns what follows from a room's rule, or if that is none from the server's.
func (b Bounds) Effect(room, server Rule) Effect {
	r := room
	if r == (Rule{}) {
		r = server
	}
	e := Effect{Days: r.Days, Count: r.Count}
	if b.Most > 0 && (e.Days == 0 || e.Days > b.Most) {
		e.Days = b.Most
	}
	if e.Days > 0 {
		e.Days = max(e.Days, b.Least)
	}
	if e.Count > 0 {
		e.Least = b.Least
	}
	return e
}

// Removes reports whether messages are removed at all.
func (e Effect) Removes() bool { return e.Days > 0 || e.Count > 0 }

// Before returns the time, in UTC milliseconds, before which messages are removed for a number of
// days.
func Before(now time.Time, days int) int64 {
	return max(0, now.Add(-time.Duration(days)*24*time.Hour).UnixMilli())
}

// String says the effect in words, for logs.
func (e Effect) String() string {
	var parts []string
	if e.Days > 0 {
		parts = append(parts, counted(e.Days, "day"))
	}
	if e.Count > 0 {
		parts = append(parts, counted(e.Count, "message"))
	}
	if e.Least > 0 {
		parts = append(parts, "but "+counted(e.Least, "day")+" at least")
	}
	if len(parts) == 0 {
		return "forever"
	}
	return strings.Join(parts, ", ")
}
