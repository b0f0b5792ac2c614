package history

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// since answers historyapi.ServiceSince.
func (p *pages) since(ctx context.Context, req historyapi.SinceRequest) (historyapi.Since, error) {
	var out historyapi.Since
	switch {
	case !chat.ValidID(req.Room) || chat.Reserved(req.Room):
		return out, chat.E(chat.CodeBadRequest, "that is not a room")
	case req.After > bus.MaxSeq:
		return out, chat.E(chat.CodeBadRequest, "a seq is below 2^53")
	case req.Limit < 1 || req.Limit > maxReplay:
		return out, chat.E(chat.CodeBadRequest, "limit is 1 to 1000")
	}
	r, err := p.records.of(ctx, req.Room)
	if err != nil {
		return out, err
	}
	if rewound, err := r.rewound(ctx, req.After, req.ID); err != nil || rewound {
		out.Rewound, out.Through = rewound, r.through
		return out, err
	}
	// Through the last stored entry from the store, and from there on from the tail, which is what
	// the log had then.
	after := req.After
	if r.floor > 0 {
		after = max(after, r.floor-1)
	}
	found, err := p.store.Since(ctx, req.Room, after, req.Limit+1)
	if err != nil {
		return out, err
	}
	if i := slices.IndexFunc(found, func(e store.Entry) bool { return e.Seq > r.last.Seq }); i >= 0 {
		found = found[:i]
	}
	for _, e := range r.tail {
		if len(found) > req.Limit {
			break
		}
		if e.Seq > after {
			found = append(found, e)
		}
	}
	out.Through = r.through
	n, err := r.current(ctx, found)
	if err != nil {
		return out, err
	}
	if n = min(n, carried(found, req.Limit)); n < len(found) {
		found, out.More = found[:n], true
		out.Through = found[n-1].Seq
	}
	p.records.unname(ctx, found)
	prev := req.After
	for _, e := range found {
		out.Entries = append(out.Entries, historyapi.Entry{Seq: e.Seq, Prev: prev, User: e.Sender, ID: e.ID, Data: e.Data})
		prev = e.Seq
	}
	return out, nil
}

// current gives messages and edits the text that counts: a message that was edited has that of its
// last edit, and neither an earlier edit nor anything of a message that was deleted has one,
// whether or not the rest of the answer says why. It stops when an answer is full, and returns how
// many entries it has seen to.
func (r *record) current(ctx context.Context, found []store.Entry) (int, error) {
	const step = 100
	total := 0
	for from := 0; from < len(found); from += step {
		part := found[from:min(from+step, len(found))]
		var names []store.Name
		for _, e := range part {
			if m, ok := messageOf(e); ok {
				names = append(names, m.name)
			}
		}
		about, err := r.about(ctx, names, chat.TypeEdited, chat.TypeDeleted)
		if err != nil {
			return 0, err
		}
		texts := chat.Texts{}
		for _, e := range about {
			if err := texts.Add(e.Author, e.Seq, e.Data); err != nil {
				return 0, fmt.Errorf("entry %d of room %s: %w", e.Seq, e.Room, err)
			}
		}
		for i, e := range part {
			if part[i].Data, err = texts.Revise(e.Sender, e.ID, e.Seq, e.Data); err != nil {
				return 0, fmt.Errorf("entry %d of room %s: %w", e.Seq, e.Room, err)
			}
			total += len(part[i].Data)
		}
		if total > maxReply {
			return from + len(part), nil
		}
	}
	return len(found), nil
}

// carried returns how many entries, at least one of those there are and at most limit, fit one
// answer.
func carried(found []store.Entry, limit int) int {
	total := 0
	for n, e := range found {
		total += base64.StdEncoding.EncodedLen(len(e.Data)) + len(e.Sender) + len(e.ID) + overhead
		if n == limit || n > 0 && total > maxReply {
			return safeCut(found, n, -1, seqOf)
		}
	}
	return len(found)
}

// sizeOfSince returns about how many bytes an answer has.
func sizeOfSince(out historyapi.Since) (size int) {
	for _, e := range out.Entries {
		size += len(e.Data) + overhead
	}
	return size
}

// rewound reports whether the record has another event at a position than the one with that ID.
func (r *record) rewound(ctx context.Context, seq uint64, id string) (bool, error) {
	if seq == 0 || id == "" {
		return false, nil
	}
	if seq > r.through {
		return true, nil
	}
	if seq < r.floor {
		return false, nil // it is going, or gone
	}
	at := slices.Clone(r.tail)
	if seq <= r.last.Seq {
		var err error
		if at, err = r.store.At(ctx, r.room, seq); err != nil {
			return false, err
		}
	}
	if slices.ContainsFunc(at, func(e store.Entry) bool { return e.Seq == seq && e.ID == id }) {
		return false, nil
	}
	if len(at) > 0 {
		return true, nil
	}
	removed, err := r.store.Removed(ctx, r.room)
	return seq > removed.Through, err // what is removed is no other event
}
