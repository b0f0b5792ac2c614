package rooms

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
	MaxReplay      = 1000
	maxReplayBytes = 1 << 20
)

// Replayed is what somebody missed.
type Replayed struct {
	Frames  []byte
	Last    uint64 // Seq of the last entry in frames; 0: there is none
	Through uint64 // with these the client has everything up to here
	More    bool   // there is more after it
	Rewound bool   // the position is not in the log any more: nothing was replayed
	Source  string
}

// Replayer returns what reads for a user the entries of a room after a position: from the log, or
// where that does not reach back, from the record. Texts that were replaced or deleted are left
// out. Where the log has more than fits one answer, what makes them void may stand further on: the
// record knows; without it the log is looked through.
func (h *Hub) Replayer(user, room string, after bus.Position) func(context.Context) (Replayed, error) {
	return func(ctx context.Context) (Replayed, error) {
		r, err := h.Bus.Replay(ctx, room, after, MaxReplay)
		switch {
		case err != nil:
			return Replayed{}, err
		case r.Rewound:
			return Replayed{Rewound: true, Source: "rewound"}, nil
		case r.Truncated:
			return h.since(ctx, user, room, after)
		case chat.IsUserRoom(room): // nothing in it is edited
			return h.encode(room, h.unnamed(ctx, r.Entries), r.Through, r.More, "log"), nil
		case r.More:
			got, err := h.since(ctx, user, room, after)
			// else it lacks what the log has
			if err == nil && !got.Rewound && (got.More || got.Through >= r.Through) {
				return got, nil
			}
		}
		if r, err = h.revised(ctx, room, r); err != nil {
			return Replayed{}, err
		}
		return h.encode(room, h.unnamed(ctx, r.Entries), r.Through, r.More, "log"), nil
	}
}

// unnamed takes the names of users who have deleted their accounts out of entries of the log, which
// keeps them. The record has done that itself.
func (h *Hub) unnamed(ctx context.Context, entries []bus.Entry) []bus.Entry {
	h.sess.Access.Unnamed(ctx, len(entries), func(i int) (string, []byte) { return entries[i].Sender, entries[i].Data },
		func(i int, data []byte) { entries[i].Data = data })
	return entries
}

// since reads entries from history.
func (h *Hub) since(ctx context.Context, user, room string, after bus.Position) (Replayed, error) {
	req := history.SinceRequest{User: user, Room: room, After: after.Seq, ID: after.ID, Limit: MaxReplay}
	got, err := h.History.Since(ctx, req)
	switch {
	case err != nil:
		return Replayed{}, err
	case got.Rewound:
		return Replayed{Rewound: true, Source: "rewound"}, nil
	}
	entries := make([]bus.Entry, len(got.Entries))
	for i, e := range got.Entries {
		entries[i] = bus.Entry{Room: room, Seq: e.Seq, Prev: e.Prev, Sender: e.User, ID: e.ID, Data: e.Data}
	}
	return h.encode(room, entries, got.Through, got.More, "history"), nil
}

// encode makes frames of entries, of as many as fit.
func (h *Hub) encode(room string, entries []bus.Entry, through uint64, more bool, source string) Replayed {
	got := Replayed{Through: through, More: more, Source: source}
	var mem []byte
	for _, e := range entries {
		mem = h.appendEntry(mem[:0], room, e)
		if got.Last > 0 && len(got.Frames)+len(mem) > maxReplayBytes {
			got.More = true
			break
		}
		got.Frames = frame.Append(got.Frames, ws.OpText, mem)
		got.Last = e.Seq
	}
	if got.More && got.Last > 0 {
		got.Through = got.Last
	}
	return got
}
