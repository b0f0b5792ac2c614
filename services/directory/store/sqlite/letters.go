package sqlite

import (
	"context"

	"hubbub.internal/services/directory/store"
)

func letterFields(l *store.Letter) []any {
	return []any{&l.ID, &l.Kind, &l.User, &l.To, &l.Subject, &l.Text, &l.Key, &l.ByMail, &l.Address, &l.Expires, &l.Holder, &l.Until, &l.Since}
}

// letters is a store.Letters.
type letters struct{ db }

// PutLetter implements store.Letters.
func (s letters) PutLetter(ctx context.Context, l store.Letter) error {
	return s.run(ctx, "put letter", `INSERT INTO letters (id, kind, user, receiver, subject, text, key, by_mail, address, expires, holder, until, since)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, l.ID, l.Kind, l.User, l.To, l.Subject, l.Text, l.Key, l.ByMail, l.Address, l.Expires, l.Holder, l.Until, l.Since)
}

// FreeLetters implements store.Letters.
func (s letters) FreeLetters(ctx context.Context, now int64, limit int) ([]store.Letter, error) {
	return list(ctx, s.db, "free letters", letterFields, `SELECT id, kind, user, receiver, subject, text, key, by_mail, address, expires, holder, until, since
		FROM letters WHERE until <= ? ORDER BY id LIMIT ?`, now, limit)
}

// HoldLetter implements store.Letters.
func (s letters) HoldLetter(ctx context.Context, id, holder string, now, until int64) error {
	return s.update(ctx, "hold letter", `UPDATE letters SET holder = ?, until = ? WHERE id = ? AND until <= ?`, holder, until, id, now)
}

// KeepLetters implements store.Letters.
func (s letters) KeepLetters(ctx context.Context, holder string, until int64) error {
	return s.run(ctx, "keep letters", `UPDATE letters SET until = ? WHERE holder = ?`, until, holder)
}

// DeleteLetter implements store.Letters.
func (s letters) DeleteLetter(ctx context.Context, id string) error {
	return s.run(ctx, "delete letter", `DELETE FROM letters WHERE id = ?`, id)
}

// RemoveHeldLetter implements store.Letters.
func (s letters) RemoveHeldLetter(ctx context.Context, id, holder string) error {
	return s.update(ctx, "remove held letter", `DELETE FROM letters WHERE id = ? AND holder = ?`, id, holder)
}

// DeleteLettersBefore implements store.Letters.
func (s letters) DeleteLettersBefore(ctx context.Context, expires int64) error {
	return s.run(ctx, "delete old letters", `DELETE FROM letters WHERE expires <= ?`, expires)
}

// DeleteLettersOf implements store.Letters.
func (s letters) DeleteLettersOf(ctx context.Context, user string) error {
	return s.run(ctx, "delete a user's letters", `DELETE FROM letters WHERE user = ?`, user)
}
