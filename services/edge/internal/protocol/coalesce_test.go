package protocol

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/rooms"
)

const coalesceFor = 2 * time.Millisecond

// clocked gives a shard a clock that stands still until the test moves it. Its rooms wait as large
// ones do.
func clocked(s *Shard) *time.Duration {
	now := time.Hour
	s.conn.Probe().SetClock(func() time.Duration { return now })
	s.hub.fan.Options.Coalesce = coalesceFor
	s.fan.Probe().SetEach(coalesceFor)
	return &now
}

// log appends entries to a room.
type log struct {
	f   *rooms.RoomTopic
	seq uint64
}

func newLog(s *Shard, room string) *log {
	return &log{f: s.hub.rooms.Open(room)}
}

func (l *log) entry() {
	l.seq++
	l.f.Log().Entry(entry(l.f.Room, l.seq, l.seq-1, 10))
}

func (l *fakeLoop) frames(slot uint32, kind string) int {
	return strings.Count(string(l.got[slot]), `"type":"`+kind+`"`)
}

// TestQuietRoomDoesNotWait: an entry comes as soon as the time of the one before is over.
func TestQuietRoomDoesNotWait(t *testing.T) {
	s, l := plainShard()
	now := clocked(s)
	room := newLog(s, "quiet")
	admit(s, 0)
	seat(s, 0, "quiet")
	for i := range 20 {
		room.entry()
		s.conn.Turn()
		if n := l.frames(0, "msg"); n != i+1 {
			t.Fatalf("%d of %d entries came at once", n, i+1)
		}
		*now += coalesceFor
	}
	if l.writes != 20 {
		t.Errorf("%d writes", l.writes)
	}
}

// TestBusyRoomShares has entries of a busy room share a write, which comes when the first of them
// has waited for long enough, and until then the loop waits for no longer.
func TestBusyRoomShares(t *testing.T) {
	s, l := plainShard()
	now := clocked(s)
	room := newLog(s, "busy")
	for slot := range uint32(3) {
		admit(s, slot)
		seat(s, slot, "busy")
	}
	start := *now
	turn := func(at time.Duration, entries, want int, wait time.Duration) {
		t.Helper()
		*now = start + at
		for range entries {
			room.entry()
		}
		got := s.conn.Turn()
		for slot := range uint32(3) {
			if n := l.frames(slot, "msg"); n != want {
				t.Fatalf("at %s socket %d has %d entries, not %d", at, slot, n, want)
			}
		}
		if wait > 0 && got != wait {
			t.Fatalf("at %s the loop would wait for %s, not %s", at, got, wait)
		}
	}
	const µs = time.Microsecond
	turn(0, 2, 2, 0)
	turn(300*µs, 1, 2, 1700*µs)
	turn(900*µs, 5, 2, 1100*µs)
	turn(1999*µs, 1, 2, 1*µs)
	turn(2000*µs, 0, 9, 0)
	turn(2100*µs, 1, 9, 1900*µs) // what was shared is news as well
	turn(4000*µs, 1, 11, 0)
	turn(9000*µs, 1, 12, 0)
	if l.writes != 3*4 {
		t.Errorf("%d writes to 3 sockets", l.writes)
	}
	if s.conn.Turn(); s.fan.Probe().Dirty()+s.fan.Probe().Waiting() != 0 {
		t.Errorf("%d rooms have news, and %d wait", s.fan.Probe().Dirty(), s.fan.Probe().Waiting())
	}
}

// TestSmallRoomWaitsLess: a busy room waits for a time by its size, and at most for the bound.
func TestSmallRoomWaitsLess(t *testing.T) {
	for sockets, want := range map[uint32]time.Duration{1: fanout.CoalesceEach, 10: 10 * fanout.CoalesceEach, 99: 99 * fanout.CoalesceEach, 100: coalesceFor, 500: coalesceFor} {
		s, l := plainShard()
		now := clocked(s)
		s.fan.Probe().SetEach(fanout.CoalesceEach)
		room := newLog(s, "room")
		for slot := range sockets {
			admit(s, slot)
			seat(s, slot, "room")
		}
		room.entry()
		s.conn.Turn()
		room.entry()
		if wait := s.conn.Turn(); wait != want || l.frames(0, "msg") != 1 {
			t.Errorf("with %d sockets the loop would wait for %s, not %s", sockets, wait, want)
		}
		*now += want
		if s.conn.Turn(); l.frames(0, "msg") != 2 {
			t.Errorf("with %d sockets it has not come after %s", sockets, want)
		}
	}
}

// TestBusyRoomHoldsUpNobody: acknowledgements and other rooms come at once while a room waits; a
// socket that is in both rooms gets what waits in its time.
func TestBusyRoomHoldsUpNobody(t *testing.T) {
	s, l := newTestShard(t)
	now := clocked(s)
	busy, quiet := newLog(s, "busy"), newLog(s, "quiet")
	allow(t, s, "user0", "busy")
	for slot := range uint32(2) {
		admit(s, slot)
		seat(s, slot, "busy")
		seat(s, slot, "quiet")
	}
	busy.entry()
	s.conn.Turn()
	*now += coalesceFor / 2
	busy.entry()
	quiet.entry()
	s.conn.Received(0, maskedText(`{"type":"ping","id":"p"}`))
	s.conn.Turn()
	if got := string(l.got[0]); l.frames(0, "msg") != 2 || l.frames(1, "msg") != 2 || !strings.Contains(got, `"room":"quiet"`) || !strings.Contains(got, `"ack"`) {
		t.Fatalf("the quiet room and the command waited: %q", got)
	}
	s.conn.Received(0, maskedText(`{"type":"send","id":"s","room":"busy","msg_id":"m","text":"x"}`))
	s.conn.Turn()
	if n := l.frames(0, "ack"); n < 2 {
		t.Fatalf("%d acknowledgements came", n)
	}
	if n := l.frames(1, "msg"); n != 2 {
		t.Fatalf("the busy room did not wait: %d entries", n)
	}
	*now += coalesceFor / 2
	s.conn.Turn()
	if l.frames(0, "msg") != 3 || l.frames(1, "msg") != 3 {
		t.Fatal("the busy room's entry has not come in its time")
	}
}

// TestLargeRoomIsNotHeldWithinItsPass: turns follow each other until a room has been served, and
// it waits only then.
func TestLargeRoomIsNotHeldWithinItsPass(t *testing.T) {
	s, l := plainShard()
	clocked(s)
	s.fan.Probe().Bounds().Visits = 10
	room := newLog(s, "large")
	for slot := range uint32(35) {
		admit(s, slot)
		seat(s, slot, "large")
	}
	room.entry()
	for i, want := range []int{10, 20, 30, 35} {
		wait := s.conn.Turn()
		if i == 0 {
			// in the middle of the pass, so that those of its first part have another to come
			room.entry()
		}
		if len(l.got) != want || want < 35 && wait != 0 {
			t.Fatalf("turn %d wrote to %d sockets; the loop would wait for %s", i+1, len(l.got), wait)
		}
	}
	if wait := s.conn.Turn(); wait != coalesceFor || l.frames(0, "msg") != 1 {
		t.Errorf("the second pass was not held: the loop would wait for %s", wait)
	}
}

// TestCoalescingIsBounded holds, over any sequence of entries of any rooms, that no entry waits for
// longer than the bound if the loop waits for no longer than it was told.
func TestCoalescingIsBounded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, l := plainShard()
		now := clocked(s)
		const rooms = 4
		var logs [rooms]*log
		var came [rooms][]time.Duration // by room: when each entry came
		for i := range logs {
			room := fmt.Sprint("room", i)
			logs[i] = newLog(s, room)
			admit(s, uint32(i))
			seat(s, uint32(i), room)
		}
		for range rapid.IntRange(1, 200).Draw(rt, "turns") {
			for range rapid.IntRange(0, 3).Draw(rt, "entries") {
				i := rapid.IntRange(0, rooms-1).Draw(rt, "room")
				logs[i].entry()
				came[i] = append(came[i], *now)
			}
			wait := s.conn.Turn()
			for wait == 0 {
				wait = s.conn.Turn()
			}
			for i := range logs {
				for _, at := range came[i][l.frames(uint32(i), "msg"):] {
					if *now-at >= coalesceFor {
						rt.Fatalf("an entry of room %d has waited for %s", i, *now-at)
					}
					if wait < 0 || *now+wait > at+coalesceFor {
						rt.Fatalf("the loop would wait for %s with an entry of room %d that has waited for %s", wait, i, *now-at)
					}
				}
			}
			pause := time.Duration(rapid.IntRange(0, 3000).Draw(rt, "pause")) * time.Microsecond
			if wait > 0 {
				pause = min(pause, wait)
			}
			*now += pause
		}
		*now += coalesceFor
		s.conn.Turn()
		for i := range logs {
			if n := l.frames(uint32(i), "msg"); n != len(came[i]) {
				rt.Fatalf("room %d: %d of %d entries came", i, n, len(came[i]))
			}
		}
	})
}
