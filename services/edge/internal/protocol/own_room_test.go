package protocol

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/ownroom"
	"hubbub.internal/services/edge/internal/rooms"
)

// entries returns the ids of the entries that came, and checks that each says truly what came
// before it.
func (c *client) entries(from uint64) (ids []string, last uint64) {
	c.r.t.Helper()
	for _, f := range c.all() {
		if f.Type == "joined" {
			continue
		}
		if f.Type != "msg" || f.Prev > from || f.Seq <= from {
			c.r.t.Errorf("after %d came %s", from, f.raw)
		}
		ids, from = append(ids, f.ID), f.Seq
	}
	return ids, from
}

// TestOwnRoom: what comes in a user's own room reaches all sockets of the user, on all loops, once
// and in order, also when the hints of it are lost; and nobody else.
func TestOwnRoom(t *testing.T) {
	rigged(t, 2, func(r *rig) {
		room := chat.UserRoom("ann")
		r.message(room, "before")
		all := []*client{r.login("ann"), r.login("ann"), r.login("ann")}
		bob := r.login("bob")
		at := make([]uint64, len(all))
		for i, c := range all {
			c.say(`{"type":"join","id":"j","room":%q}`, room)
			at[i] = c.want("joined", "j").Seq
		}
		wants := func(what string, ids ...string) {
			t.Helper()
			for i, c := range all {
				var got []string
				if got, at[i] = c.entries(at[i]); !slices.Equal(got, ids) {
					t.Errorf("%s: socket %d got %q, want %q", what, i, got, ids)
				}
			}
		}
		r.message(room, "m1")
		wants("live", "m1")
		r.server.Hold()
		for i := range 3 {
			id := fmt.Sprint("h", i)
			r.bus.Append(bus.NewEntry{Room: room, Sender: "far", ID: id, Data: message(room, id)}, func(bus.Appended, error) {})
		}
		r.server.Release()
		r.settle()
		wants("all at once", "h0", "h1", "h2")

		r.server.LoseHints(true)
		r.message(room, "lost1")
		r.message(room, "lost2")
		wants("hints are lost")
		r.pass(ownroom.CompareEvery*time.Millisecond + time.Second)
		for _, c := range append(all, bob) {
			c.say(`{"type":"ping"}`)
		}
		wants("compared", "lost1", "lost2")
		r.message(room, "lost3")
		r.server.LoseHints(false)
		r.server.Up() // which has watchers compare
		r.settle()
		wants("suspected", "lost3")

		// A log that cannot be read is read a second later.
		r.server.Fail(func(call, _ string) error {
			if call == "Replay" {
				return errors.New("the log is away")
			}
			return nil
		})
		r.message(room, "m2")
		wants("the log is away")
		r.server.Fail(nil)
		r.pass(2 * ownroom.CompareSoon * time.Millisecond)
		wants("the log is back", "m2")
		// And so are ends that cannot be asked for.
		r.server.LoseHints(true)
		r.message(room, "m3")
		r.server.Fail(func(call, _ string) error {
			if call == "Heads" {
				return errors.New("the log is away")
			}
			return nil
		})
		r.server.Up()
		r.settle()
		wants("nobody knows the ends")
		r.server.Fail(nil)
		r.server.LoseHints(false)
		r.pass(2 * ownroom.CompareSoon * time.Millisecond)
		wants("somebody does", "m3")
		r.pass(5 * time.Second)
		wants("later")
		bob.quiet()
	})
}

// TestSuspectedDuringAComparison: what is missed after the log has answered a comparison, and
// before that has ended, is found by another one, if there was a reason.
func TestSuspectedDuringAComparison(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		r.server.LoseHints(true)
		ann.s.own.Probe().Compare()
		synctest.Wait() // the log has answered
		r.start(chat.UserRoom("ann"), "missed")
		synctest.Wait()
		ann.s.own.Probe().Compare()
		r.settle()
		ann.want("msg", "missed")
	})
}

// TestReadOfOwnRoomEndsWithItsSession: what was being read of the own room of who has gone is not
// in the way of who comes next.
func TestReadOfOwnRoomEndsWithItsSession(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		r.server.Down()
		ann.s.own.Probe().Replay(ann.slot)
		synctest.Wait() // it is on its way
		ann.s.conn.Gone(ann.slot)
		r.server.Up()
		r.settle()
		r.next = ann.slot
		bob := r.login("bob")
		r.message(chat.UserRoom("bob"), "m1")
		bob.want("msg", "m1")
	})
}

// TestOwnRoomRewound: who names an entry that was lost with the end of the log begins anew, and
// gets what comes then.
func TestOwnRoomRewound(t *testing.T) {
	rigged(t, 2, func(r *rig) {
		room := chat.UserRoom("ann")
		r.message(room, "m0")
		ann, again := r.login("ann"), r.login("ann")
		r.message(room, "m1")
		ann.want("msg", "m1")
		again.want("msg", "m1")
		r.server.Rewind(room, 0)
		r.settle()
		r.message(room, "m2")
		ann.want("msg", "m2")
		again.want("msg", "m2")
		// A position in what was lost.
		ann.say(`{"type":"join","id":"j","room":%q,"after":{"seq":1,"id":"m1"}}`, room)
		if f := ann.want("joined", "j"); !f.Rewind {
			t.Errorf("told %s", f.raw)
		}
		r.message(room, "m3")
		ann.want("msg", "m3")
		// When the end is not known it is asked for again.
		r.server.Fail(func(call, _ string) error {
			if call == "Heads" {
				return errors.New("the log is away")
			}
			return nil
		})
		ann.say(`{"type":"join","id":"j","room":%q,"after":{"seq":1,"id":"m1"}}`, room)
		ann.refused("j", chat.CodeInternal)
		again.all()
		r.server.Fail(nil)
	})
}

// TestOwnRoomsLogIsBehind: where the log ends before what a session's client has of its own room,
// it was rewound, and is read; where it ends just there, or has no more of the room, nothing is.
func TestOwnRoomsLogIsBehind(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		r.message(chat.UserRoom("ann"), "m1")
		ann := r.login("ann")
		own := ann.s.own.Probe().Seq(ann.slot)
		at := func(seq uint64) bus.Position { return bus.Position{Seq: seq} }
		for _, tt := range []struct {
			head bus.Head
			read bool
		}{
			{bus.Head{Position: at(own), Through: own}, false}, {bus.Head{Through: own + 7}, false}, {bus.Head{Position: at(own - 1), Through: own}, false},
			{bus.Head{Through: own - 1}, true}, {bus.Head{Position: at(own - 1), Through: own - 1}, true}, {bus.Head{Position: at(own + 1), Through: own + 1}, true},
		} {
			ann.s.own.Probe().Compared(ann.slot, tt.head)
			if read := ann.s.own.Probe().Reading(ann.slot); read != tt.read {
				t.Errorf("the client has it through %d, the log is %+v: it is read: %v", own, tt.head, read)
			}
			r.settle()
		}
	})
}

// TestOwnRoomPages: a client pages through what it missed of its own room, and gets what is new
// meanwhile with the last page.
func TestOwnRoomPages(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		room := chat.UserRoom("ann")
		first := r.message(room, "first")
		for i := range 2 * rooms.MaxReplay {
			r.message(room, fmt.Sprint("n", i))
		}
		ann := r.login("ann")
		at, id, got := first, "first", 0
		for more, pages := true, 0; more; pages++ {
			ann.say(`{"type":"join","id":"j","room":%q,"after":{"seq":%d,"id":%q}}`, room, at, id)
			all := ann.all()
			joined := all[len(all)-1]
			if joined.Type != "joined" || joined.ID != "j" || joined.Rewind || joined.More != (pages < 2) {
				t.Fatalf("page %d ends with %s", pages, joined.raw)
			}
			for _, f := range all[:len(all)-1] {
				if f.Prev > at || f.Seq <= at || f.ID != fmt.Sprint("n", got) && f.ID != "new" {
					t.Fatalf("after %d, %d entries: %s", at, got, f.raw)
				}
				at, id = f.Seq, f.ID
				got++
			}
			if more = joined.More; more && joined.Seq != at {
				t.Fatalf("page %d ends at %d: %s", pages, at, joined.raw)
			}
			if pages == 0 {
				r.message(room, "new")
				ann.quiet() // it comes in its turn
			}
		}
		if got != 2*rooms.MaxReplay+1 {
			t.Errorf("%d entries came", got)
		}
		r.message(room, "live")
		ann.want("msg", "live")

		// Joins wait for each other, and not too many of them.
		for i := range ownroom.MaxJoins + 2 {
			ann.write(`{"type":"join","id":"%d","room":%q,"after":{"seq":%d}}`, i, room, at)
		}
		r.settle()
		answered := map[string]string{}
		for _, f := range ann.all() {
			if f.Type == "joined" || f.Type == "error" {
				if answered[f.ID] != "" {
					t.Errorf("answered twice: %s", f.raw)
				}
				answered[f.ID] = f.Type
			}
		}
		for i := range ownroom.MaxJoins + 2 {
			want := "joined"
			if i > ownroom.MaxJoins {
				want = "error"
			}
			if got := answered[fmt.Sprint(i)]; got != want {
				t.Errorf("join %d is answered %q, want %q", i, got, want)
			}
		}
		// A join without a position ends the paging.
		ann.say(`{"type":"join","id":"j","room":%q,"after":{"seq":0}}`, room)
		all := ann.all()
		page := all[len(all)-1].Seq
		r.message(room, "paged")
		ann.quiet()
		ann.say(`{"type":"join","id":"j","room":%q}`, room)
		if ids, _ := ann.entries(page); len(ids) == 0 || ids[len(ids)-1] != "paged" {
			t.Errorf("after a join without a position came %d entries", len(ids))
		}
		r.server.Fail(func(call, _ string) error {
			if call == "Replay" {
				return errors.New("the log is away")
			}
			return nil
		})
		ann.say(`{"type":"join","id":"j","room":%q,"after":{"seq":0}}`, room)
		ann.refused("j", chat.CodeInternal)
		r.server.Fail(nil)
		r.pass(2 * time.Second)
		r.message(room, "last")
		ann.want("msg", "last")
	})
}

// TestMissedLongAgo: what the log no longer has comes from the record, with its true prev; a rewind
// that only the record knows of is told.
func TestMissedLongAgo(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		var seqs []uint64
		for i := range 3 {
			seqs = append(seqs, r.message("lobby", fmt.Sprint("m", i)))
		}
		prev := seqs[0]
		for i := 1; i < 3; i++ {
			r.record = append(r.record, history.Entry{Seq: seqs[i], Prev: prev, User: "far", ID: fmt.Sprint("m", i), Data: message("lobby", fmt.Sprint("m", i))})
			prev = seqs[i]
		}
		h := r.hub.rooms
		was := h.Bus
		h.Bus = truncated{was}
		ann.say(`{"type":"join","id":"j","room":"lobby","after":{"seq":%d,"id":"m0"}}`, seqs[0])
		h.Bus = was
		all := ann.all()
		if len(all) != 3 || all[0].ID != "m1" || all[0].Prev != seqs[0] || all[1].ID != "m2" || all[1].Prev != seqs[1] || all[2].Type != "joined" || all[2].Rewind {
			t.Errorf("told %+v", all)
		}
		r.message("lobby", "m3")
		ann.want("msg", "m3")
	})
}
