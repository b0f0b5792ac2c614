package sqlitedb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"hubbub.internal/libs/schema"
)

// own returns schema.ErrForeign for a file that has something and lacks the table that each version
// of the program's schema has. It is asked before anything else touches the file.
func own(ctx context.Context, path, table string) error {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0:
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is no regular file; name another one with --store", schema.ErrForeign)
	}
	db, err := existing(path)
	if err != nil {
		return err
	}
	mine, err := has(ctx, db, table)
	if err := errors.Join(err, db.Close()); err != nil {
		if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == sqlite3.SQLITE_NOTADB {
			return fmt.Errorf("%w: it is no database of SQLite; name another file with --store, or restore a backup if this one is damaged", schema.ErrForeign)
		}
		return err
	}
	if !mine {
		return fmt.Errorf("%w: it has tables, but none that is called %s; name another file with --store", schema.ErrForeign, table)
	}
	return nil
}

// has reports whether a database has the table, or none but that of the schema's version.
func has(ctx context.Context, db *sql.DB, table string) (ok bool, err error) {
	err = db.QueryRowContext(ctx, `SELECT count(*) FILTER (WHERE name = ?) > 0 OR count(*) = 0 FROM sqlite_master
		WHERE type = 'table' AND name <> 'goose_db_version' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`, table).Scan(&ok)
	return ok, err
}
