package memory

import (
	"cmp"
	"context"
	"slices"

	"hubbub.internal/services/directory/store"
)

// emoji is a store.EmojiKeeper.
type emoji struct{ *records }

func byName(a, b store.Emoji) int { return cmp.Compare(a.Name, b.Name) }

// PutEmoji implements store.EmojiKeeper.
func (s emoji) PutEmoji(ctx context.Context, e store.Emoji) error {
	e.Image = slices.Clone(e.Image)
	return put(ctx, s.records, "PutEmoji", s.emoji, e.Name, e, replace)
}

// Emoji implements store.EmojiKeeper.
func (s emoji) Emoji(ctx context.Context, limit int) ([]store.Emoji, error) {
	all, err := list(ctx, s.records, "Emoji", s.emoji, limit, byName, func(store.Emoji) bool { return true })
	for i := range all {
		all[i].Image = nil
	}
	return all, err
}

// EmojiByHash implements store.EmojiKeeper.
func (s emoji) EmojiByHash(ctx context.Context, hash string) (e store.Emoji, err error) {
	all, err := list(ctx, s.records, "EmojiByHash", s.emoji, 1, byName, func(e store.Emoji) bool { return e.Hash == hash })
	switch {
	case err != nil:
		return e, err
	case len(all) == 0:
		return e, store.ErrNotFound
	}
	e = all[0]
	e.Image = slices.Clone(e.Image)
	return e, nil
}

// DeleteEmoji implements store.EmojiKeeper.
func (s emoji) DeleteEmoji(ctx context.Context, name string) error {
	return s.do(ctx, "DeleteEmoji", func() error {
		if _, ok := s.emoji[name]; !ok {
			return store.ErrNotFound
		}
		delete(s.emoji, name)
		return nil
	})
}
