package protocol

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/deflate"
	"hubbub.internal/services/edge/internal/frame"
)

const request = "GET /v1/ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// bytes delivers bytes, and runs the loops until nothing follows any more.
func (c *client) bytes(b []byte) {
	c.s.conn.Received(c.slot, bytes.Clone(b))
	c.r.settle()
}

// head takes the HTTP response away that the socket was written.
func (c *client) head() string {
	got := string(c.l.got[c.slot])
	head, rest, ok := strings.Cut(got, "\r\n\r\n")
	if !ok {
		return ""
	}
	if strings.HasPrefix(head, "HTTP/1.1 101 ") {
		c.l.got[c.slot] = []byte(rest)
	}
	return head
}

// shake does the handshake, with further headers.
func (r *rig) shake(headers ...string) *client {
	r.t.Helper()
	c := r.connect()
	c.bytes([]byte(request + strings.Join(headers, "") + "\r\n"))
	if head := c.head(); !strings.HasPrefix(head, "HTTP/1.1 101 ") {
		r.t.Fatalf("the handshake is answered %q", head)
	}
	return c
}

// masked returns a client's frame with a header's first byte.
func masked(first byte, payload string) []byte {
	b := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(payload))))
	b[0] = first
	return b
}

// closed checks that the socket was told a code, and whether the stream ends without the client's
// answer.
func (c *client) closed(what string, code wire.CloseCode, finished bool) {
	c.r.t.Helper()
	c.all()
	if c.code != int(code) || c.l.finished[c.slot] != finished {
		c.r.t.Errorf("%s: closed with %d, finished %v; want %d, %v", what, c.code, c.l.finished[c.slot], code, finished)
	}
}

// TestHandshakes: a request in any pieces is answered once it is whole, frames behind it count, and
// one that does not come, is none, or is one too many is turned away.
func TestHandshakes(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.Sockets = 2 }, func(r *rig) {
		whole := []byte(request + "\r\n")
		c := r.connect()
		for i := range whole {
			if c.head() != "" || r.hub.Sockets() != 0 {
				t.Fatalf("answered after %d bytes", i)
			}
			c.bytes(whole[i : i+1])
		}
		if !strings.HasPrefix(c.head(), "HTTP/1.1 101 ") || r.hub.Sockets() != 1 || c.s.conn.Probe().Held() != 0 {
			t.Fatalf("not answered, %d sockets, %d bytes are held", r.hub.Sockets(), c.s.conn.Probe().Held())
		}
		c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token("ann", time.Hour))
		c.want("welcome", "h")

		// With a token in a header, and hello right behind.
		bob := r.connect()
		hello := maskedText(`{"type":"hello","id":"h","version":1}`)
		bob.bytes([]byte(request + "Authorization: Bearer " + r.token("bob", time.Hour) + "\r\n\r\n" + string(hello)))
		bob.head()
		if f := bob.want("welcome", "h"); f.User != "bob" {
			t.Errorf("welcome is %s", f.raw)
		}

		more := r.shake()
		more.closed("one more", wire.CloseOverloaded, false)
		bad := r.connect()
		bad.bytes([]byte("GET /v1/ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"))
		if head := bad.head(); !strings.HasPrefix(head, "HTTP/1.1 400 ") || !r.loops[0].finished[bad.slot] {
			t.Errorf("a bad request is answered %q", head)
		}
		slow := r.connect()
		slow.bytes([]byte(request))
		other := r.connect()
		mine, theirs := net.Pipe()
		defer func() { _, _ = mine.Close(), theirs.Close() }()
		r.loops[0].detached = mine
		rest := []byte("POST /v1/login HTTP/1.1\r\n")
		other.s.conn.Received(other.slot, rest)
		copy(rest, "XXXXXXXXX") // the loop reads the next into the same memory
		if len(r.passed) != 1 || r.passed[0] != "POST /v1/login HTTP/1.1\r\n" {
			t.Errorf("the HTTP server got %q", r.passed)
		}
		r.pass(testOptions().HandshakeTimeout + 2*conn.TickEvery)
		if head := slow.head(); !strings.HasPrefix(head, "HTTP/1.1 408 ") {
			t.Errorf("half a request is answered %q", head)
		}
		r.pass(conn.CloseLinger + 2*conn.TickEvery)
		for _, gone := range []*client{more, bad, slow} {
			if !r.loops[0].closed[gone.slot] {
				t.Errorf("connection %d is still there", gone.slot)
			}
		}
		if n := r.hub.Sockets(); n != 2 {
			t.Errorf("%d sockets are counted", n)
		}
		c.quiet()
		bob.quiet()
		r.hub.conn.BeginDrain()
		c.s.conn.Probe().Drop(c.slot)
		late := r.shake()
		if all := late.all(); len(all) != 1 || all[0].Type != "bye" || all[0].RetryAfterMS == 0 || late.code != int(wire.CloseDrain) {
			t.Errorf("who comes while the edge goes down is told %+v, closed with %d", all, late.code)
		}
	})
}

// TestFrames: messages in any pieces and fragments are taken, and each way to break the rules ends
// the connection as RFC 6455 says.
func TestFrames(t *testing.T) {
	const ping = `{"type":"ping","id":"p"}`
	riggedWith(t, 1, func(o *Options) { o.Frame, o.Deflate = 1000, 1 }, func(r *rig) {
		c := r.shake("Sec-WebSocket-Extensions: permessage-deflate\r\n")
		c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token("ann", time.Hour))
		c.want("welcome", "h")
		packed := string(deflate.Append(nil, []byte(ping)))
		var stream []byte
		parts := [][]byte{
			masked(0x81, ping), masked(0x01, ping[:5]), masked(0x89, "hi"), masked(0x00, ping[5:9]), masked(0x8a, ""), masked(0x80, ping[9:]),
			masked(0xc1, packed), masked(0x41, packed[:3]), masked(0x80, packed[3:]), masked(0x81, ping), masked(0x01, ""), masked(0x80, ping),
		}
		for _, p := range parts {
			stream = append(stream, p...)
		}
		const acks = 6
		for _, step := range []int{len(stream), 1, 7, 50} {
			for at := 0; at < len(stream); at += step {
				c.bytes(stream[at:min(at+step, len(stream))])
			}
			pongs := bytes.Count(c.l.got[c.slot], append([]byte{0x8a, 2}, "hi"...))
			if all := c.all(); len(all) != acks || pongs != 1 || c.code != 0 {
				t.Fatalf("in steps of %d: %d answers, %d pongs, closed with %d", step, len(all), pongs, c.code)
			}
			if c.s.conn.Probe().Held() != 0 || !c.s.conn.Probe().Idle(c.slot) || !c.s.conn.Packs(c.slot) {
				t.Errorf("in steps of %d: %d bytes are held, or more than of an idle socket", step, c.s.conn.Probe().Held())
			}
		}
		in := func(all ...[]byte) []byte { return bytes.Join(all, nil) }
		long := strings.Repeat("x", 1000)
		junk := strings.Repeat("\xff\x00", 300)
		for _, tt := range []struct {
			name     string
			in       []byte
			code     wire.CloseCode
			finished bool
		}{
			{"binary", masked(0x82, "x"), wire.CloseBinary, true},
			{"a fragment of nothing", masked(0x80, "x"), wire.CloseFrame, true},
			{"a message within another", in(masked(0x01, "x"), masked(0x81, "x")), wire.CloseFrame, true},
			{"a binary one within another", in(masked(0x01, "x"), masked(0x82, "x")), wire.CloseFrame, true},
			{"not masked", []byte{0x81, 0}, wire.CloseFrame, true},
			{"not UTF-8", masked(0x81, "\xff"), wire.CloseNotUTF8, true},
			{"not UTF-8, in a string", masked(0x81, "{\"type\":\"ping\",\"id\":\"\xff\"}"), wire.CloseNotUTF8, true},
			{"too long", masked(0x81, long+"x"), wire.CloseTooBig, true},
			{"too long together", in(masked(0x01, long), masked(0x80, "x")), wire.CloseTooBig, true},
			{"too long when inflated", masked(0xc1, string(deflate.Append(nil, []byte(long+"x")))), wire.CloseTooBig, true},
			{"compressed and corrupt", masked(0xc1, junk), wire.CloseNotUTF8, true},
			{"closed by the client", masked(0x88, "\x03\xe8"), 1000, true},
			{"closed without a code", masked(0x88, ""), 0, true},
			{"closed badly", masked(0x88, "x"), wire.CloseFrame, true},
		} {
			c := r.shake("Sec-WebSocket-Extensions: permessage-deflate\r\n")
			c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token("ann", time.Hour))
			c.want("welcome", "h")
			c.bytes(tt.in)
			c.closed(tt.name, tt.code, tt.finished)
			before := len(c.l.got[c.slot])
			c.bytes(in(masked(0x89, "hi"), masked(0x81, ping)))
			if len(c.l.got[c.slot]) != before {
				t.Errorf("%s: what came after it is answered", tt.name)
			}
			r.pass(conn.CloseLinger + 2*conn.TickEvery)
			if !c.l.closed[c.slot] {
				t.Errorf("%s: the connection is still there", tt.name)
			}
		}
		// One that does not compress may be a little longer than others, in one frame or in
		// several.
		text := `{"type":"ping","id":"p"}`
		text += strings.Repeat(" ", 1000-len(text))
		stored := append([]byte{0, byte(len(text)), byte(len(text) >> 8), ^byte(len(text)), ^byte(len(text) >> 8)}, text...)
		stored = append(stored, 0)
		c.bytes(masked(0xc1, string(stored)))
		c.want("ack", "p")
		c.bytes(in(masked(0x41, string(stored[:500])), masked(0x80, string(stored[500:]))))
		c.want("ack", "p")
		if len(stored) <= 1000 || len(stored) > frame.PackedLimit(1000) {
			t.Fatalf("%d bytes test nothing", len(stored))
		}
	})
}

// TestClosing: our close frame is written before the client's answer ends the connection, and a
// client's that comes first is answered.
func TestClosing(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann := r.login("ann")
		r.loops[0].room[ann.slot] = 3 // not even the close frame goes out
		ann.s.conn.Close(ann.slot, wire.CloseResume, "x")
		r.settle()
		ann.bytes(masked(0x88, "\x03\xe8"))
		if r.loops[0].closed[ann.slot] {
			t.Fatal("the connection ended before the close frame was written")
		}
		delete(r.loops[0].room, ann.slot)
		ann.s.conn.Writable(ann.slot)
		r.settle()
		ann.closed("ours first", wire.CloseResume, true)

		bob := r.login("bob")
		bob.s.conn.Close(bob.slot, wire.CloseResume, "x")
		r.settle()
		bob.closed("ours", wire.CloseResume, false)
		bob.bytes(masked(0x88, "\x03\xe8"))
		if !r.loops[0].closed[bob.slot] {
			t.Error("the connection goes on after the client's answer")
		}
		eve := r.login("eve")
		eve.s.conn.Gone(eve.slot)
		eve.s.conn.Gone(eve.slot)
		r.pass(conn.CloseLinger + 2*conn.TickEvery)
		if n := r.hub.Sockets(); n != 0 {
			t.Errorf("%d sockets are counted", n)
		}
	})
}

// TestShortOfMemory: who wants memory for half a message when there is none is turned away, and
// those who need none stay.
func TestShortOfMemory(t *testing.T) {
	rigged(t, 1, func(r *rig) {
		ann, bob, eve := r.login("ann"), r.login("bob"), r.login("eve")
		ann.s.conn.Probe().SetBuffers(1000)
		ann.bytes(masked(0x01, strings.Repeat(" ", 990))) // a fragment, which is kept
		ann.quiet()
		bob.bytes(masked(0x81, `{"type":"ping","id":"p"}`)[:10])
		bob.closed("half a frame", wire.CloseOverloaded, false)
		eve.say(`{"type":"ping","id":"p"}`)
		eve.want("ack", "p")
		eve.bytes(masked(0x01, `{"type":`))
		eve.closed("a fragment", wire.CloseOverloaded, false)
		// the last one needs no more than it has
		ann.bytes(masked(0x80, `{"type":"ping","id":"p"}`))
		ann.want("ack", "p")
		ann.bytes(masked(0x01, strings.Repeat(" ", 100)))
		ann.s.conn.Probe().Drop(ann.slot)
		r.pass(conn.CloseLinger + 2*conn.TickEvery)
		if n := ann.s.conn.Probe().Held(); n != 0 {
			t.Errorf("%d bytes are held", n)
		}
	})
}

// TestCostlyFrames: pings, empty fragments, and what grows when it is inflated count as commands.
func TestCostlyFrames(t *testing.T) {
	many := func(n int, b []byte) []byte { return bytes.Repeat(b, n) }
	grows := masked(0xc1, string(deflate.Append(nil, []byte(`{"type":"ping","id":"p"}`+strings.Repeat(" ", 40*conn.InflateUnit)))))
	// A last block, an empty one, again and again: each costs a window.
	restarts := masked(0xc1, strings.Repeat("\x03\x00", 40)+string(deflate.Append(nil, []byte(`{"type":"ping","id":"p"}`))))
	shrinks := masked(0xc1, strings.Repeat("\x00\x00\x00\xff\xff", 8*conn.InflateUnit)+string(deflate.Append(nil, []byte(`{"type":"ping","id":"p"}`))))
	for name, in := range map[string][]byte{
		"pings": many(40, masked(0x89, "")), "empty fragments": append(masked(0x01, ""), many(40, masked(0x00, ""))...), "grows": grows, "restarts": restarts, "shrinks": shrinks,
	} {
		riggedWith(t, 1, func(o *Options) { o.Rate, o.Burst, o.Deflate, o.Frame = 1, 30, 1, 1<<20 }, func(r *rig) {
			c := r.shake("Sec-WebSocket-Extensions: permessage-deflate\r\n")
			c.say(`{"type":"hello","id":"h","version":1,"token":%q}`, r.token("ann", time.Hour))
			c.want("welcome", "h")
			c.bytes(in)
			if n := c.s.conn.Probe().Violations(c.slot); n == 0 || n > 60 {
				t.Errorf("%s: %d violations", name, n)
			}
			if pongs := bytes.Count(c.l.got[c.slot], []byte{0x8a, 0}); pongs > 30 {
				t.Errorf("%s: %d pongs", name, pongs)
			}
		})
	}
}

// TestSocketsPerAddress: an address has so many sockets at most, and who goes makes room, whether
// they have logged in or not.
func TestSocketsPerAddress(t *testing.T) {
	riggedWith(t, 1, func(o *Options) { o.SocketsPerIP = 2 }, func(r *rig) {
		from := func(addr string) *client {
			r.loops[0].peers[r.next] = netip.MustParseAddr(addr)
			return r.shake()
		}
		one, two := from("192.0.2.1"), from("::ffff:192.0.2.1")
		three, other := from("192.0.2.1"), from("192.0.2.2")
		three.closed("the third", wire.CloseOverloaded, false)
		for _, c := range []*client{one, two, other} {
			c.quiet()
		}
		r.pass(testOptions().HelloTimeout - 2*conn.TickEvery)
		one.s.conn.Probe().Drop(one.slot)
		four := from("192.0.2.1")
		four.quiet()
		from("192.0.2.1").closed("the third again", wire.CloseOverloaded, false)
		r.pass(testOptions().HelloTimeout + conn.CloseLinger + 4*conn.TickEvery)
		if counted, places := r.hub.conn.Addresses(); counted != 0 || places != 2 {
			t.Errorf("%d addresses are counted, in %d places", counted, places)
		}
		from("192.0.2.3").quiet() // in a place that was used before
		if _, places := r.hub.conn.Addresses(); places > 2 {
			t.Errorf("there are %d places", places)
		}
	})
}
