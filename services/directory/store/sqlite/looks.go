package sqlite

import (
	"context"
	"database/sql"

	"hubbub.internal/libs/names"
	"hubbub.internal/libs/sqlitedb"
)

// fillLooks is step 3: it adds the looks of existing names.
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
