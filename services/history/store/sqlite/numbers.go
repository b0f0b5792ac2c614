package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
)

// maxKnown is how many ids of a kind are kept in memory, about 200 B each. All are forgotten when
// there are more.
const maxKnown = 100_000

// numbers are the numbers of rooms, or of users, which the entries have instead of ids. None ever
// changes. Its methods are safe for concurrent use.
type numbers struct {
	table string // rooms or users

	mu   sync.RWMutex
	byID map[string]int64
	byN  map[int64]string
}

func (t *numbers) known(id string) (int64, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n, ok := t.byID[id]
	return n, ok
}

func (t *numbers) knownID(n int64) (string, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	id, ok := t.byN[n]
	return id, ok
}

// learn remembers numbers that are committed.
func (t *numbers) learn(all map[string]int64) {
	if len(all) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil || len(t.byID)+len(all) > maxKnown {
		t.byID, t.byN = make(map[string]int64), make(map[int64]string)
	}
	for id, n := range all {
		t.byID[id], t.byN[n] = n, id
	}
}

// one returns the only number or id that a query finds; false: there is none.
func one[T any](ctx context.Context, db querier, query string, args ...any) (v T, ok bool, err error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return v, false, err
	}
	defer rows.Close()
	if ok = rows.Next(); ok {
		err = rows.Scan(&v)
	}
	return v, ok, errors.Join(err, rows.Err())
}

// number returns the number of an id; false: it has none.
func (t *numbers) number(ctx context.Context, db querier, id string) (int64, bool, error) {
	if n, ok := t.known(id); ok {
		return n, true, nil
	}
	n, ok, err := one[int64](ctx, db, `SELECT n FROM `+t.table+` WHERE id = ?`, id)
	if err != nil {
		return 0, false, fmt.Errorf("number of %s: %w", t.table, err)
	}
	if ok {
		t.learn(map[string]int64{id: n})
	}
	return n, ok, nil
}

// id returns the id that has a number.
func (t *numbers) id(ctx context.Context, db querier, n int64) (string, error) {
	if id, ok := t.knownID(n); ok {
		return id, nil
	}
	id, ok, err := one[string](ctx, db, `SELECT id FROM `+t.table+` WHERE n = ?`, n)
	if err == nil && !ok {
		err = errors.New("there is none") // the file was changed by another program
	}
	if err != nil {
		return "", fmt.Errorf("number %d of %s: %w", n, t.table, err)
	}
	t.learn(map[string]int64{id: n})
	return id, nil
}

// numbering gives numbers to ids in a transaction.
type numbering struct {
	of    *numbers
	tx    *sql.Tx
	fresh map[string]int64 // which nobody else may know before they are committed
}

// number returns the number of an id, which it is given if it has none.
func (g *numbering) number(ctx context.Context, id string) (int64, error) {
	if n, ok := g.of.known(id); ok {
		return n, nil
	}
	if n, ok := g.fresh[id]; ok {
		return n, nil
	}
	// The first is 10: see step 7.
	n, ok, err := one[int64](ctx, g.tx, `INSERT INTO `+g.of.table+` (n, id) SELECT max(9, coalesce(max(n), 0)) + 1, ? FROM `+g.of.table+`
		WHERE true ON CONFLICT (id) DO UPDATE SET n = n RETURNING n`, id)
	if err == nil && !ok {
		err = sql.ErrNoRows
	}
	if err != nil {
		return 0, fmt.Errorf("number of %s: %w", g.of.table, err)
	}
	if g.fresh == nil {
		g.fresh = make(map[string]int64)
	}
	g.fresh[id] = n
	return n, nil
}
