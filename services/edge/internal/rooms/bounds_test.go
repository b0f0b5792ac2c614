package rooms

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/metrics"
	"hubbub.internal/services/edge/internal/ring"
	"hubbub.internal/services/edge/internal/session"
	"hubbub.internal/services/edge/internal/uptime"
)

// TestExplain: what a bus has against a message is told as what it is, and so is that it is away.
func TestExplain(t *testing.T) {
	for err, code := range map[error]string{
		bus.ErrFull: chat.CodeUnavailable, bus.ErrTooLarge: chat.CodeTooLarge, bus.ErrUnavailable: chat.CodeUnavailable, bus.ErrClosed: chat.CodeUnavailable,
		context.DeadlineExceeded: chat.CodeUnavailable, context.Canceled: chat.CodeUnavailable,
	} {
		e := Explain(fmt.Errorf("append: %w", err))
		if e == nil || e.Code != code || code == chat.CodeUnavailable && e.RetryAfter == 0 || (e == errLogFull) != errors.Is(err, bus.ErrFull) {
			t.Errorf("%v: %+v", err, e)
		}
	}
	if e := Explain(errors.New("something else")); e != nil {
		t.Errorf("something else: %v", e)
	}
}

// TestSlowTable: who has just sent waits until the time is over, also when the table has made room
// for others since, and not when the message came to nothing.
func TestSlowTable(t *testing.T) {
	table := newSlowTable()
	table.limit = 2
	now := time.Unix(1_700_000_000, 0)
	wait := func(user string, after time.Duration) time.Duration {
		return table.reserve(user, "lobby", 30, now.Add(after))
	}
	for _, user := range []string{"a", "b", "c"} {
		if w := wait(user, 0); w != 0 {
			t.Errorf("%s waits %s", user, w)
		}
	}
	if len(table.young) != 1 || len(table.old) != 2 {
		t.Errorf("%d are young and %d old", len(table.young), len(table.old))
	}
	for user, after := range map[string]time.Duration{"a": time.Second, "c": 29 * time.Second} {
		if w := wait(user, after); w != 30*time.Second-after {
			t.Errorf("%s waits %s after %s", user, w, after)
		}
	}
	table.giveBack("a", "lobby")
	table.giveBack("c", "lobby")
	for _, user := range []string{"a", "c"} {
		if w := wait(user, time.Second); w != 0 {
			t.Errorf("%s, whose message came to nothing, waits %s", user, w)
		}
	}
	if w := wait("b", 30*time.Second); w != 0 {
		t.Errorf("when the time is over b waits %s", w)
	}
	if w := table.reserve("b", "other", 30, now.Add(31*time.Second)); w != 0 {
		t.Errorf("in another room b waits %s", w)
	}
}

// TestSlowTableNotes: a message that the log has counts from when it came, unless one that is not
// over yet does.
func TestSlowTableNotes(t *testing.T) {
	table := newSlowTable()
	now := time.Unix(1_700_000_000, 0)
	table.noteSent("a", "lobby", 30, now)
	// its own, a moment after it was reserved
	table.noteSent("a", "lobby", 30, now.Add(10*time.Second))
	if w := table.reserve("a", "lobby", 30, now.Add(20*time.Second)); w != 10*time.Second {
		t.Errorf("after 20 s: %s", w)
	}
	table.noteSent("a", "lobby", 30, now.Add(30*time.Second))
	if w := table.reserve("a", "lobby", 30, now.Add(40*time.Second)); w != 20*time.Second {
		t.Errorf("10 s after the next: %s", w)
	}
}

// TestWhoSaysHowSlow: a room is as slow as members are told; whoever need not wait says nothing of
// it.
func TestWhoSaysHowSlow(t *testing.T) {
	f := &RoomTopic{}
	for _, tt := range []struct {
		a    directory.Access
		want int32
	}{
		{directory.Access{Role: directory.RoleMember, Slow: 30}, 30}, {directory.Access{Role: directory.RoleModerator}, 30},
		{directory.Access{}, 30}, {directory.Access{Role: directory.RoleMember, Slow: 5}, 5}, {directory.Access{Role: directory.RoleMember}, 0},
	} {
		if f.SlowMode(tt.a); f.slow.Load() != tt.want {
			t.Errorf("%+v makes it %d", tt.a, f.slow.Load())
		}
	}
}

// TestStoppedWhileStarting: a topic that is given up while it is being followed is not followed
// then, and channels are left once.
func TestStoppedWhileStarting(t *testing.T) {
	stopped := 0
	sub := subscription(func() { stopped++ })
	f := &RoomTopic{hub: &Hub{}}
	f.stop()
	if f.started(sub, nil); stopped != 1 {
		t.Errorf("stopped %d times", stopped)
	}
	c := &liveChannel{sub: sub}
	c.stop()
	if c.stop(); stopped != 2 {
		t.Errorf("a channel was left %d times", stopped-1)
	}
}

// TestSweep: what an idle room remembers is let go after a while, and a room that nobody is in
// when its time is over.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer uptime.SetStart(time.Now().Add(-time.Hour))()
		m := metrics.New(nil)
		fan := fanout.NewHub(fanout.Options{Ring: ring.Limits{Bytes: 4096, Entries: 64, Keep: 30}}, 0, m)
		h := NewHub(Options{}, nil, session.NewHub(session.Options{}, session.Deps{Metrics: m}, 0), fan)
		f := h.Open("lobby")
		_, at := f.Ring().Plain().Head()
		f.Live([]byte(`{}`))
		held := func() ring.Status {
			_, _, status := f.Ring().Plain().Copy(nil, at, 100)
			return status
		}
		time.Sleep(time.Minute)
		for n := 1; n < 10; n++ {
			h.Sweep(n)
		}
		if held() != ring.Held {
			t.Error("forgotten at once")
		}
		if h.Sweep(10); held() == ring.Held {
			t.Error("remembered for ever")
		}
		h.release(f)
		h.Sweep(0)
		if h.Followed() != 1 {
			t.Error("given up at once")
		}
		time.Sleep(Linger)
		if h.Sweep(1); h.Followed() != 0 {
			t.Error("kept for ever")
		}
	})
}
