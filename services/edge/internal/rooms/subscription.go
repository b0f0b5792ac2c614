package rooms

import (
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/fanout"
)

// Topic returns the room that a subscriber subscribes to.
func (s *Shard) Topic(id uint32) *RoomTopic { return s.fan.Owner(id).(*RoomTopic) }

// find returns the session's subscription to a room, or fanout.None.
func (s *Shard) find(slot uint32, room []byte) uint32 {
	for id := s.fan.First(slot); id != fanout.None; id = s.fan.Next(id) {
		if f := s.Topic(id); f.kind == Log && f.Room == string(room) {
			return id
		}
	}
	return fanout.None
}

// findTopic returns the session's subscription to a topic of a room, or fanout.None.
func (s *Shard) findTopic(slot uint32, kind Kind, room string) uint32 {
	for id := s.fan.First(slot); id != fanout.None; id = s.fan.Next(id) {
		if f := s.Topic(id); f.kind == kind && f.Room == room {
			return id
		}
	}
	return fanout.None
}

// addSub subscribes a session to a topic of a room. fanout delivers nothing to it before Listen.
func (s *Shard) addSub(slot uint32, kind Kind, room string) uint32 {
	f := s.hub.acquire(kind, room)
	id := s.fan.Subscribe(slot, &f.Topic, kind == Log && s.conn.Packs(slot))
	return id
}

// dropSub ends a subscription. The sends of it that are on their way end by themselves.
func (s *Shard) dropSub(id uint32) {
	f := s.Topic(id)
	s.dropped(id)
	delete(s.joins, id)
	s.fan.Unsubscribe(id)
	s.hub.release(f)
}

var _ fanout.Owner = (*RoomTopic)(nil)

// Rewound implements fanout.Owner. It tells a client that a room's log was rewound, and that
// the room begins anew after seq.
func (f *RoomTopic) Rewound(shard int, slot uint32, seq uint64) {
	if f.kind != Log {
		return
	}
	s := f.hub.shards[shard]
	s.enc = wire.AppendJoined(s.enc[:0], "", f.Room, seq, false, true)
	s.conn.Push(slot, s.enc)
}
