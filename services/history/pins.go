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

// errPinned says that a room has as many pins as it can have.
var errPinned = chat.E(chat.CodeTooMany, fmt.Sprintf("this room has %d pinned messages, which is as many as it can have: unpin one first", store.MaxPins))

// pins lists the pinned messages of rooms, and keeps to their bound.
type pins struct{ records *records }

// pinned returns the pins of a room that count, before a Seq, the last first, with what the tail
// says of them: at most limit. Messages that were deleted are left out.
func (p *pins) pinned(ctx context.Context, r *record, before uint64, limit int) ([]store.Entry, error) {
	last := make(map[store.Name]store.Entry) // of the tail, by message
	for _, e := range r.tail {
		switch e.Type {
		case chat.TypePinned, chat.TypeDeleted:
			name := store.Name{Sender: e.Author, ID: e.Target}
			if last[name].Type != chat.TypeDeleted {
				last[name] = e
			}
		}
	}
	var found []store.Entry
	for _, e := range last {
		if e.Type == chat.TypePinned && !e.Past && e.Seq < before {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b store.Entry) int { return cmp.Compare(b.Seq, a.Seq) })
	found, err := p.whole(ctx, r, found)
	for at := min(before, r.last.Seq+1); err == nil && len(found) < limit; {
		var some []store.Entry
		if some, err = r.store.Pins(ctx, r.room, at, limit+1); err != nil {
			break
		}
		more := len(some) > limit
		if n := len(some); n > 0 {
			at = some[n-1].Seq
		}
		some = slices.DeleteFunc(some, func(e store.Entry) bool {
			_, ok := last[store.Name{Sender: e.Author, ID: e.Target}]
			return ok
		})
		if some, err = p.whole(ctx, r, some); err == nil {
			found = append(found, some...)
		}
		if !more {
			break
		}
	}
	return found[:min(limit, len(found))], err
}

// whole returns the pins whose messages are there and are not deleted.
func (p *pins) whole(ctx context.Context, r *record, pins []store.Entry) ([]store.Entry, error) {
	names := make([]store.Name, len(pins))
	for i, e := range pins {
		names[i] = store.Name{Sender: e.Author, ID: e.Target}
	}
	if len(names) == 0 {
		return nil, nil
	}
	about, err := r.about(ctx, names, chat.TypeDeleted)
	if err != nil {
		return nil, err
	}
	gone := make(map[store.Name]bool, len(about))
	for _, e := range about {
		gone[store.Name{Sender: e.Author, ID: e.Target}] = true
	}
	pins = slices.DeleteFunc(pins, func(e store.Entry) bool { return gone[store.Name{Sender: e.Author, ID: e.Target}] })
	return r.above(pins), nil
}

// may returns an error if a room has no room for another pin, and the pin of a message that is
// pinned already: who pinned it first stays who did.
func (p *pins) may(ctx context.Context, r *record, about []store.Entry) (already uint64, err error) {
	for _, e := range about {
		if e.Type != chat.TypePinned {
			continue
		}
		if already = e.Seq; e.Past {
			already = 0
		}
	}
	if already > 0 {
		return already, nil
	}
	pins, err := p.pinned(ctx, r, everything, store.MaxPins)
	if err == nil && len(pins) == store.MaxPins {
		err = errPinned
	}
	return 0, err
}

// checkListRequest says what is wrong with a request for a list of a room: its pins, its threads
// or the versions of a message. A limit of 0 asks for the default.
func checkListRequest(room string, before uint64, limit, most int) error {
	switch {
	case !chat.ValidID(room) || chat.Reserved(room):
		return chat.E(chat.CodeBadRequest, "that is not a room")
	case before > bus.MaxSeq:
		return chat.E(chat.CodeBadRequest, "a seq is below 2^53")
	case limit < 0 || limit > most:
		return chat.E(chat.CodeBadRequest, fmt.Sprintf("limit is 1 to %d", most))
	}
	return nil
}

// list makes a list of a room's pinned messages.
func (p *pins) list(ctx context.Context, req historyapi.PinsRequest) (out historyapi.Pins, err error) {
	if err := checkListRequest(req.Room, req.Before, req.Limit, historyapi.MaxPins); err != nil {
		return out, err
	}
	limit := cmp.Or(req.Limit, historyapi.DefaultPins)
	r, err := p.records.of(ctx, req.Room)
	if err != nil {
		return out, err
	}
	if err := r.dropRepeats(ctx); err != nil {
		return out, err
	}
	found, err := p.pinned(ctx, r, cmp.Or(req.Before, everything), limit+1)
	if err != nil {
		return out, err
	}
	if len(found) > limit {
		found, out.More = found[:limit], true
	}
	r.unname(ctx, found)
	out.Pins = []historyapi.Pin{}
	size := 0
	for _, e := range found {
		m, ok, err := r.find(ctx, e.Author, e.Target)
		if err != nil {
			return out, err
		}
		if !ok || m.Type != chat.TypeMsg {
			continue
		}
		all, err := r.messages(ctx, []store.Entry{m})
		if err != nil {
			return out, err
		}
		if size += len(all[0].json); size > store.PageBytes && len(out.Pins) > 0 {
			out.More = true
			break
		}
		by, err := chat.DecodeEntry(e.Data, e.Seq, 0)
		if err != nil {
			return out, fmt.Errorf("pin %d of room %s: %w", e.Seq, e.Room, err)
		}
		now, err := all[0].message()
		if err != nil {
			return out, fmt.Errorf("room %s: %w", m.Room, err)
		}
		out.Pins = append(out.Pins, historyapi.Pin{Seq: e.Seq, User: e.Sender, Name: by.Name, TS: by.TS, Message: now})
	}
	return out, nil
}
