package memory

import (
	"cmp"
	"context"

	"hubbub.internal/services/directory/store"
)

// letters is a store.Letters.
type letters struct{ *records }

// PutLetter implements store.Letters.
func (s letters) PutLetter(ctx context.Context, l store.Letter) error {
	return s.do(ctx, "PutLetter", func() error {
		s.letters[l.ID] = l
		return nil
	})
}

// FreeLetters implements store.Letters.
func (s letters) FreeLetters(ctx context.Context, now int64, limit int) ([]store.Letter, error) {
	return list(ctx, s.records, "FreeLetters", s.letters, limit, func(a, b store.Letter) int { return cmp.Compare(a.ID, b.ID) },
		func(l store.Letter) bool { return l.Until <= now })
}

// HoldLetter implements store.Letters.
func (s letters) HoldLetter(ctx context.Context, id, holder string, now, until int64) error {
	return update(ctx, s.records, "HoldLetter", s.letters, id, func(l *store.Letter) bool {
		free := l.Until <= now
		l.Holder, l.Until = holder, until
		return free
	})
}

// KeepLetters implements store.Letters.
func (s letters) KeepLetters(ctx context.Context, holder string, until int64) error {
	return s.do(ctx, "KeepLetters", func() error {
		for id, l := range s.letters {
			if l.Holder == holder {
				l.Until = until
				s.letters[id] = l
			}
		}
		return nil
	})
}

// DeleteLetter implements store.Letters.
func (s letters) DeleteLetter(ctx context.Context, id string) error {
	return remove(ctx, s.records, "DeleteLetter", s.letters, id)
}

// RemoveHeldLetter implements store.Letters.
func (s letters) RemoveHeldLetter(ctx context.Context, id, holder string) error {
	return s.do(ctx, "RemoveHeldLetter", func() error {
		if l, ok := s.letters[id]; !ok || l.Holder != holder {
			return store.ErrNotFound
		}
		delete(s.letters, id)
		return nil
	})
}

// DeleteLettersBefore implements store.Letters.
func (s letters) DeleteLettersBefore(ctx context.Context, expires int64) error {
	return removeAll(ctx, s.records, "DeleteLettersBefore", s.letters, func(l store.Letter) bool { return l.Expires <= expires })
}

// DeleteLettersOf implements store.Letters.
func (s letters) DeleteLettersOf(ctx context.Context, user string) error {
	return removeAll(ctx, s.records, "DeleteLettersOf", s.letters, func(l store.Letter) bool { return l.User == user })
}
