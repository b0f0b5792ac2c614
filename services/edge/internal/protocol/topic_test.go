package protocol

import (
	"errors"
	"testing"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/rooms"
	"hubbub.internal/services/edge/internal/work"
)

// followed returns the rooms that the edge follows.
func (r *rig) followed() (n int) {
	return r.hub.rooms.Followed()
}

// TestLinger: a room that nobody is in is followed for a while, from when the last has left, and
// who comes back meanwhile finds it.
func TestLinger(t *testing.T) {
	rigged(t, 2, func(r *rig) {
		ann, bob := r.login("ann"), r.login("bob")
		ann.enter("lobby")
		r.pass(2 * rooms.Linger) // somebody is there
		bob.enter("lobby")
		ann.say(`{"type":"leave","room":"lobby"}`)
		r.pass(rooms.Linger + 2*time.Second)
		if r.followed() != 1 {
			t.Fatal("a room with people in it is not followed")
		}
		bob.say(`{"type":"leave","room":"lobby"}`)
		r.pass(rooms.Linger - 2*time.Second)
		if r.followed() != 1 {
			t.Error("the room is given up too soon")
		}
		seq := r.message("lobby", "m1")
		if at := ann.enter("lobby"); at != seq {
			t.Errorf("joined at %d, want %d", at, seq)
		}
		r.message("lobby", "m2")
		ann.want("msg", "m2")
		ann.say(`{"type":"leave","room":"lobby"}`)
		r.pass(rooms.Linger + 2*sweepEvery)
		if r.followed() != 0 {
			t.Error("the room is followed for ever")
		}
		ann.enter("lobby")
		r.message("lobby", "m3")
		ann.want("msg", "m3")
	})
}

// TestRoomThatCannotBeFollowed: a join fails while the bus fails or the workers are too busy, takes
// no place, and the next one works.
func TestRoomThatCannotBeFollowed(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann, bob := r.login("ann"), r.login("bob")
		for _, c := range []*client{ann, bob} { // permissions are known from here on
			c.say(`{"type":"history","id":"p","room":"lobby"}`)
			c.want("history", "p")
		}
		r.server.Fail(func(call, _ string) error {
			if call == "Follow" {
				return errors.New("no")
			}
			return nil
		})
		ann.write(`{"type":"join","id":"a","room":"lobby"}`)
		bob.say(`{"type":"join","id":"b","room":"lobby"}`)
		ann.refused("a", chat.CodeInternal)
		bob.refused("b", chat.CodeInternal)
		r.server.Fail(nil)
		jobs := r.hub.sess.Jobs
		r.hub.sess.Jobs = work.New(0, 0)
		ann.say(`{"type":"join","id":"a","room":"lobby"}`)
		ann.refused("a", chat.CodeUnavailable)
		ann.say(`{"type":"history","id":"h","room":"lobby"}`)
		ann.refused("h", chat.CodeUnavailable)
		r.hub.sess.Jobs = jobs
		if n := ann.s.rooms.Probe().Rooms(ann.slot); n != 0 {
			t.Errorf("the failed joins take %d places", n)
		}
		ann.enter("lobby")
		r.message("lobby", "m1")
		ann.want("msg", "m1")
	})
}

// TestWatchThatFails: a watch that fails is none, and the next one works.
func TestWatchThatFails(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		r.server.Fail(func(call, name string) error {
			if call == "Subscribe" && name == presence.ChannelOf("lobby") {
				return errors.New("no")
			}
			return nil
		})
		ann.say(`{"type":"watch","id":"a","room":"lobby","on":true}`)
		ann.refused("a", chat.CodeInternal)
		r.server.Fail(nil)
		if n := ann.s.rooms.Probe().Watches(ann.slot); n != 0 {
			t.Errorf("%d watches are counted", n)
		}
		ann.say(`{"type":"watch","id":"b","room":"lobby","on":true}`)
		ann.want("ack", "b")
		if err := r.bus.Publish(presence.ChannelOf("lobby"), []byte(`{"users":[],"count":1}`)); err != nil {
			t.Fatal(err)
		}
		r.settle()
		ann.want("presence", "")
	})
}

// TestReviewIsDoneOnce: what could not be asked, since the workers were too busy, is asked a second
// later, and then no more.
func TestReviewIsDoneOnce(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		ann.enter("lobby")
		jobs := r.hub.sess.Jobs
		r.hub.sess.Jobs = work.New(0, 0)
		r.permit("ann", "lobby", directory.Access{Read: true}, directory.Change{Kind: directory.ChangeRoom, Room: "lobby"})
		r.hub.sess.Jobs = jobs
		asked := func() int { r.mu.Lock(); defer r.mu.Unlock(); return r.asked[directory.ServiceAccess] }
		before := asked()
		r.pass(2 * time.Second)
		if n := asked() - before; n != 1 {
			t.Errorf("the directory was asked %d times", n)
		}
		r.permit("x", "lobby", member, directory.Change{Kind: directory.ChangeRoom, Room: "lobby"})
		r.pass(5 * time.Second)
		if n := asked() - before; n != 2 {
			t.Errorf("the directory was asked %d times", n)
		}
		if n := ann.s.rooms.Probe().Rechecks(); n != 0 {
			t.Errorf("%d rooms are to be asked about", n)
		}
		ann.quiet()
	})
}

// TestExpelledFromWatching: who may not read a room any more does not hear who comes and goes there
// either.
func TestExpelledFromWatching(t *testing.T) {
	for name, change := range map[string]directory.Change{
		"by an answer": {Kind: directory.ChangeAccess, User: "ann", Room: "lobby"}, "by a review": {Kind: directory.ChangeRoom, Room: "lobby"},
	} {
		t.Run(name, func(t *testing.T) { rigged(t, 1, func(r *rig) { expelledFromWatching(t, r, change) }) })
	}
}

func expelledFromWatching(t *testing.T, r *rig, change directory.Change) {
	t.Helper()
	ann, bob := r.login("ann"), r.login("bob")
	for _, c := range []*client{ann, bob} {
		c.say(`{"type":"watch","id":"w","room":"lobby","on":true}`)
		c.want("ack", "w")
	}
	tell := func() {
		t.Helper()
		if err := r.bus.Publish(presence.ChannelOf("lobby"), []byte(`{"users":[],"count":1}`)); err != nil {
			t.Fatal(err)
		}
		r.settle()
	}
	tell()
	if len(ann.all()) != 1 || len(bob.all()) != 1 {
		t.Fatal("who comes and goes is not told")
	}
	r.permit("ann", "lobby", directory.Access{}, change)
	if f := ann.want("notice", ""); f.Code != "left" {
		t.Errorf("told %s", f.raw)
	}
	tell()
	ann.quiet()
	if len(bob.all()) != 1 {
		t.Error("the other is not told any more")
	}
	if n := ann.s.rooms.Probe().Watches(ann.slot); n != 0 {
		t.Errorf("%d watches are counted", n)
	}
	bob.say(`{"type":"watch","id":"w","room":"lobby","on":false}`)
	bob.want("ack", "w")
	tell()
	bob.quiet()
}

// TestAway: who does nothing for a while is shown as idle until the next command, a ping is none,
// and a status that was chosen stays.
func TestAway(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.Session.AwayAfter, o.IdleTimeout = 2*time.Minute, time.Hour }, func(r *rig) {
		ann, bob, cat := r.login("ann"), r.login("bob"), r.login("cat")
		bob.say(`{"type":"status","status":"dnd"}`)
		cat.say(`{"type":"status","status":"invisible"}`)
		shown := func(c *client) presence.Status { return c.s.presenceOf(c.slot).Status }
		for range 10 {
			r.pass(10 * time.Second)
			ann.say(`{"type":"ping"}`)
		}
		if shown(ann) != presence.Online {
			t.Errorf("shown as %s too soon", shown(ann))
		}
		for range 10 {
			r.pass(10 * time.Second)
			// else their timers wait for a pong and look at nothing else
			for _, c := range []*client{ann, bob, cat} {
				c.say(`{"type":"ping"}`)
			}
		}
		if shown(ann) != presence.Idle || shown(bob) != presence.DND || shown(cat) != presence.Invisible {
			t.Errorf("shown as %s, %s and %s", shown(ann), shown(bob), shown(cat))
		}
		r.checkTold()
		ann.say(`{"type":"typing","room":"x"}`)
		ann.all()
		bob.say(`{"type":"typing","room":"x"}`)
		if shown(ann) != presence.Online || shown(bob) != presence.DND {
			t.Errorf("after a command shown as %s and %s", shown(ann), shown(bob))
		}
	})
}

// TestLapse: the directory is asked about sessions whose tokens have run out, of all in the end,
// and again when it was away; those that have ended are closed, the others are not asked about
// again before their time.
func TestLapse(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.PingAfter, o.IdleTimeout = time.Second, 24*time.Hour }, func(r *rig) {
		const sockets = directory.MaxSessions + 10
		var asked []int
		serve(r, directory.ServiceSessions, func(q directory.SessionsRequest) (directory.SessionsReply, error) {
			asked = append(asked, len(q.Sessions))
			var out directory.SessionsReply
			for i, s := range q.Sessions {
				if s.User == "ended" {
					out.Ended = append(out.Ended, i)
				}
			}
			return out, nil
		})
		enter := func(user string) *client {
			c := r.open()
			c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token(user, time.Minute))
			c.want("welcome", "h")
			return c
		}
		ended := enter("ended")
		var others []*client
		for range sockets {
			others = append(others, enter("ann"))
		}
		alive := func(d time.Duration) {
			for ; d > 0; d -= 500 * time.Millisecond {
				r.pass(500 * time.Millisecond)
				for _, c := range append(others, ended) {
					c.s.conn.Received(c.slot, masked(0x8a, ""))
				}
			}
		}
		r.fail(directory.ServiceSessions, errors.New("the store is down"))
		alive(70 * time.Second)
		if ended.all(); ended.code != 0 {
			t.Fatalf("closed with %d while the directory is away", ended.code)
		}
		r.fail(directory.ServiceSessions, nil)
		alive(10 * time.Second)
		if ended.all(); ended.code != int(wire.CloseRevoked) {
			t.Errorf("closed with %d", ended.code)
		}
		total := 0
		for _, n := range asked {
			total += n
		}
		if total < sockets+1 || total > 2*sockets {
			t.Errorf("%d sessions were asked about: %d", total, asked)
		}
		for _, c := range others {
			if c.all(); c.code != 0 {
				t.Fatalf("one that goes on was closed with %d", c.code)
			}
		}
	})
}
