package hub

import (
	"sync"
	"time"
	"unicode/utf8"

	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/slab"
)

// A Shard has what the sessions of one loop are in, and carries out their commands. Only that
// loop's goroutine touches it, but for the mailbox.
type Shard struct {
	hub      *Hub
	conn     *conn.Shard
	fan      *fanout.Shard
	sessions slab.Slab[session]
	sends    slab.Slab[*op] // by subscriber: those that are not acknowledged, the first on its way
	cmd      wire.Command
	frames   []byte // where frames of a ring are put
	name     []byte // where a name is put as a JSON string
	enc      []byte // where a frame's JSON is put together
	ops      *op    // free ones

	joins  map[uint32]*joining  // by sub: the join under way
	waits  map[uint32]*waits    // by slot
	wanted map[uint32][]*wanted // by slot: what is to be followed and has no sub yet
	paces  map[uint32]*pace     // by sub, or ownPace: typing and read positions of late

	reviews  map[string]bool // rooms whose members' permissions are to be asked for; "": all
	reviewed uint32          // ms; when that was last tried

	lapsed   []conn.Ref // sessions whose tokens have run out: see lapse
	checking bool       // the directory is being asked about some

	commands [wire.NumKinds]int // since the last tick
	own      ownRooms

	mu    sync.Mutex
	ended *op // sends that the bus has answered, the latest first
}

var _ conn.Handler = (*Shard)(nil)

func newShard(h *Hub, c *conn.Shard) *Shard {
	s := &Shard{
		hub: h, conn: c, fan: h.fan.Shard(c),
		joins:   make(map[uint32]*joining),
		waits:   make(map[uint32]*waits),
		wanted:  make(map[uint32][]*wanted),
		paces:   make(map[uint32]*pace),
		reviews: make(map[string]bool),
		own:     newOwnRooms(),
	}
	c.Serve(s, s.fan)
	return s
}

// Mail implements conn.Handler.
func (s *Shard) Mail() {
	s.fan.Mail()
	s.mu.Lock()
	ops := s.ended
	s.ended = nil
	s.mu.Unlock()
	s.acknowledge(ops)
}

// Opened implements conn.Handler.
func (s *Shard) Opened(slot uint32) {
	s.fan.Opened(slot)
	s.sessions.Reach(slot)
	*s.sessions.At(slot) = session{peer: none}
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
		s.hub.reporter.Exit(s.presenceOf(slot))
		s.exitOwn(slot)
		if s.hub.opts.SocketsPerUser > 0 {
			s.hub.ofUser.release(ses.who.user())
		}
	}
	delete(s.wanted, slot)
	delete(s.waits, slot)
	for id := s.fan.First(slot); id != none; id = s.fan.First(slot) {
		s.dropSub(id)
	}
	*ses = session{peer: none}
}

// Tick implements conn.Handler.
func (s *Shard) Tick() {
	s.fan.Tick()
	for k, count := range s.commands {
		if count > 0 {
			s.hub.metrics.ByKind[k].Add(float64(count))
		}
	}
	s.commands = [wire.NumKinds]int{}
	s.sweepPaces()
	s.reviewAgain()
	s.compareSweep()
	s.checkLapsed()
}

// Ticking implements conn.Handler.
func (s *Shard) Ticking() bool { return len(s.paces) > 0 }

func ms(d time.Duration) uint32 { return uint32(d / time.Millisecond) }
