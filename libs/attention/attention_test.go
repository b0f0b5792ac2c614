package attention_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/attention"
)

func parse(t *testing.T, preferences string) attention.Choices {
	t.Helper()
	c, err := attention.Parse([]byte(preferences))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLevelOfARoom(t *testing.T) {
	for _, tt := range []struct {
		preferences string
		want        attention.Level
	}{
		{``, attention.Mentions},
		{`{}`, attention.Mentions},
		{`{"notify":{}}`, attention.Mentions},
		{`{"notify":{"level":"everything"}}`, attention.Everything},
		{`{"notify":{"level":"nothing"}}`, attention.Nothing},
		{`{"notify":{"level":"nothing","rooms":{"r":"everything"}}}`, attention.Everything},
		{`{"notify":{"level":"everything","rooms":{"r":"nothing","s":"mentions"}}}`, attention.Nothing},
		{`{"notify":{"level":"everything"},"muted":["r"]}`, attention.Mentions},
		{`{"notify":{"level":"nothing"},"muted":["r"]}`, attention.Nothing},
		{`{"notify":{"rooms":{"r":"everything"}},"muted":["r"]}`, attention.Everything},
		{`{"notify":{"level":"everything"},"muted":[1,{"a":2}]}`, attention.Everything},
	} {
		c := parse(t, tt.preferences)
		if got := c.In("r"); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.preferences, got, tt.want)
		}
	}
}

func TestChoicesOfNoFormAreRefused(t *testing.T) {
	rooms := make([]string, attention.MaxRooms+1)
	for i := range rooms {
		rooms[i] = fmt.Sprintf(`"r%d":"nothing"`, i)
	}
	for _, notify := range []string{
		`1`, `[]`, `"x"`, `{"level":"loud"}`, `{"level":1}`, `{"rooms":{"a b":"nothing"}}`, `{"rooms":{"a":"loud"}}`, `{"rooms":{"a":""}}`,
		`{"rooms":{` + strings.Join(rooms, ",") + `}}`, `{"words":["a",""]}`, `{"words":[" "]}`, `{"words":["` + strings.Repeat("x", 65) + `"]}`,
		`{"words":[` + strings.Repeat(`"a",`, attention.MaxWords) + `"a"]}`, `{"quiet":{"from":-1,"to":2,"zone":"UTC"}}`,
		`{"quiet":{"from":1,"to":1440,"zone":"UTC"}}`, `{"quiet":{"from":1,"to":2,"zone":"Local"}}`, `{"quiet":{"from":1,"to":2,"zone":"Mars/Base"}}`,
		`{"quiet":{"from":1,"to":2,"zone":"../../etc/passwd"}}`, `{"paused":-1}`, `{"paused":1e300}`,
	} {
		if c, err := attention.Parse([]byte(`{"notify":` + notify + `}`)); err == nil {
			t.Errorf("%.60s is taken as %+v", notify, c)
		}
	}
}

// TestQuietHours are those of the person's zone, across midnight and with summer time.
func TestQuietHours(t *testing.T) {
	night := parse(t, `{"notify":{"quiet":{"from":1320,"to":420,"zone":"Europe/Berlin"}}}`)
	noon := parse(t, `{"notify":{"quiet":{"from":720,"to":780,"zone":"Asia/Tokyo"}}}`)
	none := parse(t, `{"notify":{"quiet":{"from":60,"to":60,"zone":"UTC"}}}`)
	for _, tt := range []struct {
		c    attention.Choices
		at   string
		want bool
	}{
		{night, "2026-01-10T20:59:59Z", false}, {night, "2026-01-10T21:00:00Z", true}, {night, "2026-01-11T05:59:00Z", true},
		{night, "2026-01-11T06:00:00Z", false}, {night, "2026-07-10T20:00:00Z", true}, {night, "2026-07-10T05:00:00Z", false},
		{noon, "2026-01-10T03:00:00Z", true}, {noon, "2026-01-10T04:00:00Z", false}, {none, "2026-01-10T01:00:00Z", false},
	} {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := tt.c.Silent(at); got != tt.want {
			t.Errorf("%+v at %s: %v", tt.c.Quiet, tt.at, got)
		}
	}
}

func TestPaused(t *testing.T) {
	c := parse(t, `{"notify":{"paused":2000}}`)
	if !c.Silent(time.UnixMilli(1999)) || c.Silent(time.UnixMilli(2000)) {
		t.Error("a pause does not end when it was to")
	}
}
