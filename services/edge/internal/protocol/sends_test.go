package protocol

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
)

// TestSendsThatEndTogether: all sends that the log has answered between two turns are acknowledged,
// in the order in which it has.
func TestSendsThatEndTogether(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		for i := range 5 {
			ann.enter(fmt.Sprint("room", i))
		}
		r.server.Hold()
		for i := range 5 {
			ann.write(`{"type":"send","id":"s%d","room":"room%d","msg_id":"m%d","text":"x"}`, i, i, i)
		}
		r.server.Release()
		synctest.Wait()
		r.settle()
		var acked []uint64
		for _, f := range ann.all() {
			if f.Type == "ack" {
				acked = append(acked, f.Seq)
			}
		}
		if len(acked) != 5 || !slices.IsSorted(acked) {
			t.Errorf("acknowledged %d", acked)
		}
		if n := ann.s.sends.Probe().Pending(ann.slot); n != 0 {
			t.Errorf("%d sends count as not acknowledged", n)
		}
	})
}

// TestSendOfWhoHasGone: what becomes of a message concerns nobody when its connection has ended,
// least of all the next one in its place.
func TestSendOfWhoHasGone(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		ann.enter("lobby")
		r.server.Hold()
		ann.write(`{"type":"send","id":"s","room":"lobby","msg_id":"m","text":"x"}`)
		ann.write(`{"type":"send","id":"t","room":"lobby","msg_id":"n","text":"x"}`)
		ann.s.conn.Gone(ann.slot)
		r.next = ann.slot
		bob := r.login("bob")
		bob.say(`{"type":"join","id":"j","room":"other"}`)
		bob.all()
		r.server.Release()
		r.settle()
		bob.quiet()
		if n := bob.s.sends.Probe().Pending(bob.slot); n != 0 {
			t.Errorf("%d sends of the next count as not acknowledged", n)
		}
	})
}

// keepingBus keeps the ids of what is appended to it, and takes nothing.
type keepingBus struct {
	bus.Interface
	ids []string
}

func (b *keepingBus) Append(e bus.NewEntry, done func(bus.Appended, error)) {
	b.ids = append(b.ids, e.ID)
	done(bus.Appended{}, bus.ErrUnavailable)
}

// TestFailedSendKeepsItsMemory: a bus that has given a message up may have it in hand all the same,
// so its memory is not used for another.
func TestFailedSendKeepsItsMemory(t *testing.T) {
	b := &keepingBus{}
	s, _ := newTestShardOn(t, func(inner bus.Interface) bus.Interface { b.Interface = inner; return b })
	admit(s, 0)
	seat(s, 0, "lobby")
	allow(t, s, "user0", "lobby")
	want := []string{"m1", "m2"}
	for _, id := range want {
		s.conn.Received(0, maskedText(fmt.Sprintf(`{"type":"send","id":"s","room":"lobby","msg_id":%q,"text":"x"}`, id)))
		s.conn.Turn()
	}
	if !slices.Equal(b.ids, want) {
		t.Errorf("the bus has %q", b.ids)
	}
}

// TestSlowModeThatBegins: when a room becomes slow while its members are in it, their messages by
// other edges count from the first one that they send here on, over a connection or over none.
func TestSlowModeThatBegins(t *testing.T) {
	for _, posts := range []bool{false, true} {
		rigged(t, 1, func(r *rig) {
			ann := r.login("ann")
			ann.enter("lobby")
			slow := member
			slow.Slow = 12
			r.permit("ann", "lobby", slow, directory.Change{Kind: directory.ChangeRules, Room: "lobby"})
			n := 0
			send := func() string {
				n++
				id := fmt.Sprint("m", n)
				if posts {
					_, code := r.post(r.t.Context(), fromAnn, "lobby", fmt.Sprintf(`{"text":"x","msg_id":%q,"retry":false}`, id))
					ann.all()
					return code
				}
				ann.say(`{"type":"send","id":%q,"room":"lobby","msg_id":%q,"text":"x"}`, id, id)
				f := answered(ann.all(), id)
				if f.Type == "ack" {
					return ""
				}
				return fmt.Sprint(f.Code)
			}
			if got := send(); got != "" {
				t.Errorf("the first: %s", got)
			}
			r.pass(12 * time.Second)
			r.append(bus.NewEntry{Room: "lobby", Sender: "ann", ID: "elsewhere", Data: message("lobby", "elsewhere")})
			if got := send(); got != chat.CodeRateLimited {
				t.Errorf("over no connection: %v; after a message by another edge: %q", posts, got)
			}
		})
	}
}
