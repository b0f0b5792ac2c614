package protocol

import (
	"fmt"
	"testing"
	"testing/synctest"

	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/wire"
)

// start appends without waiting for the outcome.
func (r *rig) start(room, id string) {
	r.t.Helper()
	r.bus.Append(bus.NewEntry{Room: room, Sender: "far", ID: id, Data: message(room, id)}, func(_ bus.Appended, err error) {
		if err != nil {
			r.t.Error(err)
		}
	})
}

// ahead returns a socket that was replayed more of a room than the edge has heard of: m2 after m1.
// The bus is held.
func (r *rig) ahead() *client {
	r.t.Helper()
	ann, bob := r.login("ann"), r.login("bob")
	bob.enter("lobby")
	r.server.Hold()
	r.start("lobby", "m1")
	r.start("lobby", "m2")
	log, err := r.bus.Replay(r.t.Context(), "lobby", bus.Position{}, 10)
	if err != nil || len(log.Entries) != 2 {
		r.t.Fatal(log, err)
	}
	ann.say(`{"type":"join","id":"j","room":"lobby","after":{"seq":%d,"id":"m1"}}`, log.Entries[0].Seq)
	all := ann.all()
	if len(all) != 2 || all[0].ID != "m2" || all[1].Type != "joined" || all[1].Seq != log.Through {
		r.t.Fatalf("joined with %+v", all)
	}
	if ann.s.fan.Probe().Ahead() != 1 {
		r.t.Fatal("nobody is ahead")
	}
	return ann
}

// TestAhead: what a socket has already is not delivered again, and what comes then is.
func TestAhead(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.ahead()
		r.server.Release()
		r.settle()
		ann.quiet()
		r.message("lobby", "m3")
		ann.want("msg", "m3")
		if ann.s.fan.Probe().Ahead() != 0 {
			t.Error("it is still taken for ahead")
		}
	})
}

// TestOvertakenWhileAhead: a socket that is ahead of the ring, and that the ring overtakes before
// it is looked at again, is told to come back. It is not left there in silence.
func TestOvertakenWhileAhead(t *testing.T) {
	for name, blocked := range map[string]bool{"between two turns": false, "while its kernel takes nothing": true} {
		t.Run(name, func(t *testing.T) {
			rigged(t, 1, func(r *rig) {
				ann := r.ahead()
				if blocked {
					ann.l.room[ann.slot] = 0
					ann.write(`{"type":"ping","id":"p"}`)
					ann.s.conn.Turn()
				}
				r.server.Release()
				for i := range 10 * testOptions().Fanout.Ring.Entries {
					r.start("lobby", fmt.Sprint("n", i))
				}
				synctest.Wait() // the ring has all of it, and no loop has turned
				if blocked {
					r.settle()
					delete(ann.l.room, ann.slot)
					ann.s.conn.Writable(ann.slot)
				}
				r.settle()
				for _, f := range ann.all() {
					if f.Type == "msg" {
						t.Errorf("%s is delivered over a gap", f.ID)
					}
				}
				if ann.code != int(wire.CloseResume) {
					t.Errorf("closed with %d, want to be told to come back", ann.code)
				}
			})
		})
	}
}

// TestRewoundWhileAhead: a socket that is ahead of the ring when the log is rewound is told so.
func TestRewoundWhileAhead(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.ahead()
		r.server.Release()
		r.server.Rewind("lobby", 0)
		r.settle()
		r.message("lobby", "n1")
		all := ann.all()
		if len(all) != 2 || all[0].Type != "joined" || !all[0].Rewind || all[1].ID != "n1" || all[1].Prev != all[0].Seq {
			t.Errorf("told %+v", all)
		}
	})
}

// TestJoinedAnewWhileAhead: a socket that was ahead of the ring, and learns by its next join that
// the log was rewound, is not ahead any more: what comes then may have a smaller seq than what it
// had.
func TestJoinedAnewWhileAhead(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.ahead()
		r.server.Rewind("lobby", 0)
		ann.say(`{"type":"join","id":"k","room":"lobby","after":{"seq":1,"id":"m1"}}`)
		if f := ann.want("joined", "k"); !f.Rewind {
			t.Errorf("joined with %s", f.raw)
		}
		if ann.s.fan.Probe().Ahead() != 0 {
			t.Error("it is still taken for ahead")
		}
		r.server.Release()
		r.settle()
	})
}
