package conn

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/metrics"
	"hubbub.internal/services/edge/internal/transport"
)

// wireLoop is a transport that takes limit bytes of each write, and keeps them.
type wireLoop struct {
	transport.Loop
	got      bytes.Buffer
	limit    int
	closed   bool
	finished bool
	err      error
}

func (l *wireLoop) Write(_ uint32, bufs [][]byte) (n int, err error) {
	if l.err != nil {
		return 0, l.err
	}
	for _, b := range bufs {
		k := min(len(b), l.limit-n)
		l.got.Write(b[:k])
		n += k
	}
	return n, nil
}

func (l *wireLoop) Close(uint32)           { l.closed = true }
func (l *wireLoop) Finish(uint32)          { l.finished = true }
func (l *wireLoop) Peer(uint32) netip.Addr { return netip.Addr{} }
func (l *wireLoop) Wake()                  {}

// layer is what is above a shard: it notes what it is told, and has frames.
type layer struct {
	calls  []string
	frames [][]byte
	wrote  int
	ticks  bool
}

func (y *layer) note(call string)                   { y.calls = append(y.calls, call) }
func (y *layer) Opened(uint32)                      { y.note("opened") }
func (y *layer) Message(_ uint32, b []byte)         { y.note("message " + string(b)) }
func (y *layer) Timeout(uint32)                     { y.note("timeout") }
func (y *layer) Busy(uint32) bool                   { return false }
func (y *layer) Flushed(uint32)                     { y.note("flushed") }
func (y *layer) Left(uint32)                        { y.note("left") }
func (y *layer) Mail()                              {}
func (y *layer) Tick()                              {}
func (y *layer) Ticking() bool                      { return y.ticks }
func (y *layer) Deliver()                           {}
func (y *layer) Skipped(uint32)                     { y.note("skipped") }
func (y *layer) Delivered()                         {}
func (y *layer) Wait(d time.Duration) time.Duration { return d }

func (y *layer) Gather(_ uint32, _ bool, bufs [][]byte) ([][]byte, bool) {
	return append(bufs, y.frames...), true
}

// Wrote finishes the frame that was cut.
func (y *layer) Wrote(n int) []byte {
	y.wrote += n
	for len(y.frames) > 0 {
		f := y.frames[0]
		if n == 0 {
			return nil
		}
		y.frames = y.frames[1:]
		if n < len(f) {
			return f[n:]
		}
		n -= len(f)
	}
	return nil
}

func newTest() (*Shard, *wireLoop, *layer) {
	o := Options{
		Origins: []string{"*"}, Sockets: 10, Frame: 1000, Rate: 100, Burst: 100, Buffers: 1 << 20, Outstanding: 1 << 20,
		HandshakeTimeout: time.Second, HelloTimeout: time.Second, PingAfter: time.Second, IdleTimeout: time.Minute, WriteTimeout: time.Second,
	}
	l, y := &wireLoop{limit: 1 << 20}, &layer{}
	s := NewHub(o, metrics.New(nil), nil).Shard(l)
	s.Serve(y, y)
	s.Opened(0)
	return s, l, y
}

// TestWayOfAConnection: from the handshake over a message to the close frame, with the handler told
// of each step once and in order.
func TestWayOfAConnection(t *testing.T) {
	s, l, y := newTest()
	request := "GET /v1/ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nAuthorization: Bearer abc\r\n\r\n"
	hello := ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte("hello"))))
	all := append([]byte(request), hello...)
	s.Received(0, all[:40])
	s.Received(0, all[40:])
	s.Turn()
	if !bytes.HasPrefix(l.got.Bytes(), []byte("HTTP/1.1 101 ")) || s.State(0) != Open {
		t.Fatalf("answered with %q, state %d", l.got.Bytes(), s.State(0))
	}
	if token := s.PopToken(0); token != "abc" || s.PopToken(0) != "" {
		t.Errorf("the token is %q", token)
	}
	s.SetState(0, Ready)
	ref := s.Ref(0)
	s.NotifyFlushed(0)
	s.Push(0, []byte("hi"))
	s.Turn()
	s.Close(0, wire.CloseIdle, "")
	s.Close(0, wire.CloseIdle, "")
	s.Turn()
	if s.Alive(ref) || s.hub.Sockets() != 1 {
		t.Errorf("alive: %v, %d sockets", s.Alive(ref), s.hub.Sockets())
	}
	s.Received(0, ws.MustCompileFrame(ws.MaskFrame(ws.NewCloseFrame(nil))))
	if !l.closed || s.hub.Sockets() != 0 || s.Probe().Held() != 0 || s.Probe().Timers() != 0 {
		t.Errorf("closed: %v, %d sockets, %d bytes, %d timers", l.closed, s.hub.Sockets(), s.Probe().Held(), s.Probe().Timers())
	}
	y.calls = slices.DeleteFunc(y.calls, func(call string) bool { return call == "skipped" })
	want := []string{"opened", "message hello", "flushed", "left", "left"}
	if !slices.Equal(y.calls, want) {
		t.Errorf("the handler was told %q, want %q", y.calls, want)
	}
}

// TestCutFrame: a frame of the source that the kernel takes in part is finished before anything
// else, and the source is asked for the rest when the kernel takes more.
func TestCutFrame(t *testing.T) {
	s, l, y := newTest()
	s.Accept(0, false)
	s.SetState(0, Ready)
	y.frames = [][]byte{[]byte("first"), []byte("second"), []byte("third")}
	l.limit = 7
	s.Enqueue(0)
	s.Turn()
	if !s.Blocked(0) || l.got.String() != "firstse" {
		t.Fatalf("blocked: %v, written %q", s.Blocked(0), l.got.String())
	}
	l.limit = 1000
	s.Writable(0)
	s.Turn()
	if got := l.got.String(); got != "firstsecondthird" || y.wrote != 12 || s.Blocked(0) {
		t.Errorf("written %q, %d bytes of them the source's", got, y.wrote)
	}
}

// TestTurnsWhileNeeded: a loop waits for ever where nothing has a time, and no longer than a tick
// while a connection, the layer above or a drain has one.
func TestTurnsWhileNeeded(t *testing.T) {
	s, _, y := newTest()
	s.Probe().Drop(0)
	if wait := s.Turn(); wait >= 0 {
		t.Errorf("nothing has a time: %v", wait)
	}
	for name, set := range map[string]func(on bool){"the layer above": func(on bool) { y.ticks = on }, "a drain": func(on bool) { s.drain.on = on }} {
		set(true)
		if wait := s.Turn(); wait <= 0 || wait > TickEvery {
			t.Errorf("%s has a time: %v", name, wait)
		}
		set(false)
	}
	s.Opened(0)
	if wait := s.Turn(); wait <= 0 || wait > TickEvery {
		t.Errorf("a connection has a time: %v", wait)
	}
}

// TestBlockedFromNowOn: the time that a write may take begins when the kernel takes no more,
// however long the connection has been there, and no ping is sent meanwhile.
func TestBlockedFromNowOn(t *testing.T) {
	s, l, y := newTest()
	now := time.Hour
	s.Probe().SetClock(func() time.Duration { return now })
	s.Opened(0)
	s.Accept(0, false)
	s.SetState(0, Ready)
	pass := func(d time.Duration) {
		for ; d > 0; d -= TickEvery {
			now += TickEvery
			s.Turn()
		}
	}
	for range 20 { // pinged, and heard of, for a while
		pass(time.Second)
		s.Received(0, ws.MustCompileFrame(ws.MaskFrame(ws.NewPongFrame(nil))))
	}
	y.frames = [][]byte{[]byte("first"), []byte("second")}
	l.limit = 7
	s.Enqueue(0)
	s.Turn()
	l.limit = 0
	l.got.Reset()
	if pass(s.hub.Options.WriteTimeout - TickEvery); s.State(0) != Ready || l.got.Len() != 0 {
		t.Errorf("just before its time: state %d, written %q", s.State(0), l.got.Bytes())
	}
	if pass(3 * TickEvery); s.State(0) != Closing {
		t.Errorf("after its time: state %d", s.State(0))
	}
}

// TestUnsentIsBounded: a connection that takes nothing has so many bytes waiting and no more, and
// its source is told each time that nothing is written to it.
func TestUnsentIsBounded(t *testing.T) {
	s, l, y := newTest()
	s.Accept(0, false)
	s.SetState(0, Ready)
	s.hub.Options.Outstanding = 100
	l.limit = 0
	s.Push(0, make([]byte, 98)) // and the header of its frame
	s.Turn()
	y.calls = nil
	s.Enqueue(0)
	if s.Turn(); s.State(0) != Ready || !slices.Equal(y.calls, []string{"skipped"}) {
		t.Errorf("with %d bytes unsent: state %d, told %q", s.Unsent(0), s.State(0), y.calls)
	}
	s.Push(0, nil)
	if s.Turn(); s.State(0) != Closing {
		t.Errorf("with %d bytes unsent: state %d", s.Unsent(0), s.State(0))
	}
}

// TestWriteThatFails ends the connection, and the layer above lets go of it.
func TestWriteThatFails(t *testing.T) {
	s, l, y := newTest()
	s.Accept(0, false)
	s.SetState(0, Ready)
	s.PushFrames(0, nil)
	if n := s.Probe().Queued(); n != 0 {
		t.Errorf("%d connections wait to be written nothing", n)
	}
	y.calls, l.err = nil, errors.New("the peer is gone")
	s.Push(0, []byte("x"))
	s.Turn()
	if s.State(0) != Free || !l.closed || s.hub.Sockets() != 0 || s.Probe().Held() != 0 || !slices.Equal(y.calls, []string{"left"}) {
		t.Errorf("state %d, closed %v, %d sockets, %d bytes, told %q", s.State(0), l.closed, s.hub.Sockets(), s.Probe().Held(), y.calls)
	}
}
