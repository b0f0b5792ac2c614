package history

import (
	"cmp"
	"context"
	"fmt"
	"math"

	historyapi "hubbub.internal/libs/api/history"
	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// errSaved says that a user has saved as much as one can.
var errSaved = chat.E(chat.CodeTooMany, fmt.Sprintf("you have saved %d messages, which is as many as one can: remove one first", store.MaxSaved))

// savedRequest names a message of a room that a user saves, or saves no more.
type savedRequest struct {
	user, room string
	name       store.Name
}

func (r savedRequest) check() error {
	if !chat.ValidID(r.room) || chat.Reserved(r.room) || !chat.ValidID(r.name.Sender) || !chat.ValidID(r.name.ID) {
		return chat.E(chat.CodeBadRequest, "a message is named by its room, its author and its id")
	}
	return nil
}

// saves keeps the messages that users have saved for themselves.
type saves struct {
	store   store.Store
	guard   *guard
	records *records
	news    *announcer
	full    single // of users
}

func newSaves(guard *guard, records *records, news *announcer) *saves {
	s := &saves{store: records.store, guard: guard, records: records, news: news}
	s.full.init()
	return s
}

// save keeps a message for a user, who may read its room. What is saved already stays as it is.
func (s *saves) save(ctx context.Context, req savedRequest) error {
	if err := req.check(); err != nil {
		return err
	}
	done, err := s.full.acquire(ctx, req.user) // one at a time, so that the bound holds
	if err != nil {
		return err
	}
	defer done()
	r, err := s.records.of(ctx, req.room)
	if err != nil {
		return err
	}
	e, ok, err := r.find(ctx, req.name.Sender, req.name.ID)
	switch {
	case err != nil:
		return err
	case !ok || e.Type != chat.TypeMsg:
		return errNoMessage
	}
	all, err := s.store.Saved(ctx, req.user, math.MaxInt64, store.MaxSaved)
	if err != nil {
		return err
	}
	now := nowMillis()
	for i, m := range all {
		if m.Room == req.room && m.Author == req.name.Sender && m.ID == req.name.ID {
			return nil
		}
		if i == 0 {
			now = max(now, m.TS+1)
		}
	}
	if len(all) == store.MaxSaved {
		return errSaved
	}
	// A deletion may be in the log alone.
	if deletions, err := r.about(ctx, []store.Name{req.name}, chat.TypeDeleted); err != nil {
		return err
	} else if len(deletions) > 0 {
		return errNoMessage
	}
	if err := s.store.PutSaved(ctx, store.Saved{User: req.user, Room: req.room, Author: req.name.Sender, ID: req.name.ID, TS: now}); err != nil {
		return err
	}
	return s.news.tellChanged(ctx, req.user, chat.ListSaved)
}

// drop forgets that a user has saved a message.
func (s *saves) drop(ctx context.Context, req savedRequest) error {
	if err := req.check(); err != nil {
		return err
	}
	if err := s.store.DropSaved(ctx, req.user, req.room, req.name); err != nil {
		return err
	}
	return s.news.tellChanged(ctx, req.user, chat.ListSaved)
}

// names names all that a user has saved, the last first.
func (s *saves) names(ctx context.Context, user string) ([]historyapi.SavedName, error) {
	all, err := s.store.Saved(ctx, user, math.MaxInt64, store.MaxSaved)
	names := make([]historyapi.SavedName, len(all))
	for i, m := range all {
		names[i] = historyapi.SavedName{Room: m.Room, Author: m.Author, ID: m.ID, TS: m.TS}
	}
	return names, err
}

// savedList asks for what a user has saved.
type savedList struct {
	user   string
	before int64 // only what was saved before this time, in UTC milliseconds; 0: all
	limit  int
}

// list lists what a user has saved, the last first, without what the user may not read any more.
func (s *saves) list(ctx context.Context, req savedList) (out historyapi.Saved, err error) {
	if req.before < 0 || req.limit < 0 || req.limit > historyapi.MaxSaved {
		return out, chat.E(chat.CodeBadRequest, fmt.Sprintf("before is a time in UTC milliseconds, and limit 1 to %d", historyapi.MaxSaved))
	}
	limit := cmp.Or(req.limit, historyapi.DefaultSaved)
	all, err := s.store.Saved(ctx, req.user, cmp.Or(req.before, math.MaxInt64), store.MaxSaved)
	if err != nil {
		return out, err
	}
	out.Saved = []historyapi.SavedMessage{}
	rooms, size := s.guard.rooms(s.records, req.user), 0
	for _, m := range all {
		allowed, err := rooms.may(ctx, m.Room)
		if err != nil {
			return out, err
		}
		if !allowed {
			continue
		}
		if out.More = len(out.Saved) == limit || size > store.PageBytes; out.More {
			return out, nil
		}
		r, err := rooms.record(ctx, m.Room)
		if err != nil {
			return out, err
		}
		e, ok, err := r.find(ctx, m.Author, m.ID)
		if err != nil {
			return out, err
		}
		if !ok || e.Type != chat.TypeMsg {
			continue // retention has taken it
		}
		shown, err := r.messages(ctx, []store.Entry{e})
		if err != nil {
			return out, err
		}
		now, err := shown[0].message()
		if err != nil {
			return out, fmt.Errorf("room %s: %w", e.Room, err)
		}
		size += len(shown[0].json)
		out.Saved = append(out.Saved, historyapi.SavedMessage{SavedName: historyapi.SavedName{Room: m.Room, Author: m.Author, ID: m.ID, TS: m.TS}, Message: now})
	}
	return out, nil
}

// forget answers historyapi.ServiceUnsave: what the user follows goes, too.
func (s *saves) forget(ctx context.Context, req historyapi.UnsaveRequest) (historyapi.UnsaveReply, error) {
	if !chat.ValidID(req.User) {
		return historyapi.UnsaveReply{}, chat.E(chat.CodeBadRequest, "that is not a user")
	}
	if err := s.store.RemoveFollowsBy(ctx, req.User); err != nil {
		return historyapi.UnsaveReply{}, err
	}
	return historyapi.UnsaveReply{}, s.store.RemoveSavedBy(ctx, req.User)
}
