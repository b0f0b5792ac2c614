package mongo

import (
	"context"

	"hubbub.internal/libs/mongodb"
	"hubbub.internal/services/directory/store"
)

var letterIndexes = mongodb.Indexes("14 (letters that wait to be sent)", mongodb.Index{Collection: "letters", Fields: []string{"until"}})

// letters is a store.Letters.
type letters struct{ *collections }

// PutLetter implements store.Letters.
func (s letters) PutLetter(ctx context.Context, l store.Letter) error {
	return insert(ctx, "put letter", s.letters, l)
}

// FreeLetters implements store.Letters.
func (s letters) FreeLetters(ctx context.Context, now int64, limit int) ([]store.Letter, error) {
	return list[store.Letter](ctx, "free letters", s.letters, by("until", by("$lte", now)), by("_id", 1), limit)
}

// HoldLetter implements store.Letters.
func (s letters) HoldLetter(ctx context.Context, id, holder string, now, until int64) error {
	return update(ctx, "hold letter", s.letters, append(by("_id", id), by("until", by("$lte", now))...), append(by("holder", holder), by("until", until)...))
}

// KeepLetters implements store.Letters.
func (s letters) KeepLetters(ctx context.Context, holder string, until int64) error {
	_, err := s.letters.UpdateMany(ctx, by("holder", holder), by("$set", by("until", until)))
	return wrap("keep letters", err)
}

// DeleteLetter implements store.Letters.
func (s letters) DeleteLetter(ctx context.Context, id string) error {
	return remove(ctx, "delete letter", s.letters, by("_id", id))
}

// RemoveHeldLetter implements store.Letters.
func (s letters) RemoveHeldLetter(ctx context.Context, id, holder string) error {
	r, err := s.letters.DeleteOne(ctx, append(by("_id", id), by("holder", holder)...))
	if err == nil && r.DeletedCount == 0 {
		err = store.ErrNotFound
	}
	return wrap("remove held letter", err)
}

// DeleteLettersBefore implements store.Letters.
func (s letters) DeleteLettersBefore(ctx context.Context, expires int64) error {
	return removeAll(ctx, "delete old letters", s.letters, by("expires", by("$lte", expires)))
}

// DeleteLettersOf implements store.Letters.
func (s letters) DeleteLettersOf(ctx context.Context, user string) error {
	return removeAll(ctx, "delete a user's letters", s.letters, by("user", user))
}
