package history

import (
	"context"
	"slices"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

const (
	// maxActs is how many acts of moderation a page has, and maxActsSize how much of an answer they
	// take, in bytes.
	maxActs     = 100
	maxActsSize = 64 << 10
	// maxEvents and maxEventsSize are that of other events.
	maxEvents     = 200
	maxEventsSize = 32 << 10
)

// beside says what stands beside the messages of a page: of more, the last.
type beside struct {
	types []string
	most  int
	size  int // of an answer, in bytes
	found func(s store.Store, ctx context.Context, room string, after, before uint64, limit int) ([]store.Entry, error)
}

var (
	// besideActs are what moderators have done.
	besideActs = beside{[]string{chat.TypeModerated}, maxActs, maxActsSize, store.Store.Acts}
	// besideEvents are what else happened.
	besideEvents = beside{store.EventTypes, maxEvents, maxEventsSize, store.Store.Events}
)

// beside returns what stands beside the messages in the part of the room that a page with these is
// of, oldest first. more: the page leaves out messages in the direction that was asked for.
func (r *record) beside(ctx context.Context, what beside, req historyapi.PageRequest, all []shown, more bool) ([]shown, error) {
	after, before := span(req, all, more)
	if r.floor > 0 {
		after = max(after, r.floor-1)
	}
	found, err := what.found(r.store, ctx, r.room, after, min(before, r.last.Seq+1), what.most)
	if err != nil {
		return nil, err
	}
	for _, e := range r.tail {
		if slices.Contains(what.types, e.Type) && after < e.Seq && e.Seq < before {
			found = append(found, e)
		}
	}
	found = found[max(0, len(found)-what.most):]
	size := 0
	for i := len(found) - 1; i >= 0; i-- {
		if size += len(found[i].Data) + overhead; size > what.size {
			found = found[i+1:]
			break
		}
	}
	r.unname(ctx, found)
	list := make([]shown, len(found))
	for i, e := range found {
		if list[i], err = encodeMessage(e, nil); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// span returns the Seqs between which the acts of a page lie: pages that follow each other have
// each act once.
func span(req historyapi.PageRequest, all []shown, more bool) (after, before uint64) {
	before = everything
	first, last := uint64(0), uint64(0)
	if n := len(all); more && n > 0 {
		first, last = all[0].seq, all[n-1].seq
	}
	switch {
	case (req.Around > 0 || req.At > 0 || req.Mention > 0) && last > 0:
		return first, last
	case req.Mention > 0 && len(all) == 0:
		return 0, 0
	case req.Around > 0 || req.At > 0 || req.Mention > 0:
	case req.After > 0:
		if after = req.After; last > 0 {
			before = last + 1
		}
	default:
		if after = first; req.Before > 0 {
			before = req.Before
		}
	}
	return after, before
}
