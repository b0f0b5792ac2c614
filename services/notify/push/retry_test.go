package push

import (
	"testing"
	"time"
)

func TestRetryAfterIsSecondsOrATime(t *testing.T) {
	now := time.Date(2026, 1, 10, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "0": 0, "-3": 0, "soon": 0, "99999999999999": 0, "Sat, 10 Jan 2026 12:01:30 GMT": 90 * time.Second,
		"Sat, 10 Jan 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q is parsed as %s, want %s", header, got, want)
		}
	}
}

func TestPausesGrow(t *testing.T) {
	s := &Sender{cfg: Config{Pause: 8 * time.Second}}
	for tried, want := range map[int]time.Duration{1: 8 * time.Second, 2: 16 * time.Second, 4: 64 * time.Second} {
		if got := s.backoff(tried); got > want || got < want*3/4 {
			t.Errorf("after %d tries the pause is %s, want about %s", tried, got, want)
		}
	}
}
