package hub

import (
	"context"

	"github.com/gobwas/ws"

	"hubbub.internal/libs/api/history"
	"hubbub.internal/libs/bus"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/edge/internal/frame"
)

// Bounds of what one join replays.
const (
	maxReplay      = 1000
	maxReplayBytes = 1 << 20
)

// replayed is what somebody missed.
type replayed struct {
	frames  []byte
	last    uint64 // Seq of the last entry in frames; 0: there is none
	through uint64 // with these the client has everything up to here
	more    bool   // there is more after it
	rewound bool   // the position is not in the log any more: nothing was replayed
	source  string
}

// replayer returns what reads for a user the entries of a room after a position: from the log, or
// where that does not reach back, from the record. Texts that were replaced or deleted are left
// out. Where the log has more than fits one answer, what makes them void may stand further on: the
// record knows; without it the log is looked through.
func (h *Hub) replayer(user, room string, after bus.Position) func(context.Context) (replayed, error) {
	return func(ctx context.Context) (replayed, error) {
		r, err := h.bus.Replay(ctx, room, after, maxReplay)
		switch {
		case err != nil:
			return replayed{}, err
		case r.Rewound:
			return replayed{rewound: true, source: "rewound"}, nil
		case r.Truncated:
			return h.since(ctx, user, room, after)
		case chat.IsUserRoom(room): // nothing in it is edited
			return h.encode(room, h.unnamed(ctx, r.Entries), r.Through, r.More, "log"), nil
		case r.More:
			got, err := h.since(ctx, user, room, after)
			// else it lacks what the log has
			if err == nil && !got.rewound && (got.more || got.through >= r.Through) {
				return got, nil
			}
		}
		if r, err = h.revised(ctx, room, r); err != nil {
			return replayed{}, err
		}
		return h.encode(room, h.unnamed(ctx, r.Entries), r.Through, r.More, "log"), nil
	}
}

// unnamed takes the names of users who have deleted their accounts out of entries of the log, which
// keeps them. The record has done that itself.
func (h *Hub) unnamed(ctx context.Context, entries []bus.Entry) []bus.Entry {
	h.access.Unnamed(ctx, len(entries), func(i int) (string, []byte) { return entries[i].Sender, entries[i].Data },
		func(i int, data []byte) { entries[i].Data = data })
	return entries
}

// since reads entries from history.
func (h *Hub) since(ctx context.Context, user, room string, after bus.Position) (replayed, error) {
	req := history.SinceRequest{User: user, Room: room, After: after.Seq, ID: after.ID, Limit: maxReplay}
	got, err := history.NewClient(h.bus).Since(ctx, req)
	switch {
	case err != nil:
		return replayed{}, err
	case got.Rewound:
		return replayed{rewound: true, source: "rewound"}, nil
	}
	entries := make([]bus.Entry, len(got.Entries))
	for i, e := range got.Entries {
		entries[i] = bus.Entry{Room: room, Seq: e.Seq, Prev: e.Prev, Sender: e.User, ID: e.ID, Data: e.Data}
	}
	return h.encode(room, entries, got.Through, got.More, "history"), nil
}

// encode makes frames of entries, of as many as fit.
func (h *Hub) encode(room string, entries []bus.Entry, through uint64, more bool, source string) replayed {
	got := replayed{through: through, more: more, source: source}
	var mem []byte
	for _, e := range entries {
		mem = h.appendEntry(mem[:0], room, e)
		if got.last > 0 && len(got.frames)+len(mem) > maxReplayBytes {
			got.more = true
			break
		}
		got.frames = frame.Append(got.frames, ws.OpText, mem)
		got.last = e.Seq
	}
	if got.more && got.last > 0 {
		got.through = got.last
	}
	return got
}
