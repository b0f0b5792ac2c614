package sqlitedb

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

// statements are the prepared statements of one sql.DB, by their text. It is safe for concurrent
// use.
type statements struct {
	mu  sync.Mutex
	all map[string]*sql.Stmt
}

// of returns the statement with a text.
func (s *statements) of(ctx context.Context, db *sql.DB, text string) (*sql.Stmt, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.all[text]; known != nil {
		return known, nil
	}
	made, err := db.PrepareContext(ctx, text) //nolint:sqlclosecheck // it is kept until close
	if err != nil {
		return nil, err
	}
	if s.all == nil {
		s.all = make(map[string]*sql.Stmt)
	}
	s.all[text] = made
	return made, nil
}

// Query asks Read with a statement that is prepared once for each connection, and kept until Close:
// SQLite takes longer to parse a query than to answer one that finds some rows by an index. It is
// for constant texts, of which there are few, since each is kept. The caller closes the rows.
func (d *DB) Query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	statement, err := d.statements.of(ctx, d.Read, text) //nolint:sqlclosecheck // it is kept until Close
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	return statement.QueryContext(ctx, args...)
}

// Prepared returns a statement of Write that is prepared once and kept until Close, for constant
// texts, of which there are few. In a transaction it is used through sql.Tx.StmtContext.
func (d *DB) Prepared(ctx context.Context, text string) (*sql.Stmt, error) {
	statement, err := d.writes.of(ctx, d.Write, text)
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	return statement, nil
}

// close closes all statements. None is used any more.
func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first error
	for _, statement := range s.all {
		if err := statement.Close(); err != nil && first == nil {
			first = err
		}
	}
	s.all = nil
	return first
}
