package sqlite

import (
	"context"
	"database/sql"

	"hubbub.internal/libs/names"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/directory/store"
)

// fillLooks is step 3: the looks of the names that there are.
func fillLooks(ctx context.Context, tx *sql.Tx) error {
	for _, table := range []struct{ list, set string }{
		{`SELECT id, name FROM users WHERE hash <> ''`, `UPDATE users SET look = ?, look_lower = ? WHERE id = ?`},
		{`SELECT id, name FROM rooms WHERE direct = 0`, `UPDATE rooms SET look = ?, look_lower = ? WHERE id = ?`},
	} {
		all, err := named(ctx, tx, table.list)
		if err != nil {
			return err
		}
		for _, one := range all {
			looks := names.LooksOf(one.name)
			if _, err := tx.ExecContext(ctx, table.set, looks.Written, looks.Lower, one.id); err != nil {
				return err
			}
		}
	}
	return nil
}

type idAndName struct{ id, name string }

func named(ctx context.Context, tx *sql.Tx, query string) (all []idAndName, err error) {
	rows, err := tx.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one idAndName
		if err := rows.Scan(&one.id, &one.name); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

func init() { sqlitedb.Function("bare", names.Bare) }

// UsersLike implements store.Store.
func (s *Store) UsersLike(ctx context.Context, look string, limit int) ([]store.User, error) {
	return list(ctx, s, "users whose names have something in them", userFields,
		users+`WHERE look_lower <> '' AND instr(bare(look_lower), ?) > 0 ORDER BY id LIMIT ?`, look, limit)
}

// UsersAlike implements store.Store.
func (s *Store) UsersAlike(ctx context.Context, looks names.Looks, limit int) ([]store.User, error) {
	return list(ctx, s, "users that look alike", userFields,
		users+`WHERE look <> '' AND look IN (?1, ?2) OR look_lower <> '' AND look_lower IN (?1, ?2) ORDER BY id LIMIT ?3`,
		looks.Written, looks.Lower, limit)
}

// PublicRoomsAlike implements store.Store.
func (s *Store) PublicRoomsAlike(ctx context.Context, looks names.Looks, limit int) ([]store.Room, error) {
	return list(ctx, s, "public rooms that look alike", roomFields,
		rooms+`WHERE private = 0 AND direct = 0 AND look IN (?1, ?2) OR private = 0 AND direct = 0 AND look_lower IN (?1, ?2) ORDER BY id LIMIT ?3`,
		looks.Written, looks.Lower, limit)
}

// CreateGuest implements store.Store.
func (s *Store) CreateGuest(ctx context.Context, u store.User, x store.Session) error {
	tx, err := s.Write.BeginTx(ctx, nil)
	if err != nil {
		return wrap("create guest", err)
	}
	if _, err = tx.ExecContext(ctx, insertUser, userValues(u)...); err == nil {
		_, err = tx.ExecContext(ctx, insertSession, sessionValues(x)...)
	}
	if err != nil {
		_ = tx.Rollback()
		return wrap("create guest", err)
	}
	return wrap("create guest", tx.Commit())
}
