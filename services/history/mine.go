package history

import (
	"context"
	"encoding/json"
	"slices"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// mineBatch is how many messages are read for one answer.
const mineBatch = historyapi.MaxLimit

// mine answers historyapi.ServiceMine, with a historyapi.Mine in JSON.
func (p *pages) mine(ctx context.Context, req historyapi.MineRequest) (json.RawMessage, error) {
	if !chat.ValidID(req.User) || req.Room != "" && !chat.ValidID(req.Room) || req.Seq > bus.MaxSeq {
		return nil, chat.E(chat.CodeBadRequest, "messages are asked for by the id of a user, and of a room with a seq or none")
	}
	found, err := p.store.MessagesBy(ctx, req.User, req.Room, req.Seq, mineBatch+1)
	if err != nil {
		return nil, err
	}
	some := first(found, mineBatch)
	all, err := p.records.shownOf(ctx, some.entries)
	if err != nil {
		return nil, err
	}
	_, to := fit(all, 0)
	var out struct {
		Messages []json.RawMessage      `json:"messages"`
		Next     *historyapi.MineNext   `json:"next,omitempty"`
		Saved    []historyapi.SavedName `json:"saved,omitempty"`
	}
	if req.Room == "" {
		if out.Saved, err = p.saved.names(ctx, req.User); err != nil {
			return nil, err
		}
	}
	out.Messages = []json.RawMessage{}
	for _, m := range all[:to] {
		if !m.gone {
			out.Messages = append(out.Messages, m.json)
		}
	}
	if some.more || to < len(all) {
		last := some.entries[to-1]
		out.Next = &historyapi.MineNext{Room: last.Room, Seq: last.Seq}
	}
	return json.Marshal(out)
}

// shownOf returns messages of several rooms, those of a room together, with what was done to them:
// also what is not stored yet.
func (rs *records) shownOf(ctx context.Context, entries []store.Entry) (all []shown, err error) {
	for len(entries) > 0 {
		room := entries[0].Room
		n := slices.IndexFunc(entries, func(e store.Entry) bool { return e.Room != room })
		if n < 0 {
			n = len(entries)
		}
		r, err := rs.of(ctx, room)
		if err != nil {
			return nil, err
		}
		some, err := r.messagesAlone(ctx, entries[:n])
		if err != nil {
			return nil, err
		}
		all, entries = append(all, some...), entries[n:]
	}
	return all, nil
}
