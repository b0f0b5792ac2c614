package pace

import (
	"fmt"
	"testing"
	"time"
)

var start = time.UnixMilli(1_700_000_000_000)

func TestRoomIsNotToldAgainAtOnce(t *testing.T) {
	p := New(time.Minute, 60)
	for _, tt := range []struct {
		user, room string
		after      time.Duration
		want       time.Duration
	}{
		{"ann", "a", 0, 0}, {"ann", "a", 10 * time.Second, 50 * time.Second}, {"ann", "b", 10 * time.Second, 0}, {"bob", "a", 10 * time.Second, 0},
		{"ann", "a", time.Minute, 0}, {"ann", "a", 61 * time.Second, 59 * time.Second},
	} {
		if got := p.Wait(tt.user, tt.room, start.Add(tt.after)); got != tt.want {
			t.Errorf("%s of %s after %s waits %s, want %s", tt.user, tt.room, tt.after, got, tt.want)
		}
	}
}

func TestPersonIsToldSoOftenAnHour(t *testing.T) {
	p := New(0, 60)
	told := 0
	for second := range 3600 {
		for i := range 3 {
			if p.Wait("ann", fmt.Sprint(i), start.Add(time.Duration(second)*time.Second)) == 0 {
				told++
			}
		}
		if second == 0 && told != 3 || second == 9 && told != 10 {
			t.Errorf("after %d s told %d times", second, told)
		}
	}
	if told < 68 || told > 70 {
		t.Errorf("told %d times in an hour", told)
	}
	if wait := p.Wait("bob", "a", start); wait != 0 {
		t.Errorf("another waits %s", wait)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := map[int]time.Time{}
	for i := range maxKept + 10 {
		forget(m, start)
		m[i] = start.Add(time.Hour)
	}
	if len(m) > maxKept {
		t.Errorf("%d are kept", len(m))
	}
	forget(m, start.Add(2*time.Hour))
	if len(m) != 0 {
		t.Errorf("%d that are free are kept", len(m))
	}
}
