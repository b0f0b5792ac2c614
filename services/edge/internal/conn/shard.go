package conn

import (
	"sync/atomic"
	"time"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/bucket"
	"hubbub.internal/services/edge/internal/buffer"
	"hubbub.internal/services/edge/internal/transport"
	"hubbub.internal/services/edge/internal/upgrade"
	"hubbub.internal/services/edge/internal/uptime"
	"hubbub.internal/services/edge/internal/wheel"
)

// A Shard owns the connections of one loop. Only that loop's goroutine touches it, but for Post and
// Wake.
type Shard struct {
	hub     *Hub
	handler Handler
	source  Source
	index   int
	ticked  uint32 // the last tick
	wheel   *wheel.Wheel
	buffers *buffer.Pool
	held    atomic.Int64 // bytes of buffers in use, as of the last turn
	rate    bucket.Limit
	enc     []byte   // where a bye is put together
	bufs    [][]byte // what one write has
	queue   []uint32 // sessions to flush in this turn
	again   []uint32 // sessions to flush in the next
	stats   stats
	drain   draining
	in      reader
	clock
	table
	mailbox
}

var _ transport.Handler = (*Shard)(nil)

// stats are counted here and added to the metrics once per tick.
type stats struct{ writes, sent, received int }

// TickEvery is how often Handler.Tick is called.
const TickEvery = 100 * time.Millisecond

func newShard(h *Hub, l transport.Loop, index int) *Shard {
	o := &h.Options
	s := &Shard{
		hub: h, index: index, clock: clock{elapsed: uptime.Since}, mailbox: mailbox{loop: l},
		buffers: buffer.NewPool(o.Buffers),
		rate:    bucket.Limit{Rate: uint32(o.Rate), Burst: uint32(o.Burst)},
		bufs:    make([][]byte, 0, transport.MaxBufs),
	}
	s.in = reader{Shard: s, parser: upgrade.NewParser(o.Origins, o.Deflate > 0).Under(o.BasePath)}
	s.clock.read()
	s.ticked = s.ticks(0)
	s.wheel = wheel.New(s.ticked, func(slot uint32) *wheel.Timer { return &s.sessions.At(slot).timer })
	return s
}

// Serve says who handles the shard's connections. It is called once, before the loop runs.
func (s *Shard) Serve(handler Handler, source Source) { s.handler, s.source = handler, source }

// Index returns which of its hub's shards this is, from 0 on.
func (s *Shard) Index() int { return s.index }

// Turn implements transport.Handler.
func (s *Shard) Turn() time.Duration {
	s.clock.read()
	s.runPosts()
	s.handler.Mail()
	if t := s.ticks(0); t != s.ticked {
		s.ticked = t
		s.wheel.Advance(t, s.timeout)
		s.tick()
	}
	s.source.Deliver()
	s.flushAll()
	s.held.Store(int64(s.buffers.Held()))
	if len(s.queue) > 0 {
		return 0
	}
	wait := time.Duration(-1)
	if s.wheel.Len() > 0 || s.drain.on || s.handler.Ticking() {
		wait = TickEvery - s.at%TickEvery
	}
	return s.source.Wait(wait)
}

// tick does what is done ten times a second.
func (s *Shard) tick() {
	m, n := s.hub.Metrics, &s.stats
	if n.writes != 0 || n.received != 0 {
		m.Writes.Add(float64(n.writes))
		m.Sent.Add(float64(n.sent))
		m.Received.Add(float64(n.received))
		*n = stats{}
	}
	s.handler.Tick()
	s.drainSome()
}

// Opened implements transport.Handler.
func (s *Shard) Opened(slot uint32) {
	s.clock.read()
	s.sessions.Reach(slot)
	ses := s.sessions.At(slot)
	*ses = session{gen: ses.gen + 1, heard: s.now, since: s.now, state: Handshake, flags: ses.flags & flQueued}
	s.handler.Opened(slot)
	s.after(slot, s.hub.Options.HandshakeTimeout)
}

// Refused implements transport.Handler.
func (s *Shard) Refused() { s.hub.Metrics.Refused.WithLabelValues("files").Inc() }

// Gone implements transport.Handler.
func (s *Shard) Gone(slot uint32) {
	ses := s.sessions.At(slot)
	if ses.state == Free {
		return
	}
	if ses.state != Handshake && ses.state != Closing {
		s.hub.Metrics.ClosedWith(wire.CloseAbnormal)
	}
	s.forget(slot)
}

// forget lets go of everything that a session holds. The loop has closed the connection, or is
// about to.
func (s *Shard) forget(slot uint32) {
	ses := s.sessions.At(slot)
	s.leave(slot)
	if ses.state != Handshake {
		s.hub.sockets.Add(-1)
	}
	s.hub.addrs.release(ses.addr)
	s.wheel.Clear(slot)
	s.buffers.Free(&ses.in)
	s.buffers.Free(&ses.out)
	*ses = session{gen: ses.gen, flags: ses.flags & flQueued}
}

// leave tells the handler that a session ends.
func (s *Shard) leave(slot uint32) {
	s.handler.Left(slot)
	ses := s.sessions.At(slot)
	if ses.more != nil {
		s.buffers.Free(&ses.more.part)
	}
	ses.more = nil
}

// drop ends a connection at once.
func (s *Shard) drop(slot uint32) {
	s.forget(slot)
	s.loop.Close(slot)
}
