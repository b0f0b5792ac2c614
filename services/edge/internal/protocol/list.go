package protocol

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"hubbub.internal/libs/api/directory"
	"hubbub.internal/libs/api/presence"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/session"
)

// listUsersText is the text that is a question and no message.
const listUsersText = "/list-users"

// listUsers answers who is online in the room.
func (s *Shard) listUsers(slot uint32, c *wire.Command) {
	id, msgID, room := string(c.ID), string(c.MsgID), string(c.Room)
	fail := func(slot uint32, err error) {
		e := s.hub.sess.Coded(err)
		s.hub.metrics.Failures.WithLabelValues(e.Code).Inc()
		s.enc = wire.AppendError(s.enc[:0], id, e, msgID, room)
		s.conn.Push(slot, s.enc)
	}
	s.sess.WithAccess(slot, room, func(slot uint32, a directory.Access, err error) {
		if err == nil && !a.Read {
			err = session.ErrForbidden
		}
		if err != nil {
			fail(slot, err)
			return
		}
		session.Later(s.sess, s.conn.Ref(slot), func(ctx context.Context) (presence.Who, error) {
			return s.hub.people.Who(ctx, presence.WhoRequest{Room: room, After: presence.FromStart})
		}, func(slot uint32, who presence.Who, err error) {
			if err != nil {
				fail(slot, err)
				return
			}
			if id != "" {
				s.enc = wire.AppendSendAck(s.enc[:0], id, msgID, room, 0, time.Now().UnixMilli())
				s.conn.Push(slot, s.enc)
			}
			s.pushUsers(slot, id, room, who)
		})
	})
}

// pushUsers tells one socket who is online in a room.
func (s *Shard) pushUsers(slot uint32, id, room string, who presence.Who) {
	names := make([]string, len(who.Users))
	for i, u := range who.Users {
		names[i] = u.Name
	}
	text := strconv.Itoa(who.Count) + " online: " + strings.Join(names, ", ")
	if who.Count > len(names) {
		text += " and others"
	}
	users, err := json.Marshal(who.Users)
	if err != nil { // strings only: it cannot
		users = nil
	}
	s.enc = wire.AppendNotice(s.enc[:0], id, room, "users", text, who.Count, users)
	s.conn.Push(slot, s.enc)
}
