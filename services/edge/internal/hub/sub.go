package hub

import (
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/fanout"
)

// feed returns the feed that a subscriber subscribes to.
func (s *Shard) feed(id uint32) *feed { return s.fan.Owner(id).(*feed) }

// find returns the session's subscriber to a room, or none.
func (s *Shard) find(slot uint32, room []byte) uint32 {
	for id := s.fan.First(slot); id != none; id = s.fan.Next(id) {
		if f := s.feed(id); f.kind == logFeed && f.room == string(room) {
			return id
		}
	}
	return none
}

// findFeed returns the session's subscriber to a feed, or none.
func (s *Shard) findFeed(slot uint32, kind feedKind, room string) uint32 {
	for id := s.fan.First(slot); id != none; id = s.fan.Next(id) {
		if f := s.feed(id); f.kind == kind && f.room == room {
			return id
		}
	}
	return none
}

// addSub subscribes a session to a feed. Nothing is delivered to it before fanout's Listen.
func (s *Shard) addSub(slot uint32, kind feedKind, room string) uint32 {
	f := s.hub.acquire(kind, room)
	id := s.fan.Subscribe(slot, &f.Topic, kind == logFeed && s.conn.Packs(slot))
	s.sends.Reach(id)
	*s.sends.At(id) = nil
	return id
}

// dropSub ends a subscription. The sends of it that are on their way end by themselves.
func (s *Shard) dropSub(id uint32) {
	f := s.feed(id)
	s.abandon(id)
	delete(s.joins, id)
	delete(s.paces, id)
	s.fan.Unsubscribe(id)
	s.hub.release(f)
}

var _ fanout.Owner = (*feed)(nil)

// Rewound implements fanout.Owner. It tells a client that a room's log was rewound: the room begins
// anew after seq.
func (f *feed) Rewound(shard int, slot uint32, seq uint64) {
	if f.kind != logFeed {
		return
	}
	s := f.hub.shards[shard]
	s.enc = wire.AppendJoined(s.enc[:0], "", f.room, seq, false, true)
	s.conn.Push(slot, s.enc)
}
