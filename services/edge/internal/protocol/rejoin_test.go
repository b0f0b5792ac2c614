package protocol

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/rooms"
)

// holdReplays makes replays of the log wait until the function that it returns is called.
func (r *rig) holdReplays() (release func()) {
	hold := make(chan struct{})
	was := r.hub.rooms.Bus
	r.hub.rooms.Bus = replays{was, func(room string, after bus.Position, limit int) (bus.Replayed, error) {
		<-hold
		return was.Replay(r.t.Context(), room, after, limit)
	}}
	return func() { close(hold) }
}

// ids returns what came, a word for each.
func (c *client) ids() string {
	c.r.t.Helper()
	var all []string
	for _, f := range c.all() {
		all = append(all, strings.TrimSpace(f.Type+" "+f.ID))
	}
	return strings.Join(all, ", ")
}

// TestNothingOvertakesAReplay: what is said in a room while an older part of it is read for a
// session that is in it comes after that, and once.
func TestNothingOvertakesAReplay(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann, bob := r.login("ann"), r.login("bob")
		r.message("lobby", "m0")
		bob.enter("lobby")
		ann.enter("lobby")
		release := r.holdReplays()
		ann.write(`{"type":"join","id":"j","room":"lobby","after":{"seq":0}}`)
		r.settle()
		r.message("lobby", "m1")
		bob.want("msg", "m1")
		ann.quiet()
		release()
		r.settle()
		if got := ann.ids(); got != "msg m0, msg m1, joined j" {
			t.Errorf("told %s", got)
		}
		r.message("lobby", "m2")
		ann.want("msg", "m2")
	})
}

// TestSaidAfterTheReplayWasRead: what comes between the log's answer and the turn of the loop that
// takes it follows, although nobody in the room has heard of it.
func TestSaidAfterTheReplayWasRead(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		r.message("lobby", "m0")
		ann.enter("lobby")
		ann.write(`{"type":"join","id":"j","room":"lobby","after":{"seq":0}}`)
		synctest.Wait() // the answer is in the mailbox
		r.start("lobby", "m1")
		synctest.Wait()
		r.settle()
		if got := ann.ids(); got != "msg m0, joined j, msg m1" {
			t.Errorf("told %s", got)
		}
	})
}

// TestOvertakenDuringAReplay: where the edge has forgotten what follows on a replay the session is
// told to ask for more, and then has everything.
func TestOvertakenDuringAReplay(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann, bob := r.login("ann"), r.login("bob")
		r.message("lobby", "m0")
		bob.enter("lobby")
		r.know("ann", "lobby")
		ann.write(`{"type":"join","id":"j","room":"lobby","after":{"seq":0}}`)
		synctest.Wait() // the answer is in the mailbox
		for i := range 10 * testOptions().Fanout.Ring.Entries {
			r.start("lobby", fmt.Sprint("n", i))
		}
		synctest.Wait()
		r.settle()
		all := ann.all()
		joined := answered(all, "j")
		if len(all) != 2 || all[0].ID != "m0" || !joined.More || joined.Seq != all[0].Seq {
			t.Fatalf("told %+v", all)
		}
		ann.say(`{"type":"join","id":"k","room":"lobby","after":{"seq":%d,"id":"m0"}}`, joined.Seq)
		all = ann.all()
		if n := 10*testOptions().Fanout.Ring.Entries + 1; len(all) != n || answered(all, "k").More {
			t.Errorf("%d frames came, want %d", len(all), n)
		}
	})
}

// TestBackWhileAhead: a session that has more of a room than the edge, and asks for an older part,
// gets all that follows on that again.
func TestBackWhileAhead(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.ahead()
		ann.say(`{"type":"join","id":"j","room":"lobby","after":{"seq":0}}`)
		if got := ann.ids(); got != "msg m1, msg m2, joined j" {
			t.Errorf("told %s", got)
		}
		r.server.Release()
		r.settle()
		ann.quiet()
		r.message("lobby", "m3")
		ann.want("msg", "m3")
	})
}

// TestJoinsWaitForWhatIsUnsent: a session that has not taken what was replayed gets no more until
// it has, and then what it asked for.
func TestJoinsWaitForWhatIsUnsent(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		for i := range 40 {
			r.append(bus.NewEntry{Room: "big", Sender: "far", ID: fmt.Sprint("b", i), Data: entry("big", 1, 0, 10<<10).Data})
		}
		r.message("lobby", "m0")
		for _, room := range []string{"big", "lobby"} {
			r.know("ann", room)
		}
		ann.l.room[ann.slot] = 0
		ann.say(`{"type":"join","id":"b","room":"big","after":{"seq":0}}`)
		ann.say(`{"type":"join","id":"j","room":"lobby","after":{"seq":0}}`)
		if n := ann.s.rooms.Probe().Parked(ann.slot); n != 1 {
			t.Errorf("%d joins wait", n)
		}
		delete(ann.l.room, ann.slot)
		ann.s.conn.Writable(ann.slot)
		r.settle()
		all := ann.all()
		if n := len(all); n != 43 || answered(all, "b").Type != "joined" || all[n-2].ID != "m0" || all[n-1].ID != "j" {
			t.Errorf("%d frames came, the last %+v", n, all[max(0, n-2):])
		}
		if n := ann.s.rooms.Probe().Waits(); n != 0 {
			t.Errorf("%d sessions are waited for", n)
		}
	})
}

// TestJoinsThatWaitAreBounded: so many joins wait for others, and the next is refused.
func TestJoinsThatWaitAreBounded(t *testing.T) {
	const most = 2
	riggedWith(t, 1, func(o *Options) { o.Rooms.Rooms = most }, func(r *rig) {
		ann := r.login("ann")
		r.message("lobby", "m0")
		ann.enter("lobby")
		release := r.holdReplays()
		for i := range 2*most + 2 {
			ann.say(`{"type":"join","id":"%d","room":"lobby","after":{"seq":0}}`, i)
		}
		ann.refused(fmt.Sprint(2*most+1), chat.CodeTooMany)
		release()
		r.settle()
		joined := 0
		for _, f := range ann.all() {
			if f.Type == "joined" {
				joined++
			}
		}
		if joined != 2*most+1 {
			t.Errorf("%d joins were carried out", joined)
		}
	})
}

// TestWaitingJoinGoesOn: a join that waits for others is carried out when what those asked for has
// come, also if nobody wants it any more.
func TestWaitingJoinGoesOn(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann, bob := r.login("ann"), r.login("bob")
		r.know("ann", "lobby")
		release := r.holdReplays()
		stages["it is parked"](r, ann, bob)
		for i := range rooms.MaxReplays {
			ann.say(`{"type":"leave","id":"l%d","room":"room%d"}`, i, i)
		}
		ann.all()
		release()
		r.settle()
		ann.want("joined", "j")
	})
}

// TestWaitingJoinsOfWhoIsSentAway: of joins that wait the first may find that the session has to
// come back: nothing of the others is carried out then.
func TestWaitingJoinsOfWhoIsSentAway(t *testing.T) {
	for name, list := range map[string]bool{"one by one": false, "in a list": true} {
		t.Run(name, func(t *testing.T) {
			rigged(t, 1, func(r *rig) {
				ann := r.login("ann")
				ann.enter("lobby")
				r.know("ann", "other")
				ann.l.room[ann.slot] = 0
				ann.say(`{"type":"ping","id":"p"}`) // its kernel takes no more
				r.server.Fail(func(call, _ string) error {
					if call == "Replay" {
						return bus.ErrUnavailable
					}
					return nil
				})
				if !list {
					release := r.holdReplays()
					ann.write(`{"type":"join","id":"j","room":"lobby","after":{"seq":0,"id":"x"}}`)
					ann.write(`{"type":"join","id":"k","room":"lobby"}`)
					ann.write(`{"type":"join","id":"l","room":"lobby"}`)
					if n := ann.s.rooms.Probe().Parked(ann.slot); n != 2 {
						t.Fatalf("%d joins wait", n)
					}
					release()
				}
				for i := range 10 * testOptions().Fanout.Ring.Entries {
					r.start("lobby", fmt.Sprint("n", i))
				}
				synctest.Wait()
				if list {
					ann.write(`{"type":"join","rooms":[{"id":"k","room":"lobby"},{"id":"l","room":"other"}]}`)
				}
				r.settle()
				if s := ann.s.conn.State(ann.slot); s != conn.Closing {
					t.Errorf("the session is in state %d", s)
				}
				if n := ann.s.fan.Count(); n != 0 {
					t.Errorf("it is in %d rooms", n)
				}
				delete(ann.l.room, ann.slot)
				ann.s.conn.Writable(ann.slot)
				r.settle()
				if ann.all(); ann.code != int(wire.CloseResume) {
					t.Errorf("closed with %d", ann.code)
				}
			})
		})
	}
}

// TestRefusedListLeavesNothing: of a list of rooms that may not be entered nothing is kept.
func TestRefusedListLeavesNothing(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		r.access[[2]string{"ann", "secret"}] = directory.Access{}
		ann.say(`{"type":"join","rooms":[{"id":"1","room":"secret"}]}`)
		ann.refused("1", chat.CodeForbidden)
		if n := ann.s.rooms.Probe().Waits(); n != 0 {
			t.Errorf("%d sessions are waited for", n)
		}
	})
}

// TestResetWhileJoining: changes of permissions were lost while a join was on its way, with an
// answer from before: nobody stays in.
func TestResetWhileJoining(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		// something to lose
		r.permit("x", "x", member, directory.Change{Kind: directory.ChangeRoom, Room: "x"})
		ann.write(`{"type":"join","id":"j","room":"lobby"}`)
		ann.write(`{"type":"watch","id":"w","room":"lobby","on":true}`)
		synctest.Wait() // the answers are in the mailbox
		r.mu.Lock()
		r.access[[2]string{"ann", "lobby"}] = directory.Access{}
		r.mu.Unlock()
		r.server.Rewind(chat.ControlRoom, 0)
		synctest.Wait()
		ann.s.conn.Probe().ReversePosts()
		r.settle()
		if p := ann.s.rooms.Probe(); p.Rooms(ann.slot) != 0 || p.Watches(ann.slot) != 0 || ann.s.fan.First(ann.slot) != fanout.None {
			t.Error("in the room")
		}
	})
}

// TestSendWhileJoining: a room is not joined before that is answered.
func TestSendWhileJoining(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann, bob := r.login("ann"), r.login("bob")
		r.message("lobby", "m0")
		bob.enter("lobby")
		release := r.holdReplays()
		ann.say(`{"type":"join","id":"j","room":"lobby","after":{"seq":0}}`)
		for _, frame := range []string{`"type":"send","msg_id":"m","text":"x"`, `"type":"typing"`, `"type":"read","seq":1`} {
			ann.say(`{"id":"s","room":"lobby",%s}`, frame)
			ann.refused("s", chat.CodeNotJoined)
		}
		release()
		r.settle()
		ann.all()
		bob.quiet()
	})
}
