package protocol

import (
	"fmt"
	"testing"
	"testing/synctest"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/rooms"
)

// TestHintDuringARead: what comes in an own room after the log was read, and of which the loop
// hears before it has what was read, is read as well; but not while the client pages.
func TestHintDuringARead(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		room := chat.UserRoom("ann")
		before := r.message(room, "m0")
		ann := r.login("ann")
		meanwhile := func(id string) {
			synctest.Wait() // what was read is in the mailbox
			r.start(room, id)
			synctest.Wait()
			ann.s.conn.Probe().ReversePosts()
			r.settle()
		}
		r.start(room, "m1")
		synctest.Wait()
		ann.s.conn.Turn()
		meanwhile("m2")
		if ids, _ := ann.entries(before); fmt.Sprint(ids) != "[m1 m2]" {
			t.Errorf("told %v", ids)
		}
		for i := range rooms.MaxReplay {
			r.message(room, fmt.Sprint("n", i))
		}
		ann.all()
		ann.write(`{"type":"join","id":"j","room":%q,"after":{"seq":0}}`, room)
		meanwhile("late")
		all := ann.all()
		if last := all[len(all)-1]; len(all) != rooms.MaxReplay+1 || last.Type != "joined" || !last.More {
			t.Errorf("a page is %d frames, the last %s", len(all), last.raw)
		}
	})
}

// TestOwnRoomAmongOthers: entries of other rooms that came meanwhile are not taken for what the
// client has of its own.
func TestOwnRoomAmongOthers(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		room := chat.UserRoom("ann")
		r.message(room, "m0")
		ann := r.login("ann")
		r.start(room, "m1")
		r.start("lobby", "x")
		r.settle()
		first := ann.want("msg", "m1")
		r.message(room, "m2")
		if f := ann.want("msg", "m2"); f.Prev != first.Seq {
			t.Errorf("after %d came %s", first.Seq, f.raw)
		}
		ann.say(`{"type":"join","id":"j","room":%q,"after":{"seq":%d,"id":"m1"}}`, room, first.Seq)
		if all := ann.all(); len(all) != 2 || all[0].ID != "m2" || all[1].Rewind {
			t.Errorf("told %+v", all)
		}
		ann.say(`{"type":"join","id":"j","room":%q,"after":{"seq":%d,"id":"another"}}`, room, first.Seq)
		if f := ann.want("joined", "j"); !f.Rewind {
			t.Errorf("who names another entry is told %s", f.raw)
		}
	})
}

// TestOwnRoomFoundRewound: a client that has more of its own room than the log is told so, and goes
// on from where the log ends.
func TestOwnRoomFoundRewound(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		room := chat.UserRoom("ann")
		ann := r.login("ann")
		r.message(room, "m1")
		ann.want("msg", "m1")
		r.server.Rewind(room, 0)
		r.message("lobby", "x")
		ann.say(`{"type":"join","id":"j","room":%q,"after":{"seq":%d,"id":"m1"}}`, room, ann.s.own.Probe().Seq(ann.slot))
		f := ann.want("joined", "j")
		if !f.Rewind || f.Room != room || ann.s.own.Probe().Seq(ann.slot) != f.Seq || f.Seq == 0 {
			t.Errorf("told %s, the client has it through %d", f.raw, ann.s.own.Probe().Seq(ann.slot))
		}
		first := r.message(room, "m2")
		if f := ann.want("msg", "m2"); f.Seq != first {
			t.Errorf("told %s", f.raw)
		}
		ann.quiet()
	})
}
