package protocol

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gobwas/ws"
	"go.uber.org/zap"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/deflate"
	"hubbub.internal/services/edge/internal/session"
)

// TestHello: every way in which hello ends.
func TestHello(t *testing.T) {
	rigged(t, 2, func(r *rig) {
		good, old := r.token("ann", time.Hour), r.token("ann", time.Second)
		time.Sleep(2 * time.Minute) // past the leeway
		for name, try := range map[string]struct {
			frame string
			code  string
			close wire.CloseCode
		}{
			"another version": {`{"type":"hello","id":"h","version":2,"token":"` + good + `"}`, chat.CodeBadRequest, wire.CloseVersion},
			"no token":        {`{"type":"hello","id":"h","version":1}`, chat.CodeUnauthorized, wire.CloseUnauthorized},
			"no good token":   {`{"type":"hello","id":"h","version":1,"token":"x.y.z"}`, chat.CodeUnauthorized, wire.CloseUnauthorized},
			"an old token":    {`{"type":"hello","id":"h","version":1,"token":"` + old + `"}`, chat.CodeTokenExpired, wire.CloseTokenExpired},
			"no hello":        {`{"type":"ping","id":"h"}`, chat.CodeHelloRequired, wire.CloseProtocol},
			"nonsense":        {`{`, chat.CodeHelloRequired, wire.CloseProtocol},
			"a wrong field":   {`{"type":"hello","id":"h","version":1,"token":"` + good + `","device":"toaster"}`, chat.CodeBadRequest, 0},
		} {
			c := r.open()
			c.say("%s", try.frame)
			all := c.all()
			if len(all) != 1 || all[0].Type != "error" || all[0].Code != try.code || c.code != int(try.close) {
				t.Errorf("%s: %+v, closed with %d", name, all, c.code)
			}
		}
		c := r.open()
		c.say(`{"type":"hello","id":"h","version":1,"device":"toaster","token":%q}`, good)
		c.refused("h", chat.CodeBadRequest)
		c.say(`{"type":"hello","id":"h2","version":1,"token":%q}`, good) // again is allowed
		if f := c.want("welcome", "h2"); f.raw == "" || c.code != 0 {
			t.Errorf("%+v", f)
		}
		c.say(`{"type":"hello","id":"h3","version":1,"token":%q}`, good)
		c.refused("h3", chat.CodeHelloTwice)
		c.say(`{"type":"ping","id":"p"}`)
		c.want("ack", "p")

		c = r.open()
		c.write(`{"type":"hello","id":"h","version":1,"token":%q}`, good)
		c.write(`{"type":"hello","id":"h2","version":1,"token":%q}`, good)
		c.write(`{"type":"ping","id":"p"}`) // hello is still looked at
		r.settle()
		got := map[string]any{}
		for _, f := range c.all() {
			got[f.ID] = f.Type
			if f.Type == "error" {
				got[f.ID] = f.Code
			}
		}
		if got["h"] != "welcome" || got["h2"] != chat.CodeHelloTwice || got["p"] != chat.CodeHelloRequired || len(got) != 3 || c.code != 0 {
			t.Errorf("answered with %v, closed with %d", got, c.code)
		}
	})
}

// TestHelloWithoutServices: where nobody can say who comes, they are turned away to come back.
func TestHelloWithoutServices(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.HelloTimeout = 10 * time.Second }, func(r *rig) {
		r.fail(directory.ServiceKeys, errors.New("down"))
		c := r.open()
		c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token("ann", time.Hour))
		if f := c.refused("h", chat.CodeUnavailable); f.RetryAfterMS == 0 || c.code != int(wire.CloseLost) {
			t.Errorf("%s, closed with %d", f.raw, c.code)
		}
		r.fail(directory.ServiceKeys, nil)
		time.Sleep(2 * time.Second)
		r.login("ann")
		r.server.Down()
		c = r.open()
		c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token("bob", time.Hour))
		r.pass(8 * time.Second)
		if f := c.refused("h", chat.CodeUnavailable); c.code != int(wire.CloseLost) {
			t.Errorf("%s, closed with %d", f.raw, c.code)
		}
		r.server.Up()
	})
}

// TestHelloBeforeRevocationsAreKnown: as long as the edge does not know who was shut out before it
// started, it lets nobody in.
func TestHelloBeforeRevocationsAreKnown(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.HelloTimeout = 10 * time.Second }, func(r *rig) {
		known := r.hub.sess.Access
		r.hub.sess.Access = directory.NewCache(r.bus, zap.NewNop()) // which nobody runs
		c := r.open()
		c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token("ann", time.Hour))
		c.quiet()
		r.pass(session.RequestTimeout + conn.TickEvery)
		if f := c.refused("h", chat.CodeUnavailable); f.RetryAfterMS == 0 || c.code != int(wire.CloseLost) {
			t.Errorf("%s, closed with %d", f.raw, c.code)
		}
		r.hub.sess.Access = known
		r.login("ann")
	})
}

// TestTimeouts: a socket that says nothing is closed in its time: before hello, and after the ping
// that it does not answer.
func TestTimeouts(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		mute, ann, bob := r.open(), r.login("ann"), r.login("bob")
		o := testOptions()
		r.pass(o.HelloTimeout + 2*conn.TickEvery)
		mute.all()
		if mute.code != int(wire.CloseHelloTimeout) {
			t.Errorf("without hello: closed with %d", mute.code)
		}
		for range 4 {
			r.pass(o.PingAfter - 2*time.Second)
			bob.say(`{"type":"ping","id":"p"}`)
			bob.want("ack", "p")
		}
		ann.all()
		if ann.code != int(wire.CloseIdle) {
			t.Errorf("silent: closed with %d", ann.code)
		}
		bob.quiet()
		if n := r.hub.Sockets(); n != 1 {
			t.Errorf("%d sockets are counted", n)
		}
	})
}

// TestDrain: sends on their way are acknowledged first, then everybody is told to come back, and
// the hub is empty.
func TestDrain(t *testing.T) {
	rigged(t, 2, func(r *rig) {
		ann, bob := r.login("ann"), r.login("bob")
		ann.enter("lobby")
		bob.enter("lobby")
		r.server.Hold()
		ann.write(`{"type":"send","id":"s","room":"lobby","msg_id":"m","text":"x"}`)
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			r.hub.Drain(context.Background(), time.Second)
		}()
		synctest.Wait()
		r.settle()
		ann.say(`{"type":"send","id":"late","room":"lobby","msg_id":"late","text":"x"}`)
		ann.refused("late", chat.CodeUnavailable)
		r.pass(2 * time.Second)
		ann.quiet() // its ack comes first
		if all := bob.all(); len(all) != 1 || all[0].Type != "bye" || bob.code != int(wire.CloseDrain) {
			t.Errorf("told %+v, closed with %d", all, bob.code)
		}
		r.server.Release()
		r.pass(time.Second)
		all := ann.all()
		if n := len(all); n < 2 || all[n-1].Type != "bye" || ann.code != int(wire.CloseDrain) {
			t.Errorf("told %+v, closed with %d", all, ann.code)
		}
		acked := false
		for _, f := range all {
			acked = acked || f.Type == "ack" && f.ID == "s" && f.Seq > 0
		}
		if !acked {
			t.Error("the send on its way is not acknowledged")
		}
		r.pass(conn.CloseLinger + 2*conn.TickEvery)
		<-drained
		if n := r.hub.Sockets(); n != 0 || !r.loops[0].deaf || !r.loops[1].deaf {
			t.Errorf("%d sockets are left; new ones are accepted: %v, %v", n, !r.loops[0].deaf, !r.loops[1].deaf)
		}
	})
}

// TestDrainWaitsForNobodyForever: a send that is never acknowledged holds its socket for a while
// only.
func TestDrainWaitsForNobodyForever(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		ann.enter("lobby")
		r.server.Hold()
		defer r.server.Release()
		ann.write(`{"type":"send","id":"s","room":"lobby","msg_id":"m","text":"x"}`)
		drained := make(chan struct{})
		go func() {
			defer close(drained)
			r.hub.Drain(context.Background(), time.Second)
		}()
		synctest.Wait()
		r.settle()
		r.pass(conn.DrainGrace - time.Second)
		ann.quiet()
		r.pass(2 * time.Second)
		if all := ann.all(); len(all) != 1 || all[0].Type != "bye" || ann.code != int(wire.CloseDrain) {
			t.Errorf("told %+v, closed with %d", all, ann.code)
		}
		r.pass(conn.CloseLinger + 2*conn.TickEvery)
		<-drained
	})
}

// TestGoneWhileHello: what comes of the hello of a connection that has ended meanwhile concerns
// nobody, least of all the next connection in its place.
func TestGoneWhileHello(t *testing.T) {
	// the keys are, so that it waits for the end of the own room
	for _, known := range []bool{false, true} {
		for _, fails := range []bool{false, true} {
			rigged(t, 1, func(r *rig) {
				if known {
					r.login("bob")
				}
				c := r.open()
				r.server.Down()
				c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token("ann", time.Hour))
				c.s.conn.Gone(c.slot)
				r.next = c.slot
				next := r.open()
				next.l.got[next.slot] = nil
				if fails {
					r.server.Fail(func(string, string) error { return errors.New("no") })
				}
				r.server.Up()
				r.settle()
				next.quiet()
				if next.s.conn.State(next.slot) != conn.Open || !next.s.sess.Probe().Empty(next.slot) {
					t.Errorf("keys are known: %v, calls fail: %v: the next connection is somebody's", known, fails)
				}
				r.server.Fail(nil)
				r.pass(time.Second)
			})
		}
	}
}

// TestHelloOfRevoked: a token of a session that was revoked after it was made lets nobody in.
func TestHelloOfRevoked(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		old := r.token("ann", time.Hour)
		time.Sleep(5 * time.Second)
		r.permit("x", "x", member, directory.Change{Kind: directory.ChangeUser, User: "ann", At: time.Now().UnixMilli()})
		c := r.open()
		c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, old)
		c.refused("h", chat.CodeUnauthorized)
		if c.code != int(wire.CloseRevoked) {
			t.Errorf("closed with %d", c.code)
		}
		time.Sleep(5 * time.Second)
		r.login("ann") // with a new one
	})
}

// TestNobodyWatches: while users' own rooms cannot be watched, who asks for the end of one is told
// so, and when they can he is told the end.
func TestNobodyWatches(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		seq := r.message(chat.UserRoom("ann"), "m1")
		b := r.server.Open()
		defer func() { _ = b.Close() }()
		h := New(testOptions(), Deps{Bus: b, Access: directory.NewCache(b, zap.NewNop()), Log: zap.NewNop()})
		away := errors.New("away")
		r.server.Fail(func(call, _ string) error {
			if call == "Watch" {
				return away
			}
			return nil
		})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = h.own.Run(ctx) }()
		defer func() { cancel(); <-ended }()
		told := make(chan error, 4)
		var through uint64
		ask := func() error {
			h.own.Head("ann", func(seq uint64, err error) { through = seq; told <- err })
			time.Sleep(1500 * time.Millisecond)
			select {
			case err := <-told:
				return err
			default:
				return errors.New("not answered")
			}
		}
		if err := ask(); !errors.Is(err, away) {
			t.Errorf("told %v", err)
		}
		r.server.Fail(nil)
		if err := ask(); err != nil || through < seq {
			t.Errorf("told %d, %v; want %d", through, err, seq)
		}
	})
}

// TestCompressedOrNot: an entry is compressed for those who take it, if that makes it smaller.
func TestCompressedOrNot(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.Deflate = 1 }, func(r *rig) {
		c := r.shake("Sec-WebSocket-Extensions: permessage-deflate\r\n")
		c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token("ann", time.Hour))
		c.want("welcome", "h")
		c.enter("lobby")
		for _, data := range []string{`_{"t":"xyzw"}`, `_{"t":"` + pad(500) + `"}`} {
			r.append(bus.NewEntry{Room: "lobby", Sender: "far", ID: chat.NewID(), Data: []byte(data)})
			got := c.l.got[c.slot]
			c.l.got[c.slot] = nil
			in := bytes.NewReader(got)
			h, err := ws.ReadHeader(in)
			payload := got[len(got)-in.Len():]
			switch packed := h.Rsv == ws.Rsv(true, false, false); {
			case err != nil || int(h.Length) != len(payload):
				t.Fatalf("%x is no frame: %v", got, err)
			case packed:
				var i deflate.Inflater
				if plain, err := i.Inflate(payload, 1000); err != nil || len(plain) <= len(payload) {
					t.Errorf("%d bytes are sent as %d: %v", len(plain), len(payload), err)
				}
			case len(data) > 500 || len(deflate.Append(nil, payload)) < len(payload):
				t.Errorf("%s is not compressed", payload)
			}
		}
	})
}
