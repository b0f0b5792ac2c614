package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// pageOf answers historyapi.ServicePage when it is the user's turn.
func (s *Service) pageOf(ctx context.Context, req historyapi.PageRequest) (historyapi.Page, error) {
	return inTurn(s.reads, func(r historyapi.PageRequest) string { return cmp.Or(r.User, r.Room) }, s.page)(ctx, req)
}

// page makes a page.
func (s *Service) page(ctx context.Context, req historyapi.PageRequest) (historyapi.Page, error) {
	var page historyapi.Page
	if err := checkPage(&req); err != nil {
		return page, err
	}
	r, err := s.record(ctx, req.Room)
	if err != nil {
		return page, err
	}
	if err := r.dropRepeats(ctx); err != nil {
		return page, err
	}
	var found []store.Entry
	anchor := 0 // of what is found, the message that has to be in the answer
	switch {
	case req.Around > 0:
		half := req.Limit / 2
		before, err := r.newest(ctx, req.Around+1, req.Limit-half+1)
		if err != nil {
			return page, err
		}
		if len(before) > req.Limit-half {
			before, page.More = before[seam(before, 1, 1, seqOf):], true
		}
		after, err := r.oldest(ctx, req.Around, half+1)
		if err != nil {
			return page, err
		}
		if len(after) > half {
			after, page.More = after[:seam(after, half, -1, seqOf)], true
		}
		found, anchor = append(before, after...), max(len(before)-1, 0)
	case req.After > 0:
		if found, err = r.oldest(ctx, req.After, req.Limit+1); err != nil {
			return page, err
		}
		if len(found) > req.Limit {
			found, page.More = found[:seam(found, req.Limit, -1, seqOf)], true
		}
	default:
		before := req.Before
		if before == 0 {
			before = everything
		}
		if found, err = r.newest(ctx, before, req.Limit+1); err != nil {
			return page, err
		}
		if len(found) > req.Limit {
			found, page.More = found[seam(found, 1, 1, seqOf):], true
		}
		anchor = len(found) - 1
	}
	all, err := r.messages(ctx, found)
	if err != nil {
		return page, err
	}
	all, cut, err := fit(all, anchor)
	page.Messages, page.More = all, page.More || cut
	return page, err
}

func checkPage(req *historyapi.PageRequest) error {
	if !chat.ValidID(req.Room) || chat.Reserved(req.Room) {
		return chat.E(chat.CodeBadRequest, "that is not a room")
	}
	set := 0
	for _, seq := range []uint64{req.Before, req.After, req.Around} {
		if seq > bus.MaxSeq {
			return chat.E(chat.CodeBadRequest, "a seq is below 2^53")
		}
		if seq > 0 {
			set++
		}
	}
	if set > 1 {
		return chat.E(chat.CodeBadRequest, "give at most one of before, after and around")
	}
	if req.Limit == 0 {
		req.Limit = historyapi.DefaultLimit
	}
	if req.Limit < 1 || req.Limit > historyapi.MaxLimit {
		return chat.E(chat.CodeBadRequest, fmt.Sprintf("limit is 1 to %d", historyapi.MaxLimit))
	}
	return nil
}

// messages returns the messages with all that later entries did to them.
func (r *record) messages(ctx context.Context, found []store.Entry) ([]chat.Message, error) {
	all := make([]chat.Message, 0, len(found))
	names := make([]store.Name, 0, len(found))
	for _, e := range found {
		event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
		if err != nil {
			return nil, fmt.Errorf("message %d of room %s: %w", e.Seq, e.Room, err)
		}
		all = append(all, chat.Message{Event: event})
		names = append(names, e.Name())
	}
	index := make(map[store.Name]*chat.Message, len(all))
	for i, name := range names {
		index[name] = &all[i]
	}
	for part := range slices.Chunk(names, aboutAtOnce) {
		about, err := r.about(ctx, part)
		if err != nil {
			return nil, err
		}
		for _, e := range about {
			m := index[store.Name{Sender: e.Author, ID: e.Target}]
			if m == nil {
				continue
			}
			event, err := chat.DecodeEntry(e.Data, e.Seq, 0)
			if err != nil {
				return nil, fmt.Errorf("entry %d of room %s: %w", e.Seq, e.Room, err)
			}
			change(m, event)
		}
	}
	return all, nil
}

// change does to a message what an event says. Events come in order.
func change(m *chat.Message, e chat.Event) {
	if m.Deleted {
		return
	}
	switch e.Type {
	case chat.TypeEdited:
		m.Text, m.EditedTS = e.Text, e.TS
	case chat.TypeDeleted:
		m.Text, m.EditedTS, m.Deleted, m.Pinned, m.Reactions = "", 0, true, false, nil
	case chat.TypePinned:
		m.Pinned = e.On
	case chat.TypeReacted:
		// In the order in which they last put it: the record reads the last of each alone.
		who := slices.DeleteFunc(m.Reactions[e.Emoji], func(user string) bool { return user == e.User })
		if e.On {
			who = append(who, e.User)
		}
		switch {
		case len(who) == 0:
			delete(m.Reactions, e.Emoji)
		case m.Reactions == nil:
			m.Reactions = map[string][]string{e.Emoji: who}
		default:
			m.Reactions[e.Emoji] = who
		}
	}
}
