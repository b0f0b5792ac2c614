package protocol

import (
	"context"
	"encoding/json"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/session"
)

// who answers who is online in a room, over all edges.
func (s *Shard) who(slot uint32, c *wire.Command) {
	id, room, next := string(c.ID), string(c.Room), string(c.Next)
	s.sess.WithReadable(slot, room, id, func(slot uint32, _ directory.Access) {
		session.Later(s.sess, s.conn.Ref(slot), func(ctx context.Context) (json.RawMessage, error) {
			return api.Call[presence.WhoRequest, json.RawMessage](ctx, s.hub.bus, presence.ServiceWho, presence.WhoRequest{Room: room, After: next})
		}, func(slot uint32, who json.RawMessage, err error) {
			s.sess.ReplyRaw(slot, id, err, func(dst []byte) ([]byte, error) { return wire.AppendWho(dst, id, room, who) })
		})
	})
}
