package protocol

import (
	"slices"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/conn"
)

// TestTypingAndReading: of what a socket says more often than others are to be told the first is
// passed on, and of positions the greatest, when its time has come; only a small room is told who
// has read.
func TestTypingAndReading(t *testing.T) {
	for _, small := range []bool{true, false} {
		rigged(t, 2, func(r *rig) {
			a := member
			a.Small = small
			r.access[[2]string{"ann", "lobby"}] = a
			ann, phone, bob := r.login("ann"), r.login("ann"), r.login("bob")
			ann.enter("lobby")
			bob.enter("lobby")
			count := func(c *client, kind string) (n int, last uint64) {
				for _, f := range c.all() {
					if f.Type == kind && f.Room == "lobby" && f.User == "ann" {
						n, last = n+1, f.Seq
					} else if f.Type != "ack" {
						t.Errorf("told %s", f.raw)
					}
				}
				return n, last
			}
			typing := func() { ann.say(`{"type":"typing","room":"lobby"}`) }
			typing()
			typing()
			if n, _ := count(bob, "typing"); n != 1 {
				t.Errorf("told of typing %d times", n)
			}
			count(ann, "typing")
			r.pass(typingEvery*time.Millisecond + conn.TickEvery)
			typing()
			if n, _ := count(bob, "typing"); n != 1 {
				t.Errorf("told of typing %d times, a second later", n)
			}
			count(ann, "typing")
			phone.quiet()

			read := func(seq int) { ann.say(`{"type":"read","id":"r","room":"lobby","seq":%d}`, seq) }
			told := map[bool]int{true: 1, false: 0}[small]
			check := func(what string, times int, seq uint64) {
				t.Helper()
				if n, last := count(phone, "read"); n != times || last != seq {
					t.Errorf("%s: the phone is told %d times, of %d", what, n, last)
				}
				if !small {
					seq = 0
				}
				if n, last := count(bob, "read"); n != times*told || last != seq {
					t.Errorf("%s: the room is told %d times, of %d", what, n, last)
				}
				count(ann, "read")
			}
			read(5)
			check("the first", 1, 5)
			read(9)
			read(7)
			check("too soon", 0, 0)
			r.pass(readEvery*time.Millisecond + conn.TickEvery)
			check("in its time", 1, 9)
			r.pass(2 * readEvery * time.Millisecond)
			read(3)
			check("back", 1, 3)
			r.mu.Lock()
			var kept []uint64
			for _, q := range r.reads {
				if q.User != "ann" || q.Room != "lobby" {
					t.Errorf("history keeps %+v", q)
				}
				kept = append(kept, q.Seq)
			}
			r.mu.Unlock()
			if !slices.Equal(kept, []uint64{5, 9, 3}) {
				t.Errorf("history keeps %v", kept)
			}
			own := chat.UserRoom("ann")
			ann.say(`{"type":"read","id":"r","room":%q,"seq":4}`, own)
			for _, c := range []*client{ann, phone} {
				n := 0
				for _, f := range c.all() {
					if f.Type == "read" && f.Room == own && f.Seq == 4 {
						n++
					}
				}
				if n != 1 {
					t.Errorf("told of what was read of the own room %d times", n)
				}
			}
			bob.quiet()
			ann.say(`{"type":"read","id":"r","room":%q,"seq":8}`, own)
			ann.s.conn.Probe().Drop(ann.slot)
			r.pass(3 * readEvery * time.Millisecond)
			if n := len(ann.s.paces); n != 0 {
				t.Errorf("%d paces are kept", n)
			}
		})
	}
}

// TestReadOnlyTyping: who may not write in a room is not shown as typing.
func TestReadOnlyTyping(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		a := member
		a.Send = false
		r.access[[2]string{"ann", "lobby"}] = a
		ann, bob := r.login("ann"), r.login("bob")
		ann.enter("lobby")
		bob.enter("lobby")
		ann.say(`{"type":"typing","id":"t","room":"lobby"}`)
		ann.refused("t", chat.CodeForbidden)
		bob.quiet()
	})
}
