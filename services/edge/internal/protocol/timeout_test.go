package protocol

import (
	"testing"
	"time"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
)

// TestTimersOutliveTheirClock has the milliseconds of a shard wrap around, as they do after 49
// days: sockets from before are pinged and closed in their time, no earlier, and no turn in between
// looks at them.
func TestTimersOutliveTheirClock(t *testing.T) {
	const wrap = (1 << 32) * time.Millisecond
	s, l := plainShard()
	now := clocked(s)
	*now = wrap - 20*time.Second
	s.conn.Turn()
	admit(s, 0) // is to be pinged 5 s after the clock has wrapped around
	admit(s, 1)
	until := func(at time.Duration) {
		for ; *now < at; *now += conn.TickEvery {
			s.conn.Turn()
		}
	}
	until(wrap + 5*time.Second)
	if len(l.got[0]) != 0 {
		t.Fatalf("%x was written before its time", l.got[0])
	}
	until(wrap + 6*time.Second)
	if got := l.got[0]; len(got) != 2 || got[0] != 0x89 {
		t.Fatalf("%x was written, and not a ping", got)
	}
	s.conn.Received(1, maskedText(`{"type":"ping","id":"p"}`))
	until(wrap + 41*time.Second)
	if code := l.closedWith(s, 0); code != wire.CloseIdle {
		t.Errorf("the silent socket was closed with %d", code)
	}
	if code := l.closedWith(s, 1); code != 0 {
		t.Errorf("the other socket was closed with %d", code)
	}
}
