package history

import (
	"context"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
)

const (
	// maxActs is how many acts of moderation a page has: of more, the last.
	maxActs = 100
	// maxActsSize is how much of an answer they take, in bytes.
	maxActsSize = 64 << 10
)

// acts returns what moderators have done in the part of the room that a page with these messages is
// of, oldest first. more: the page leaves out messages in the direction that was asked for.
func (r *record) acts(ctx context.Context, req historyapi.PageRequest, all []shown, more bool) ([]shown, error) {
	after, before := span(req, all, more)
	found, err := r.store.Acts(ctx, r.room, after, min(before, r.last.Seq+1), maxActs)
	if err != nil {
		return nil, err
	}
	for _, e := range r.tail {
		if e.Type == chat.TypeModerated && after < e.Seq && e.Seq < before {
			found = append(found, e)
		}
	}
	found = found[max(0, len(found)-maxActs):]
	size := 0
	for i := len(found) - 1; i >= 0; i-- {
		if size += len(found[i].Data) + overhead; size > maxActsSize {
			found = found[i+1:]
			break
		}
	}
	r.unname(ctx, found)
	acts := make([]shown, len(found))
	for i, e := range found {
		if acts[i], err = encodeMessage(e, nil); err != nil {
			return nil, err
		}
	}
	return acts, nil
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
