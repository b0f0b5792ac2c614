package history

import (
	"context"
	"fmt"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
)

// errOtherUse says that a command's msg_id names another entry of its sender in the room.
var errOtherUse = chat.E(chat.CodeConflict, "you gave that msg_id to something else in this room")

// sent answers historyapi.ServiceSent. The bus knows a repeat for bus.DedupeWindow; the record
// knows it for ever.
func (c *changes) sent(ctx context.Context, req historyapi.SentRequest) (historyapi.Sent, error) {
	var out historyapi.Sent
	if !chat.ValidID(req.Room) || chat.Reserved(req.Room) || !chat.ValidID(req.User) || !chat.ValidID(req.ID) {
		return out, chat.E(chat.CodeBadRequest, "a message is named by a room, a user and an id")
	}
	e, ok, err := c.records.find(ctx, req.Room, req.User, req.ID)
	switch {
	case err != nil || !ok:
		return out, err
	case e.Type != chat.TypeMsg:
		return out, errOtherUse
	}
	event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
	if err != nil {
		return out, fmt.Errorf("message %d of room %s: %w", e.Seq, e.Room, err)
	}
	return historyapi.Sent{Seq: e.Seq, TS: event.TS}, nil
}
