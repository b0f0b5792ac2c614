package hub

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/bucket"
	"hubbub.internal/services/edge/internal/buffer"
	"hubbub.internal/services/edge/internal/deflate"
	"hubbub.internal/services/edge/internal/frame"
	"hubbub.internal/services/edge/internal/transport"
	"hubbub.internal/services/edge/internal/upgrade"
	"hubbub.internal/services/edge/internal/wheel"
)

// A Shard owns the connections of one loop. Only that loop's goroutine touches it, but for the
// mailbox.
type Shard struct {
	hub      *Hub
	loop     transport.Loop
	index    int
	elapsed  func() time.Duration // since the process started
	at       time.Duration        // that, of this turn
	now      uint32               // the same in ms, which wraps around after 49 days
	ticked   uint32               // the last tick
	wheel    *wheel.Wheel
	sessions slab[session]
	subs     slab[sub]
	subCount uint32
	freeSubs []uint32
	buffers  *buffer.Pool
	held     atomic.Int64 // bytes of buffers in use, as of the last turn
	parser   *upgrade.Parser
	rate     bucket.Limit
	inflater deflate.Inflater
	cmd      wire.Command
	name     []byte // where a name is put as a JSON string
	enc      []byte // where a frame's JSON is put together
	ops      *op    // free ones

	ahead  map[uint32]uint64    // by sub: it has everything through this seq already
	joins  map[uint32]*joining  // by sub: the join under way
	wanted map[uint32][]*wanted // by slot: what is to be followed and has no sub yet
	paces  map[uint32]*pace     // by sub, or ownPace: typing and read positions of late

	reviews  map[string]bool // rooms whose members' permissions are to be asked for; "": all
	reviewed uint32          // ms; when that was last tried

	lapsed   []ref // sessions whose tokens have run out: see lapse
	checking bool  // the directory is being asked about some

	queue []uint32    // sessions to flush in this turn
	again []uint32    // sessions to flush in the next
	dirty []*audience // with news, in the order in which it came
	from  int         // of dirty: what is before is done
	spread
	coalescing
	stats stats
	drain draining
	own   ownRooms

	mail mailbox
}

// stats are counted here and added to the metrics once per tick.
type stats struct {
	deliveries, writes, sent, received int
	commands                           [wire.NumKinds]int
}

// mailbox is what other goroutines have for the shard.
type mailbox struct {
	mu    sync.Mutex
	posts []func()
	ops   *op // done, the latest first
	feeds []*feed
}

// tick is that of the wheel.
const tick = 100 * time.Millisecond

func newShard(h *Hub, l transport.Loop, index int) *Shard {
	s := &Shard{
		hub: h, loop: l, index: index,
		elapsed: func() time.Duration { return time.Since(started) },
		buffers: buffer.NewPool(h.opts.Buffers),
		parser:  upgrade.NewParser(h.opts.Origins, h.opts.Deflate > 0).Under(h.opts.BasePath),
		rate:    bucket.Limit{Rate: uint32(h.opts.Rate), Burst: uint32(h.opts.Burst)},
		ahead:   make(map[uint32]uint64),
		joins:   make(map[uint32]*joining),
		wanted:  make(map[uint32][]*wanted),
		paces:   make(map[uint32]*pace),
		reviews: make(map[string]bool),
		own:     newOwnRooms(),
	}
	s.bounds, s.each = turnBounds, coalesceEach
	s.clock()
	s.ticked = s.ticks(0)
	s.wheel = wheel.New(s.ticked, func(slot uint32) *wheel.Timer { return &s.sessions.at(slot).timer })
	return s
}

// nowMS returns the time since the process started, in ms.
func nowMS() uint32 { return uint32(time.Since(started) / time.Millisecond) }

func (s *Shard) clock() {
	s.at = s.elapsed()
	s.now = uint32(s.at / time.Millisecond)
}

// Turn implements transport.Handler.
func (s *Shard) Turn() time.Duration {
	s.clock()
	s.readMail()
	if t := s.ticks(0); t != s.ticked {
		s.ticked = t
		s.wheel.Advance(t, s.timeout)
		s.tick()
	}
	s.release()
	s.spreadNews()
	s.flushAll()
	s.held.Store(int64(s.buffers.Held()))
	if s.from < len(s.dirty) || len(s.queue) > 0 {
		return 0
	}
	wait := time.Duration(-1)
	if s.wheel.Len() > 0 || len(s.paces) > 0 || s.drain.on {
		wait = tick - s.at%tick
	}
	return s.patience(wait)
}

// post has do called in the shard's next turn. It may be called from any goroutine.
func (s *Shard) post(do func()) {
	s.mail.mu.Lock()
	s.mail.posts = append(s.mail.posts, do)
	s.mail.mu.Unlock()
	s.loop.Wake()
}

// news says that a feed has something for the shard's subscribers.
func (s *Shard) news(f *feed) {
	s.mail.mu.Lock()
	s.mail.feeds = append(s.mail.feeds, f)
	s.mail.mu.Unlock()
	s.loop.Wake()
}

// readMail empties the mailbox.
func (s *Shard) readMail() {
	m := &s.mail
	m.mu.Lock()
	posts, ops := m.posts, m.ops
	m.posts, m.ops = nil, nil
	for _, f := range m.feeds {
		// Whatever comes after this is news again.
		f.told.And(^(uint64(1) << s.index))
		for _, packed := range [...]bool{false, true} {
			if a := *f.audience(s.index, packed); a != nil && a.flags&audQueued == 0 {
				a.flags |= audQueued
				s.dirty = append(s.dirty, a)
			}
		}
	}
	clear(m.feeds)
	m.feeds = m.feeds[:0]
	m.mu.Unlock()
	for _, do := range posts {
		do()
	}
	s.acknowledge(ops)
}

// Opened implements transport.Handler.
func (s *Shard) Opened(slot uint32) {
	s.clock()
	s.sessions.reach(slot)
	ses := s.sessions.at(slot)
	*ses = session{gen: ses.gen + 1, heard: s.now, since: s.now, subs: none, due: none, peer: none, state: stHandshake, flags: ses.flags & flQueued}
	s.after(slot, s.hub.opts.HandshakeTimeout)
}

// Refused implements transport.Handler.
func (s *Shard) Refused() { s.hub.metrics.refused.WithLabelValues("files").Inc() }

// Gone implements transport.Handler.
func (s *Shard) Gone(slot uint32) {
	ses := s.sessions.at(slot)
	if ses.state == stFree {
		return
	}
	if ses.state != stHandshake && ses.state != stClosing {
		s.hub.metrics.closedWith(wire.CloseAbnormal)
	}
	s.forget(slot)
}

// forget lets go of everything that a session holds. The loop has closed the connection, or is
// about to.
func (s *Shard) forget(slot uint32) {
	ses := s.sessions.at(slot)
	s.leaveAll(slot)
	if ses.state != stHandshake {
		s.hub.sockets.Add(-1)
	}
	s.hub.addrs.release(ses.addr)
	s.wheel.Clear(slot)
	s.buffers.Free(&ses.in)
	s.buffers.Free(&ses.out)
	*ses = session{gen: ses.gen, subs: none, due: none, peer: none, flags: ses.flags & flQueued}
}

// drop ends a connection at once.
func (s *Shard) drop(slot uint32) {
	s.forget(slot)
	s.loop.Close(slot)
}

// push queues a text frame for a session.
func (s *Shard) push(slot uint32, payload []byte) {
	s.pushFrame(slot, ws.OpText, payload)
}

func (s *Shard) pushFrame(slot uint32, op ws.OpCode, payload []byte) {
	s.putFrame(slot, op, payload)
	s.enqueue(slot)
}

func (s *Shard) putFrame(slot uint32, op ws.OpCode, payload []byte) {
	ses := s.sessions.at(slot)
	s.buffers.Grow(&ses.out, frame.MaxHeader+len(payload))
	s.buffers.Set(ses.out, frame.Append(ses.out.Tail(), op, payload))
}

// enqueue has a session flushed in this turn.
func (s *Shard) enqueue(slot uint32) {
	if ses := s.sessions.at(slot); ses.flags&flQueued == 0 {
		ses.flags |= flQueued
		s.queue = append(s.queue, slot)
	}
}

// after sets a session's timer.
func (s *Shard) after(slot uint32, d time.Duration) {
	s.fireAt(slot, s.now+ms(d))
}

// fireAt sets a session's timer to a time in ms, which may have passed.
func (s *Shard) fireAt(slot, at uint32) {
	s.wheel.Jump(s.ticks(0))
	ahead := time.Duration(int32(at-s.now)) * time.Millisecond
	s.wheel.Set(slot, s.ticks(ahead+tick-1))
}

// ticks returns the tick of a time from now. It is counted from s.at: s.now in ticks would not wrap
// around as they do, and timers from before that would be late by as long again.
func (s *Shard) ticks(ahead time.Duration) uint32 { return uint32((s.at + ahead) / tick) }
