package memory

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

// acts is a store.Acts.
type acts struct{ *records }

// PutAct implements store.Store.
func (s acts) PutAct(ctx context.Context, a store.Act) error {
	return create(ctx, s.records, "PutAct", s.acts, a.ID, a)
}

// EndAct implements store.Store.
func (s acts) EndAct(ctx context.Context, id, outcome string) error {
	return unlessMissing(update(ctx, s.records, "EndAct", s.acts, id, func(a *store.Act) bool {
		open := a.Outcome == store.OutcomeUnknown
		a.Outcome = outcome
		return open
	}))
}

// Acts implements store.Store.
func (s acts) Acts(ctx context.Context, f store.ActFilter, limit int) ([]store.Act, error) {
	from, before := f.Span()
	is := func(wanted, value string) bool { return wanted == "" || wanted == value }
	return list(ctx, s.records, "Acts", s.acts, limit, func(a, b store.Act) int { return cmp.Compare(b.ID, a.ID) }, func(a store.Act) bool {
		return a.ID >= from && (before == "" || a.ID < before) &&
			is(f.Actor, a.Actor) && is(f.Subject, a.Subject) && is(f.Room, a.Room) && is(f.Action, a.Action)
	})
}

// DeleteActsBefore implements store.Store.
func (s acts) DeleteActsBefore(ctx context.Context, id string) (n int64, err error) {
	return n, s.do(ctx, "DeleteActsBefore", func() error {
		for k := range s.acts {
			if k < id {
				delete(s.acts, k)
				n++
			}
		}
		return nil
	})
}
