package protocol

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/rooms"
)

// listOf is a join of n rooms, which are called name0, name1 and so on, as are their request ids.
func listOf(name string, from, n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`{"id":"%[1]s%[2]d","room":"%[1]s%[2]d","after":{"seq":0}}`, name, from+i)
	}
	return `{"type":"join","rooms":[` + strings.Join(all, ",") + `]}`
}

// TestJoinOfRooms: each room of a list is answered as if it had come alone, with what was missed
// before, and what is said later arrives. Rooms that are bad, forbidden, or of no use to their user
// make no difference to the others.
func TestJoinOfRooms(t *testing.T) {
	rigged(t, 2, func(r *rig) {
		r.permit("ann", "secret", directory.Access{}, directory.Change{Kind: directory.ChangeRoom, Room: "secret"})
		missed := r.message("a", "missed")
		ann := r.login("ann")
		ann.say(`{"type":"join","id":"all","rooms":[{"id":"1","room":"a","after":{"seq":0}},{"id":"2","room":"a b"},{"id":"3","room":"secret"},` +
			`{"id":"4","room":"b"},{"id":"5","room":"u-ann"},{"id":"6","room":"_control"},{"id":"7"},{"room":"c"}]}`)
		frames := ann.all()
		for id, want := range map[string]string{"all": "ack", "1": "joined", "2": "bad_request", "3": "forbidden", "4": "joined", "5": "joined", "6": "forbidden", "7": "bad_request"} {
			var got []frameOf
			for _, f := range frames {
				if f.ID == id && f.Type != "msg" {
					got = append(got, f)
				}
			}
			if len(got) != 1 || got[0].Type != want && got[0].Code != want {
				t.Errorf("%s: answered with %+v, want one %s", id, got, want)
			}
		}
		if f := answered(frames, ""); f.Type != "joined" || f.Room != "c" {
			t.Errorf("a room without an id: %+v", f)
		}
		if len(frames) != 10 || frames[0].Type != "ack" {
			t.Errorf("%d frames: %+v", len(frames), frames)
		}
		for i, f := range frames {
			if f.Type == "msg" && (f.Seq != missed || answered(frames[:i], "1").Type != "") {
				t.Errorf("what was missed comes as %+v, at %d", f, i)
			}
		}
		for _, room := range []string{"a", "b", "c"} {
			seq := r.message(room, "new")
			if f := ann.want("msg", "new"); f.Room != room || f.Seq != seq {
				t.Errorf("in %s: %+v", room, f)
			}
		}
		r.message("secret", "new")
		ann.quiet()
		if n := ann.s.rooms.Probe().Rooms(ann.slot); n != 3 {
			t.Errorf("counted in %d rooms", n)
		}
	})
}

// TestJoinsTakeTurns: one socket comes back to 500 rooms, and others to ten or one: a turn begins
// no more than its bound, and the others do not wait for the first.
func TestJoinsTakeTurns(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		all, zoe := []*client{r.login("ann"), r.login("bob"), r.login("eve")}, r.login("zoe")
		for i := range 5 { // the rooms are followed already
			zoe.say("%s", listOf("r", 100*i, wire.MaxJoins))
		}
		for i := range 500 { // and it is known who may read them
			allow(r.t.(testing.TB), zoe.s, "ann", fmt.Sprint("r", i))
		}
		for i := range 10 {
			allow(r.t.(testing.TB), zoe.s, "bob", fmt.Sprint("r", i))
			allow(r.t.(testing.TB), zoe.s, "eve", fmt.Sprint("r", i))
		}
		for i := range 5 {
			all[0].write("%s", listOf("r", 100*i, wire.MaxJoins))
		}
		all[1].write("%s", listOf("r", 0, 10))
		all[2].write(`{"type":"join","id":"e","room":"r7"}`)
		joined := func(c *client) (n int) {
			for _, f := range c.all() {
				if f.Type == "joined" {
					n++
				}
			}
			return n
		}
		const most = 128 // that a turn begins
		turns, done := 0, 0
		for ; done < 500; turns++ {
			wait := all[0].s.conn.Turn()
			n := joined(all[0])
			done += n
			switch {
			case n > most || n == 0:
				t.Fatalf("turn %d joined %d rooms", turns, n)
			case turns == 0:
				if bob, eve := joined(all[1]), joined(all[2]); bob != 10 || eve != 1 {
					t.Errorf("in the first turn bob joined %d rooms and eve %d", bob, eve)
				}
			case done < 500 && wait != 0 && all[0].s.conn.Probe().Posts() == 0:
				t.Fatalf("the loop would wait while %d rooms are not joined", 500-done)
			}
		}
		if least := 500 / most; turns < least || turns > 2*least+2 {
			t.Errorf("took %d turns", turns)
		}
	})
}

// TestLeaveOfListedRoom: a leave ends the joins that came before it in a list, also those that have
// not begun.
func TestLeaveOfListedRoom(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		ann.write("%s", listOf("r", 0, wire.MaxJoins))
		ann.write(`{"type":"leave","id":"l","room":"r99"}`)
		ann.say(`{"type":"leave","id":"k","room":"r0"}`)
		frames := ann.all()
		for _, id := range []string{"r0", "r99"} {
			if f := answered(frames, id); f.Type != "error" || f.Code != chat.CodeNotJoined {
				t.Errorf("%s: %+v", id, f)
			}
		}
		if f := answered(frames, "r50"); f.Type != "joined" {
			t.Errorf("another: %+v", f)
		}
		if n := ann.s.rooms.Probe().Rooms(ann.slot); len(frames) != wire.MaxJoins+2 || n != wire.MaxJoins-2 {
			t.Errorf("%d frames, in %d rooms", len(frames), n)
		}
		r.message("r99", "m")
		ann.quiet()
	})
}

// TestJoinsAreCounted: each room of a list counts as a join, against the rooms of a connection, and
// against its rate once as many joins as it may have rooms were free. Whoever goes on is closed.
func TestJoinsAreCounted(t *testing.T) {
	set := func(o *Options) { o.Rooms.Rooms, o.Rate, o.Burst = 30, 1, 20 }
	riggedWith(t, 1, set, func(r *rig) {
		ann := r.login("ann") // of the burst hello was one
		ann.say("%s", listOf("r", 0, wire.MaxJoins))
		count := map[string]int{}
		for _, f := range ann.all() {
			if f.Code == nil {
				f.Code = ""
			}
			count[fmt.Sprint(f.Type, f.Code)]++
		}
		for kind, want := range map[string]int{"joined": 30, "error" + chat.CodeTooMany: 19, "error" + chat.CodeRateLimited: 51} {
			if count[kind] != want {
				t.Errorf("%d %s, want %d: %v", count[kind], kind, want, count)
			}
		}
		for i := 0; i < 5 && ann.code == 0; i++ {
			ann.say("%s", listOf("r", 0, wire.MaxJoins))
			ann.all()
		}
		if ann.code != int(wire.CloseAbuse) {
			t.Errorf("closed with %d", ann.code)
		}
	})
}

// TestJoinsOfOneWhoGoes: the rooms of lists that were not begun are forgotten with their
// connection.
func TestJoinsOfOneWhoGoes(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann, bob := r.login("ann"), r.login("bob")
		for i := range 3 {
			ann.write("%s", listOf("r", 100*i, wire.MaxJoins))
		}
		bob.write("%s", listOf("b", 0, 20))
		ann.s.conn.Turn()
		ann.s.conn.Gone(ann.slot)
		r.settle()
		joined := 0
		for _, f := range bob.all() {
			if f.Type == "joined" {
				joined++
			}
		}
		if joined != 20 {
			t.Errorf("another has joined %d rooms", joined)
		}
		bob.s.conn.Gone(bob.slot)
		r.pass(rooms.Linger + 2*time.Second + conn.TickEvery)
		r.empty()
	})
}
