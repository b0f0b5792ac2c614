package protocol

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/work"
)

// TestPaceEndsWithItsRoom: who leaves a room and joins another types there at once, and the loop
// has ticks for as long as something is to be told.
func TestPaceEndsWithItsRoom(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann, bob := r.login("ann"), r.login("bob")
		bob.enter("other")
		ann.enter("lobby")
		if ann.s.Ticking() {
			t.Error("ticks are asked for though nobody types")
		}
		ann.say(`{"type":"typing","room":"lobby"}`)
		if !ann.s.Ticking() {
			t.Error("no ticks are asked for though somebody types")
		}
		ann.say(`{"type":"leave","room":"lobby"}`)
		ann.all()
		ann.enter("other")
		ann.say(`{"type":"typing","room":"other"}`)
		bob.want("typing", "")
		ann.say(`{"type":"read","room":"other","seq":9}`)
		r.pass(2 * readEvery * time.Millisecond)
		if len(r.reads) != 1 || ann.s.Ticking() {
			t.Errorf("read positions that were told: %+v; ticks are asked for: %v", r.reads, ann.s.Ticking())
		}
	})
}

// TestHelloThatIsHeldUp: a hello that nobody has time to check is refused, one whose answer does
// not come ends in time, and the token of the command is taken before that of the request.
func TestHelloThatIsHeldUp(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		c := r.shake("Authorization: Bearer " + r.token("bob", time.Hour) + "\r\n")
		c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token("ann", time.Hour))
		if f := c.want("welcome", "h"); f.User != "ann" || f.TS != time.Now().UnixMilli() {
			t.Errorf("told %s", f.raw)
		}
		checks := r.hub.checks
		r.hub.checks = work.New(0, 0)
		c = r.open()
		c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token("ann", time.Hour))
		c.refused("h", chat.CodeUnavailable)
		c.closed("nobody has time", wire.CloseLost, false)
		r.hub.checks = checks
		r.server.Down()
		c = r.open()
		c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token("ann", time.Hour))
		r.pass(testOptions().HelloTimeout + 2*conn.TickEvery)
		c.closed("no answer", wire.CloseHelloTimeout, false)
		r.server.Up()
		r.settle()
	})
}

// TestDrainIsPaced: sockets are sent elsewhere over the time that there is, and no faster.
func TestDrainIsPaced(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		const sockets = 5000
		s := r.shards[0]
		s.conn.Opened(0) // has not shaken hands
		for slot := uint32(1); slot <= sockets; slot++ {
			s.conn.Opened(slot)
			s.conn.Accept(slot, false)
		}
		drained := make(chan struct{})
		go func() { defer close(drained); r.hub.Drain(context.Background(), 10*time.Second) }()
		synctest.Wait()
		left := func() (n int) {
			for slot := uint32(1); slot <= sockets; slot++ {
				if s.conn.State(slot) == conn.Open {
					n++
				}
			}
			return n
		}
		for i := range 5 {
			r.pass(conn.TickEvery)
			if n := sockets - left(); n < 50*i || n > 50*(i+1) {
				t.Errorf("after %d ticks %d of %d are gone", i+1, n, sockets)
			}
		}
		if s.conn.State(0) != conn.Handshake {
			t.Error("who has not shaken hands is told goodbye")
		}
		r.pass(15 * time.Second)
		<-drained
		if n := left(); n != 0 {
			t.Errorf("%d are left", n)
		}
	})
}

// TestSocketsPerNetwork: a network of IPv6 counts as one address.
func TestSocketsPerNetwork(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.SocketsPerIP = 2 }, func(r *rig) {
		from := func(addr string) *client {
			r.loops[0].peers[r.next] = netip.MustParseAddr(addr)
			return r.shake()
		}
		from("2001:db8::1").quiet()
		from("2001:db8::2").quiet()
		from("2001:db8::3").closed("the third", wire.CloseOverloaded, false)
		from("2001:db8:0:1::1").quiet()
	})
}

// TestLargestOfAll: what is as large as may be is taken.
func TestLargestOfAll(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.Frame = 1000 }, func(r *rig) {
		ann := r.login("ann")
		text := `{"type":"ping","id":"p"}`
		text += strings.Repeat(" ", 1000-len(text))
		ann.bytes(masked(0x81, text))
		ann.want("ack", "p")
		ann.bytes(append(masked(0x01, text[:500]), masked(0x80, text[500:])...))
		ann.want("ack", "p")
		ann.say(`{"type":"inbox","id":"i","next":%q}`, strings.Repeat("x", chat.MaxIDLen))
		ann.want("inbox", "i")
		if e := rateLimited(0); e.RetryAfter != time.Millisecond {
			t.Errorf("again after %v", e.RetryAfter)
		}
	})
}

// TestBadJoinsAreNotFree: a join that is wrong counts against the rate.
func TestBadJoinsAreNotFree(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.Rate, o.Burst = 1, 2 }, func(r *rig) {
		ann := r.login("ann")
		for i, want := range []string{chat.CodeBadRequest, chat.CodeRateLimited} {
			id := fmt.Sprint("j", i)
			ann.say(`{"type":"join","id":%q}`, id)
			ann.refused(id, want)
		}
	})
}

// TestListedUsers: who asks for those who are online is told whether there are others.
func TestListedUsers(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		people := []presence.Person{{User: "bob", Name: "Bob"}, {User: "eve", Name: "Eve"}}
		for count, want := range map[int]string{2: "2 online: Bob, Eve", 3: "3 online: Bob, Eve and others"} {
			ann.s.pushUsers(ann.slot, "l", "lobby", presence.Who{Count: count, Users: people})
			r.settle()
			if f := ann.want("notice", "l"); f.Text != want {
				t.Errorf("told %s", f.raw)
			}
		}
		ann.enter("lobby")
		r.fail(presence.ServiceWho, chat.Unavailable("away", time.Second))
		ann.say(`{"type":"send","id":"q","room":"lobby","msg_id":"q","text":"/list-users"}`)
		ann.refused("q", chat.CodeUnavailable)
		if n := r.failures(chat.CodeUnavailable); n != 1 {
			t.Errorf("counted as %v errors", n)
		}
	})
}
