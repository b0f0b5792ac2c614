package protocol

import (
	"testing"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
)

// TestStuckSocket: a client that reads nothing is closed after the time that writing may take, and
// not after that of silence; whoever reads on in time stays.
func TestStuckSocket(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann, bob := r.login("ann"), r.login("bob")
		for _, c := range []*client{ann, bob} {
			c.enter("lobby")
			c.l.room[c.slot] = 0
		}
		r.message("lobby", "m1")
		r.pass(9 * time.Second)
		if ann.l.closed[ann.slot] || bob.l.closed[bob.slot] {
			t.Fatal("closed too soon")
		}
		delete(bob.l.room, bob.slot)
		bob.s.conn.Writable(bob.slot)
		r.settle()
		bob.want("msg", "m1")
		r.pass(2 * time.Second)
		if ann.l.room[ann.slot] = 1000; !ann.s.conn.Draining() {
			ann.s.conn.Writable(ann.slot)
			r.settle()
		}
		if ann.all(); ann.code != int(wire.CloseResume) {
			t.Errorf("who has read nothing for 11 s is closed with %d", ann.code)
		}
		bob.quiet()
	})
}

// TestJoinWithARewoundPosition: who names an entry that is another now is told so, and the room is
// live from its head on: nothing more has to be asked for.
func TestJoinWithARewoundPosition(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		r.message("lobby", "m1")
		seq := r.message("lobby", "m2")
		ann.say(`{"type":"join","id":"j","room":"lobby","after":{"seq":%d,"id":"another"}}`, seq)
		if f := ann.want("joined", "j"); !f.Rewind || f.More || f.Seq != seq {
			t.Errorf("joined with %s, the head is %d", f.raw, seq)
		}
		r.message("lobby", "m3")
		if f := ann.want("msg", "m3"); f.Prev != seq {
			t.Errorf("then came %s", f.raw)
		}
	})
}

// TestSnapshotOfManySlots: the presence service is told of every session, however far apart their
// slots are: those are gone through in parts.
func TestSnapshotOfManySlots(t *testing.T) {
	for _, last := range []uint32{snapshotPart - 1, snapshotPart, 2*snapshotPart + 1} {
		rigged(t, 2, func(r *rig) {
			r.login("ann")
			r.next = last
			bob := r.login("bob")
			bob.enter("lobby")
			told := make(chan map[string]int, 1)
			go func() {
				all := map[string]int{}
				r.hub.sessions(func(s presence.Session) bool { all[s.User] += 1 + len(s.Rooms); return true })
				told <- all
			}()
			for range 10 {
				r.settle()
			}
			select {
			case all := <-told:
				if len(all) != 2 || all["ann"] != 1 || all["bob"] != 2 {
					t.Errorf("with slot %d as the last: told of %v", last, all)
				}
			case <-time.After(time.Second):
				t.Errorf("with slot %d as the last: not told", last)
			}
		})
	}
}

// TestRecheckWhileTheDirectoryIsAway: whether somebody may still read a room is asked again once a
// second while the directory is away, and not in each turn of the loop.
func TestRecheckWhileTheDirectoryIsAway(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		ann.enter("lobby")
		r.fail(directory.ServiceAccess, chat.Unavailable("away", time.Second))
		r.permit("ann", "lobby", directory.Access{}, directory.Change{Kind: directory.ChangeRoom, Room: "lobby"})
		before := r.asked[directory.ServiceAccess]
		r.pass(10 * time.Second)
		if n := r.asked[directory.ServiceAccess] - before; n < 5 || n > 11 {
			t.Errorf("asked %d times in 10 s", n)
		}
		ann.quiet()
		r.fail(directory.ServiceAccess, nil)
		r.pass(2 * time.Second)
		if f := ann.want("notice", ""); f.Room != "lobby" {
			t.Errorf("told %s", f.raw)
		}
	})
}
