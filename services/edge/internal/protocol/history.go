package protocol

import (
	"context"
	"encoding/json"

	"hubbub.internal/libs/api"
	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/session"
)

// history answers a page of the record.
func (s *Shard) history(slot uint32, c *wire.Command) {
	id := string(c.ID)
	req := history.PageRequest{User: s.sess.User(slot), Room: string(c.Room), Before: c.Before, After: c.After, Around: c.Around, Oldest: c.Oldest, Limit: c.Limit,
		Thread: chat.Thread{Author: string(c.ThreadAuthor), ID: string(c.ThreadID)}}
	s.sess.WithReadable(slot, req.Room, id, func(slot uint32, a directory.Access) {
		req.Events = a.Role != ""
		session.Later(s.sess, s.conn.Ref(slot), func(ctx context.Context) (json.RawMessage, error) {
			return api.Call[history.PageRequest, json.RawMessage](ctx, s.hub.bus, history.ServicePage, req)
		}, func(slot uint32, page json.RawMessage, err error) {
			s.sess.ReplyRaw(slot, id, err, func(dst []byte) ([]byte, error) { return wire.AppendHistory(dst, id, req.Room, page) })
		})
	})
}
