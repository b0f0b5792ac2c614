package protocol

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/session"
)

// sent checks that a message was acknowledged.
func sent(c *client, id int) {
	c.r.t.Helper()
	if all := c.all(); answered(all, fmt.Sprint(id)).Type != "ack" {
		c.r.t.Fatalf("message %d is not acknowledged: %+v", id, all)
	}
}

// TestVolumeAtOnce: a user sends as much as one may at once: what is more is refused for some
// seconds, and comes back evenly over a minute.
func TestVolumeAtOnce(t *testing.T) {
	const each = 800 + session.PerMessage
	riggedWith(t, 1, func(o *Options) { o.Session.UserBytes, o.Burst = 4*session.AtOnce*each, 10_000 }, func(r *rig) {
		text := strings.Repeat("x", 800)
		n := 0
		ann := r.login("ann")
		send := func(c *client) {
			n++
			c.say(`{"type":"send","id":"%d","room":"lobby","msg_id":"m%d","text":%q}`, n, n, text)
		}
		ann.enter("lobby")
		for range 4 {
			send(ann)
			sent(ann, n)
		}
		for range 3 { // a quarter of a minute each
			send(ann)
			f := ann.refused(fmt.Sprint(n), chat.CodeRateLimited)
			wait := time.Duration(f.RetryAfterMS) * time.Millisecond
			if wait < 14*time.Second || wait > 17*time.Second {
				t.Errorf("again after %v, want a quarter of a minute", wait)
			}
			r.pass(wait)
			send(ann)
			sent(ann, n)
		}
		ann.say(`{"type":"delete","id":"d","room":"lobby","msg_id":"d1","target":"m1"}`)
		ann.want("ack", "d")
		bob := r.login("bob")
		bob.enter("lobby")
		send(bob)
		sent(bob, n)
		r.hub.sess.Volumes().Sweep()
		if wait := r.hub.sess.Volumes().Charge("ann", each, 4*session.AtOnce*each); wait == 0 {
			t.Error("sweeping forgets what was sent at once")
		}
	})
}

// TestVolume: a user sends as much as one may in a day, over two sockets and with edits: what is
// more is refused, says when it is not, and comes back evenly. Others, and deletions, have nothing
// to do with it; a guest may send less.
func TestVolume(t *testing.T) {
	const each = 800 + session.PerMessage
	riggedWith(t, 1, func(o *Options) { o.Session.UserBytes, o.Session.GuestBytes, o.Burst = 10*each, 2*each, 10_000 }, func(r *rig) {
		text := strings.Repeat("x", 800)
		n := 0
		send := func(c *client) {
			n++
			r.hub.sess.Volumes().Rest()
			c.say(`{"type":"send","id":"%d","room":"lobby","msg_id":"m%d","text":%q}`, n, n, text)
		}
		one, two, bob := r.login("ann"), r.login("ann"), r.login("bob")
		for _, c := range []*client{one, two, bob} {
			c.enter("lobby")
		}
		for i := range 9 {
			c := one
			if i%2 == 0 {
				c = two
			}
			send(c)
			sent(c, n)
			one.all() // who is in the room gets the message, too
			two.all()
			bob.all()
		}
		r.hub.sess.Volumes().Rest()
		one.say(`{"type":"edit","id":"e","room":"lobby","msg_id":"e1","target":"m1","text":%q}`, text)
		one.want("ack", "e")
		send(two)
		f := two.refused(fmt.Sprint(n), chat.CodeTooMany)
		if wait := time.Duration(f.RetryAfterMS) * time.Millisecond; wait < 144*time.Minute || wait > 145*time.Minute {
			t.Errorf("again after %v, want a tenth of a day", wait)
		}
		one.say(`{"type":"edit","id":"e","room":"lobby","msg_id":"e2","target":"m1","text":%q}`, text)
		one.refused("e", chat.CodeTooMany)
		one.say(`{"type":"delete","id":"d","room":"lobby","msg_id":"d1","target":"m1"}`)
		one.want("ack", "d")
		send(bob)
		sent(bob, n)

		r.hub.sess.Volumes().Sweep()
		ann := func() time.Duration {
			r.hub.sess.Volumes().Rest()
			wait := r.hub.sess.Volumes().Charge("ann", each, 10*each)
			return wait
		}
		r.hub.sess.Volumes().Age(144 * time.Minute)
		r.pass(time.Second)
		if wait := ann(); wait != 0 {
			t.Errorf("after a tenth of a day: again after %v", wait)
		}
		if wait := ann(); wait == 0 {
			t.Error("a tenth of a day gives back more than a tenth")
		}
		r.hub.sess.Volumes().Age(25 * time.Hour)
		r.hub.sess.Volumes().Sweep()
		if n := r.hub.sess.Volumes().Users(); n != 0 {
			t.Errorf("%d users are remembered", n)
		}
		for i := range 10 {
			if wait := ann(); wait != 0 {
				t.Errorf("message %d of the next day: again after %v", i, wait)
			}
		}
	})
}

// TestVolumeOfGuests: a guest may send less, one message always goes, and 0 is any amount.
func TestVolumeOfGuests(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.Session.UserBytes, o.Session.GuestBytes = 0, 100 }, func(r *rig) {
		ann, eve := r.login("ann"), r.login("eve")
		ann.s.sess.Probe().MakeGuest(ann.slot)
		for i, c := range []*client{ann, eve} {
			c.enter("lobby")
			c.say(`{"type":"send","id":"1","room":"lobby","msg_id":"a%d","text":"x"}`, i)
			sent(c, 1)
			r.hub.sess.Volumes().Rest()
			c.say(`{"type":"send","id":"2","room":"lobby","msg_id":"b%d","text":"x"}`, i)
		}
		if all := ann.all(); answered(all, "2").Code != chat.CodeTooMany {
			t.Errorf("the guest got %+v", all)
		}
		sent(eve, 2)
	})
}
