package history

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"

	"go.uber.org/zap"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// heldBatch is how many entries that were put aside one answer has.
const heldBatch = 200

var errNoHold = chat.E(chat.CodeNotFound, "there is no such hold: it may have been lifted")

// holds keeps what legal holds are about from being lost.
type holds struct {
	store  store.Store
	log    *zap.Logger
	lifted atomic.Bool // something may be put aside that no hold is about
}

func newHolds(s store.Store, log *zap.Logger) *holds {
	hs := &holds{store: s, log: log}
	hs.lifted.Store(true)
	return hs
}

// put answers historyapi.ServiceHold.
func (hs *holds) put(ctx context.Context, h historyapi.Hold) (out historyapi.HoldReply, err error) {
	room := h.Room != "" && chat.ValidID(h.Room) && !chat.Reserved(h.Room)
	user := h.User != "" && chat.ValidID(h.User)
	if !chat.ValidID(h.ID) || room == user || h.Room != "" && h.User != "" || h.Reason == "" {
		return out, chat.E(chat.CodeBadRequest, "a hold has an id, a reason, and the id of a room or of a user")
	}
	all, err := hs.store.Holds(ctx)
	if err != nil {
		return out, err
	}
	if len(all) >= store.MaxHolds {
		return out, chat.E(chat.CodeTooMany, fmt.Sprintf("there are %d holds, which are as many as there can be: lift one first", store.MaxHolds))
	}
	return out, hs.store.PutHold(ctx, store.Hold(h))
}

// list answers historyapi.ServiceHolds.
func (hs *holds) list(ctx context.Context, _ historyapi.HoldsRequest) (out historyapi.Holds, err error) {
	all, err := hs.store.Holds(ctx)
	out.Holds = make([]historyapi.Hold, len(all))
	for i, h := range all {
		out.Holds[i] = historyapi.Hold(h)
	}
	return out, err
}

// lift answers historyapi.ServiceLift.
func (hs *holds) lift(ctx context.Context, r historyapi.LiftRequest) (historyapi.Hold, error) {
	h, ok, err := hs.store.DeleteHold(ctx, r.ID)
	if err == nil && !ok {
		err = errNoHold
	}
	if err == nil {
		hs.lifted.Store(true)
	}
	return historyapi.Hold(h), err
}

// held answers historyapi.ServiceHeld.
func (hs *holds) held(ctx context.Context, r historyapi.HeldRequest) (out historyapi.Held, err error) {
	all, err := hs.store.Holds(ctx)
	if err != nil {
		return out, err
	}
	at := slices.IndexFunc(all, func(h store.Hold) bool { return h.ID == r.ID })
	if at < 0 {
		return out, errNoHold
	}
	found, err := hs.store.Held(ctx, all[at], r.Room, r.Seq, heldBatch)
	if err != nil {
		return out, err
	}
	size := 0
	for i, e := range found {
		if size += len(e.Data) + overhead; size > maxReply && i > 0 && found[i-1].Seq != e.Seq {
			out.More = true
			return out, nil
		}
		entry := json.RawMessage("null")
		if len(e.Data) > 1 && json.Valid(e.Data[1:]) {
			entry = e.Data[1:]
		}
		out.Entries = append(out.Entries, historyapi.HeldEntry{Room: e.Room, Seq: e.Seq, User: e.Sender, ID: e.ID, Type: e.Type, Entry: entry})
	}
	out.More = len(found) > 0
	return out, nil
}

// drop removes some of what no hold is about any more, and reports whether there may be more.
// Each process looks once it has started, and when it has lifted a hold.
func (hs *holds) drop(ctx context.Context) (bool, error) {
	if !hs.lifted.Swap(false) {
		return false, nil
	}
	n, err := hs.store.DropHeld(ctx, sweepBatch)
	if err != nil || n == sweepBatch {
		hs.lifted.Store(true)
	}
	if n > 0 {
		hs.log.Info("removed what no hold keeps any longer", zap.Int("entries", n))
	}
	return n > 0, err
}
