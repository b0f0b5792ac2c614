package protocol

import (
	"unicode/utf8"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/conn"
	"hubbub.internal/services/edge/internal/fanout"
	"hubbub.internal/services/edge/internal/ownroom"
	"hubbub.internal/services/edge/internal/rooms"
	"hubbub.internal/services/edge/internal/sends"
	"hubbub.internal/services/edge/internal/session"
	"hubbub.internal/services/edge/internal/transport"
)

// A Shard carries out the commands of one loop's connections, and has the shards of the layers
// below. Only that loop's goroutine touches it.
type Shard struct {
	hub   *Hub
	conn  *conn.Shard
	fan   *fanout.Shard
	sess  *session.Shard
	rooms *rooms.Shard
	own   *ownroom.Shard
	sends *sends.Shard

	cmd      wire.Command
	one      wire.Command // a room of a join of several
	enc      []byte       // where a frame's JSON is put together
	name     []byte       // where a name is put as a JSON string
	paces    paces
	commands [wire.NumKinds]int // since the last tick
}

var _ conn.Handler = (*Shard)(nil)

func newShard(h *Hub, l transport.Loop) *Shard {
	s := &Shard{hub: h, conn: h.conn.Shard(l), paces: make(paces)}
	s.fan = h.fan.Shard(s.conn)
	s.sess = h.sess.Shard(s.conn)
	s.sends = h.sends.Shard(s.conn, s.sess)
	s.rooms = h.rooms.Shard(s.conn, s.sess, s.fan, s.dropped)
	s.sends.Use(s.rooms)
	s.own = h.own.Shard(s.conn, s.sess)
	s.conn.Serve(s, s.fan)
	return s
}

// Opened implements conn.Handler.
func (s *Shard) Opened(slot uint32) {
	s.fan.Opened(slot)
	s.sess.Opened(slot)
	s.rooms.Opened(slot)
	s.own.Opened(slot)
	s.sends.Opened(slot)
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
func (s *Shard) Timeout(slot uint32) { s.sess.Timeout(slot) }

// Busy implements conn.Handler: a session that waits for acknowledgements is not sent away.
func (s *Shard) Busy(slot uint32) bool { return s.sends.Busy(slot) }

// Flushed implements conn.Handler.
func (s *Shard) Flushed(slot uint32) { s.rooms.Flushed(slot) }

// Left implements conn.Handler. It takes a session out of all rooms, and tells presence that it has
// ended.
func (s *Shard) Left(slot uint32) {
	if s.sess.Present(slot) {
		s.hub.sess.Reporter.Exit(s.presenceOf(slot))
	}
	delete(s.paces, ownPace(slot))
	s.own.Left(slot)
	s.rooms.Left(slot)
	s.sends.Left(slot)
	s.sess.Left(slot)
}

// dropped forgets what belongs to a subscription that ends.
func (s *Shard) dropped(sub uint32) {
	s.sends.Dropped(sub)
	delete(s.paces, sub)
}

// Mail implements conn.Handler.
func (s *Shard) Mail() {
	s.fan.Mail()
	s.sends.Mail()
}

// Tick implements conn.Handler.
func (s *Shard) Tick() {
	for k, count := range s.commands {
		if count > 0 {
			s.hub.metrics.ByKind[k].Add(float64(count))
		}
	}
	s.commands = [wire.NumKinds]int{}
	s.fan.Tick()
	s.sweepPaces()
	s.rooms.Tick()
	s.own.Tick()
	s.sess.Tick()
}

// Ticking implements conn.Handler.
func (s *Shard) Ticking() bool { return len(s.paces) > 0 }

// changed closes sessions that were revoked, and passes other changes of permissions on to rooms.
func (s *Shard) changed(c directory.Change) {
	if c.Kind != directory.ChangeUser {
		s.rooms.Changed(c)
		return
	}
	s.sess.EachOf(c.User, func(slot uint32) {
		if c.Session == "" && s.sess.IssuedBefore(slot, c.At+1) || c.Session != "" && s.sess.Is(slot, c.Session) {
			s.conn.Close(slot, wire.CloseRevoked, "the session was revoked")
		}
	})
}
