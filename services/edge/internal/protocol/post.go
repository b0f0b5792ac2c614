package protocol

import (
	"context"

	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/wire"
	"hubbub.internal/services/edge/internal/ring"
	"hubbub.internal/services/edge/internal/sends"
	"hubbub.internal/services/edge/internal/session"
)

var errQuestion = chat.E(chat.CodeBadRequest, "/list-users is a question, and no message: GET /v1/rooms/{room}/presence answers it")

// Post carries out a send that came over no connection: see sends.Shard.Post. It may be called from
// any goroutine.
func (h *Hub) Post(ctx context.Context, from session.Sender, c *wire.Command) (sends.Sent, error) {
	h.metrics.ByKind[c.Kind].Inc()
	if c.TextIs(listUsersText) {
		h.sess.CountError(errQuestion)
		return sends.Sent{}, errQuestion
	}
	s := h.shards[ring.Hash(from.User)%uint64(len(h.shards))]
	return s.sends.Post(ctx, from, c)
}

// Amend carries out an edit, delete, react or pin that came over no connection, as those of
// connections are, and returns when history has appended it. It may be called from any goroutine.
func (h *Hub) Amend(ctx context.Context, from session.Sender, c *wire.Command) (history.Applied, error) {
	h.metrics.ByKind[c.Kind].Inc()
	applied, err := h.amend(ctx, from, c)
	if err != nil {
		e := h.sess.Coded(err)
		h.sess.CountError(e)
		return applied, e
	}
	return applied, nil
}

func (h *Hub) amend(ctx context.Context, from session.Sender, c *wire.Command) (applied history.Applied, err error) {
	if chat.IsUserRoom(string(c.Room)) {
		return applied, sends.ErrMayNot
	}
	req, wrong := h.amendment(from, c)
	if wrong != nil {
		return applied, wrong
	}
	a, err := h.sess.Access.Access(ctx, from.User, req.Event.Room)
	if err == nil {
		err = permit(&req, c.Kind, a)
	}
	if err != nil {
		return applied, err
	}
	return h.rooms.History.Apply(ctx, req)
}
