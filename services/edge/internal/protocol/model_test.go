package protocol

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/rooms"
)

// listener is a session that keeps account of what it is told of one room, as PROTOCOL.md has a
// client do it.
type listener struct {
	c      *client
	user   string
	in     bool   // the room is joined and live
	asked  bool   // a join or leave waits for its answer
	more   bool   // it is to join again
	anew   bool   // its last join named no position
	last   uint64 // Seq that it has everything through
	lastID string
	sent   []string // sends that are not answered
	got    []uint64 // Seqs, since the last join without a position or rewind
	from   uint64   // where got begins
	slow   bool     // its kernel took nothing for a while since the drain began
}

// story is a room, those who listen to it, and what has become of it.
type story struct {
	r     *rig
	rt    *rapid.T
	all   []*listener
	sends int
	acked map[string]uint64 // by id
	lost  uint64            // entries up to this Seq were lost in a rewind
	held  bool

	drained  chan struct{} // closed when the drain has ended; nil: it has not begun
	draining time.Time     // when it began
}

// TestAnyOrder has states interleave in any order: joins, joins from a position, leaves, sends, a
// slow bus, a ring that is overtaken, a kernel that takes nothing, rewinds, a user who is thrown
// out, a directory that is away, and an edge that goes down. Each acknowledged message comes to
// each session that is in the room, once, in order and with a true prev, or the session is told to
// come back, or of the rewind; each command is answered once, unless its connection ends before,
// sends also before the goodbye; and who was thrown out hears nothing more. When everybody has gone
// the hub holds nothing.
func TestAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(struct{ testing.TB }{t}, func(rt *rapid.T) {
			withRig(rt, 2, func(*Options) {}, func(r *rig) {
				w := &story{r: r, rt: rt, acked: map[string]uint64{}}
				for i := range 3 {
					user := fmt.Sprint("user", i)
					w.all = append(w.all, &listener{c: r.login(user), user: user})
				}
				ops := []struct {
					name string
					do   func(*listener)
				}{ // the first are drawn most often
					{"join", w.join}, {"send", w.send}, {"far", func(*listener) { w.some() }}, {"turn", func(*listener) { w.turn() }}, {"hold", func(*listener) { w.hold(true) }},
					{"join", w.join}, {"leave", w.leave}, {"release", func(*listener) { w.hold(false) }}, {"behind", w.behind}, {"block", w.block}, {"unblock", w.unblock},
					{"flood", func(*listener) { w.flood() }}, {"come back", w.comeBack}, {"rewind", func(*listener) { w.rewind() }}, {"kick", w.kick},
					{"pass", func(*listener) { r.pass(3 * conn.TickEvery) }}, {"drain", w.drain},
				}
				names := make([]string, len(ops))
				for i := range ops {
					names[i] = fmt.Sprint(i, " ", ops[i].name)
				}
				for range rapid.IntRange(10, 50).Draw(rt, "steps") {
					l := w.all[rapid.IntRange(0, len(w.all)-1).Draw(rt, "who")]
					ops[slices.Index(names, rapid.SampledFrom(names).Draw(rt, "op"))].do(l)
					for _, l := range w.all {
						w.account(l)
					}
				}
				w.end()
			})
		})
	})
}

// cut is the code of a connection that ended without a close frame, since its kernel took none.
const cut = -1

var errAway = errors.New("the store is down")

func (w *story) fatal(l *listener, format string, args ...any) {
	w.rt.Helper()
	w.rt.Fatalf("%s: %s", l.user, fmt.Sprintf(format, args...))
}

func (w *story) join(l *listener) {
	if l.asked || l.c.code != 0 {
		return
	}
	l.asked = true
	if l.last > 0 && rapid.Bool().Draw(w.rt, "after") {
		w.resume(l)
		return
	}
	l.anew = true
	switch _, blocked := l.c.l.room[l.c.slot]; {
	case !l.in:
		l.last, l.lastID = 0, "" // what it had is no matter now
	case blocked: // it may have been thrown out, and not know it yet
		l.asked = false
		return
	}
	w.sayJoin(l, `"id":"j","room":"lobby"`)
}

// sayJoin joins the room by a command of its own, or as one of a list.
func (w *story) sayJoin(l *listener, room string) {
	if rapid.Bool().Draw(w.rt, "in a list") {
		l.c.write(`{"type":"join","rooms":[{%s}]}`, room)
		return
	}
	l.c.write(`{"type":"join",%s}`, room)
}

// resume joins from where the session is.
func (w *story) resume(l *listener) {
	l.anew = false
	id := ""
	if l.lastID != "" {
		id = fmt.Sprintf(`,"id":%q`, l.lastID)
	}
	w.sayJoin(l, fmt.Sprintf(`"id":"j","room":"lobby","after":{"seq":%d%s}`, l.last, id))
}

// behind makes a session come back to the room after more than the ring holds, and get from the log
// what the ring does not have yet, since the network is slow.
func (w *story) behind(l *listener) {
	if _, blocked := l.c.l.room[l.c.slot]; blocked || l.asked || l.c.code != 0 || l.last == 0 || w.held {
		return
	}
	w.leave(l)
	w.flood()
	w.r.settle()
	for _, l := range w.all {
		w.account(l)
	}
	if l.c.code != 0 {
		return
	}
	w.hold(true)
	w.some()
	l.asked = true
	w.resume(l)
	w.turn()
	w.turn()
}

func (w *story) leave(l *listener) {
	if l.asked || l.c.code != 0 {
		return
	}
	l.asked, l.in = true, false
	l.c.write(`{"type":"leave","id":"l","room":"lobby"}`)
}

func (w *story) send(l *listener) {
	for range rapid.IntRange(1, 3).Draw(w.rt, "messages") {
		if l.c.code != 0 {
			return
		}
		w.sends++
		l.sent = append(l.sent, fmt.Sprint("s", w.sends))
		l.c.write(`{"type":"send","id":"s%d","room":"lobby","msg_id":"s%d","text":"x"}`, w.sends, w.sends)
	}
}

func (w *story) block(l *listener) {
	if _, blocked := l.c.l.room[l.c.slot]; !blocked {
		l.c.l.room[l.c.slot] = rapid.IntRange(0, 400).Draw(w.rt, "takes")
	}
}

func (w *story) unblock(l *listener) {
	if _, blocked := l.c.l.room[l.c.slot]; blocked {
		delete(l.c.l.room, l.c.slot)
		l.c.s.conn.Writable(l.c.slot)
	}
}

// comeBack replaces a socket that was closed.
func (w *story) comeBack(l *listener) {
	if l.c.code == 0 || w.held || w.drained != nil {
		return
	}
	l.c = w.r.login(l.user)
	l.asked, l.in, l.sent = false, false, nil
}

// flood delivers more than the ring holds, without a turn of the loops.
func (w *story) flood() {
	for range 2 * testOptions().Fanout.Ring.Entries {
		w.sends++
		w.far(fmt.Sprint("s", w.sends))
	}
	synctest.Wait()
}

// some delivers a few messages from another edge, without a turn of the loops.
func (w *story) some() {
	for range rapid.IntRange(1, 3).Draw(w.rt, "messages") {
		w.sends++
		w.far(fmt.Sprint("s", w.sends))
	}
	synctest.Wait()
}

// far appends a message from another edge.
func (w *story) far(id string) {
	w.r.bus.Append(bus.NewEntry{Room: "lobby", Sender: "far", ID: id, Data: message("lobby", id)}, func(a bus.Appended, err error) {
		w.r.mu.Lock()
		defer w.r.mu.Unlock()
		if w.acked[id] = a.Seq; err != nil {
			w.rt.Error(err)
		}
	})
}

func (w *story) hold(on bool) {
	if w.held == on {
		return
	}
	if w.held = on; on {
		w.r.server.Hold()
		return
	}
	w.r.server.Release()
	w.r.settle()
}

func (w *story) turn() {
	for _, s := range w.r.shards {
		s.conn.Turn()
	}
	synctest.Wait()
}

// rewind takes all of the room's entries away: everybody in it is to hear of that.
func (w *story) rewind() {
	w.hold(false)
	w.r.settle()
	heads, err := w.r.bus.Heads(w.r.t.Context(), []string{"lobby"})
	if err != nil {
		w.rt.Fatal(err)
	}
	w.lost = max(w.lost, heads[0].Seq)
	w.r.server.Rewind("lobby", 0)
	w.r.settle()
}

// drain makes the edge go down, which takes a while, unless it does so already. Somebody's sends
// may be on their way then.
func (w *story) drain(l *listener) {
	if w.drained != nil || rapid.IntRange(0, 1).Draw(w.rt, "goes down") > 0 {
		return
	}
	if rapid.Bool().Draw(w.rt, "under way") {
		w.hold(true)
		w.send(l)
	}
	w.drained, w.draining = make(chan struct{}), time.Now()
	go func() {
		defer close(w.drained)
		w.r.hub.Drain(context.Background(), time.Second)
	}()
	synctest.Wait()
	w.r.pass(time.Duration(rapid.IntRange(0, 3).Draw(w.rt, "ticks")) * conn.TickEvery)
}

// kick throws a user out while the directory is away, and lets him in again when that has been
// found out.
func (w *story) kick(l *listener) {
	w.hold(false)
	w.r.settle()
	w.account(l)
	w.r.fail(directory.ServiceAccess, errAway)
	w.r.permit(l.user, "lobby", directory.Access{}, directory.Change{Kind: directory.ChangeRoom, Room: "lobby"})
	w.r.pass(2 * time.Second)
	w.r.fail(directory.ServiceAccess, nil)
	w.r.pass(2 * time.Second)
	for _, l := range w.all {
		w.account(l)
	}
	if _, blocked := l.c.l.room[l.c.slot]; !blocked && l.in {
		w.fatal(l, "thrown out, and still in the room")
	}
	if id := l.c.s.rooms.Probe().Find(l.c.slot, rooms.Log, "lobby"); l.c.code == 0 && l.c.s.conn.State(l.c.slot) == conn.Ready && id != fanout.None {
		w.fatal(l, "thrown out, and the edge has him in the room")
	}
	w.r.permit(l.user, "lobby", member, directory.Change{Kind: directory.ChangeRoom, Room: "lobby"})
}
