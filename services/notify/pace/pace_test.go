package pace

import (
	"fmt"
	"testing"
	"time"
)

var start = time.UnixMilli(1_700_000_000_000)

func TestPauseBetweenNoticesOfARoom(t *testing.T) {
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

func TestNoticesPerHour(t *testing.T) {
	p := New(0, 60)
	notices := 0
	for second := range 3600 {
		for i := range 3 {
			if p.Wait("ann", fmt.Sprint(i), start.Add(time.Duration(second)*time.Second)) == 0 {
				notices++
			}
		}
		if second == 0 && notices != 3 || second == 9 && notices != 10 {
			t.Errorf("after %d s there were %d notices", second, notices)
		}
	}
	if notices < 68 || notices > 70 {
		t.Errorf("%d notices in an hour", notices)
	}
	if wait := p.Wait("bob", "a", start); wait != 0 {
		t.Errorf("another person waits %s", wait)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	const most = 100
	m := map[int]time.Time{}
	for i := range most + 10 {
		forget(m, start, most)
		m[i] = start.Add(time.Hour)
	}
	if len(m) != most {
		t.Errorf("%d are kept", len(m))
	}
	forget(m, start.Add(2*time.Hour), most)
	if len(m) != 0 {
		t.Errorf("%d without a limit are kept", len(m))
	}
}

// TestWaitForTheNextNotice: a person waits until a notice is gained, and no longer; with notices
// saved up, not at all.
func TestWaitForTheNextNotice(t *testing.T) {
	p := New(0, 60)
	for i := range 10 {
		if wait := p.Wait("ann", fmt.Sprint(i), start); wait != 0 {
			t.Errorf("notice %d waits %s", i, wait)
		}
	}
	if wait := p.Wait("ann", "a", start.Add(20*time.Second)); wait != 40*time.Second {
		t.Errorf("after 20 s it waits %s", wait)
	}
	if wait := p.Wait("ann", "a", start.Add(time.Minute)); wait != 0 {
		t.Errorf("after a minute it waits %s", wait)
	}
}

func TestPaceForgetsWhatIsOver(t *testing.T) {
	p := New(time.Minute, 60)
	p.most = 10
	for i := range p.most {
		user := fmt.Sprint(i)
		p.rooms[[2]string{user}], p.people[user] = start, start
	}
	p.Wait("ann", "a", start.Add(time.Hour))
	if len(p.rooms) != 1 || len(p.people) != 1 {
		t.Errorf("kept are %d rooms of people, and %d people", len(p.rooms), len(p.people))
	}
}
