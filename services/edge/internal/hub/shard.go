package hub

import (
	"sync"
	"time"
	"unicode/utf8"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/slab"
)

// A Shard has what the sessions of one loop are in, and carries out their commands. Only that
// loop's goroutine touches it, but for the mailbox.
type Shard struct {
	hub      *Hub
	conn     *conn.Shard
	index    int
	sessions slab.Slab[session]
	subs     slab.Slab[sub]
	subCount uint32
	freeSubs []uint32
	cmd      wire.Command
	name     []byte // where a name is put as a JSON string
	enc      []byte // where a frame's JSON is put together
	ops      *op    // free ones

	ahead  map[uint32]uint64    // by sub: it has everything through this seq already
	joins  map[uint32]*joining  // by sub: the join under way
	waits  map[uint32]*waits    // by slot
	wanted map[uint32][]*wanted // by slot: what is to be followed and has no sub yet
	paces  map[uint32]*pace     // by sub, or ownPace: typing and read positions of late

	reviews  map[string]bool // rooms whose members' permissions are to be asked for; "": all
	reviewed uint32          // ms; when that was last tried

	lapsed   []conn.Ref // sessions whose tokens have run out: see lapse
	checking bool       // the directory is being asked about some

	dirty []*audience // with news, in the order in which it came
	from  int         // of dirty: what is before is done
	spread
	coalescing
	stats stats
	own   ownRooms

	mail mailbox
}

var (
	_ conn.Handler = (*Shard)(nil)
	_ conn.Source  = (*Shard)(nil)
)

// stats are counted here and added to the metrics once per tick.
type stats struct {
	deliveries int
	commands   [wire.NumKinds]int
}

// mailbox is what other goroutines have for the shard.
type mailbox struct {
	mu    sync.Mutex
	ops   *op // done, the latest first
	feeds []*feed
}

func newShard(h *Hub, c *conn.Shard) *Shard {
	s := &Shard{
		hub: h, conn: c, index: c.Index(),
		ahead:   make(map[uint32]uint64),
		joins:   make(map[uint32]*joining),
		waits:   make(map[uint32]*waits),
		wanted:  make(map[uint32][]*wanted),
		paces:   make(map[uint32]*pace),
		reviews: make(map[string]bool),
		own:     newOwnRooms(),
	}
	s.bounds, s.each = turnBounds, coalesceEach
	c.Serve(s, s)
	return s
}

// news says that a feed has something for the shard's subscribers.
func (s *Shard) news(f *feed) {
	s.mail.mu.Lock()
	s.mail.feeds = append(s.mail.feeds, f)
	s.mail.mu.Unlock()
	s.conn.Wake()
}

// Mail implements conn.Handler. It empties the mailbox.
func (s *Shard) Mail() {
	m := &s.mail
	m.mu.Lock()
	ops := m.ops
	m.ops = nil
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
	s.acknowledge(ops)
}

// Opened implements conn.Handler.
func (s *Shard) Opened(slot uint32) {
	s.sessions.Reach(slot)
	*s.sessions.At(slot) = session{subs: none, due: none, peer: none}
}

// Message implements conn.Handler.
func (s *Shard) Message(slot uint32, text []byte) {
	err := s.cmd.Decode(text)
	if err != nil && !utf8.Valid(text) {
		s.conn.Fail(slot, wire.CloseNotUTF8)
		return
	}
	s.command(slot, &s.cmd, err)
}

// Timeout implements conn.Handler.
func (s *Shard) Timeout(slot uint32) {
	s.rest(slot)
	s.lapse(slot)
}

// Busy implements conn.Handler: a session that waits for acknowledgements is not sent away.
func (s *Shard) Busy(slot uint32) bool { return s.sessions.At(slot).sending > 0 }

// Flushed implements conn.Handler.
func (s *Shard) Flushed(slot uint32) {
	if len(s.waits) > 0 {
		s.unpark(slot)
	}
}

// Left implements conn.Handler. It takes a session out of all rooms, and tells presence that it has
// ended.
func (s *Shard) Left(slot uint32) {
	ses := s.sessions.At(slot)
	if ses.who != nil && s.conn.State(slot) == conn.Ready {
		s.hub.reporter.Exit(s.presenceOf(ses))
		s.exitOwn(slot)
		if s.hub.opts.SocketsPerUser > 0 {
			s.hub.ofUser.release(ses.who.user())
		}
	}
	delete(s.wanted, slot)
	delete(s.waits, slot)
	for ses.subs != none {
		s.dropSub(ses.subs)
	}
	*ses = session{subs: none, due: none, peer: none}
}

// Tick implements conn.Handler.
func (s *Shard) Tick() {
	m, n := s.hub.metrics, &s.stats
	if n.deliveries > 0 {
		m.Deliveries.Add(float64(n.deliveries))
	}
	for k, count := range n.commands {
		if count > 0 {
			m.ByKind[k].Add(float64(count))
		}
	}
	*n = stats{}
	s.sweepPaces()
	s.reviewAgain()
	s.compareSweep()
	s.checkLapsed()
}

// Wait implements conn.Source.
func (s *Shard) Wait(limit time.Duration) time.Duration {
	if s.from < len(s.dirty) {
		return 0
	}
	if limit < 0 && len(s.paces) > 0 {
		limit = s.conn.UntilTick()
	}
	return s.patience(limit)
}

func ms(d time.Duration) uint32 { return uint32(d / time.Millisecond) }
