package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"

	"hubbub.internal/services/history/store"
)

// mostTogether bounds how many entries are added in one transaction, unless one call has more: the
// pages that it changes fit into the cache of the connection that writes.
const mostTogether = 2048

// pending is a call of Append.
type pending struct {
	ctx     context.Context
	entries []store.Entry
	done    bool // guarded by appending, as are out and err
	out     store.Outcome
	err     error
}

// Append implements store.Store: all of the entries or, on an error, none. Calls that wait for each
// other's transaction are committed together in the next: a page that several of them change is
// written once, and one wait for the disk is enough for all of them.
func (s *entryStore) Append(ctx context.Context, entries []store.Entry) (store.Outcome, error) {
	p := &pending{ctx: ctx, entries: entries}
	s.waiting.add(p)
	s.appending.Lock()
	defer s.appending.Unlock()
	for !p.done {
		s.appendTogether(s.waiting.next())
	}
	if p.err != nil {
		return store.Outcome{}, p.err
	}
	return p.out, nil
}

// queue are the calls of Append that no transaction has begun to add. Its methods are safe for
// concurrent use.
type queue struct {
	mu    sync.Mutex
	calls []*pending // in the order in which they came
}

func (q *queue) add(p *pending) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.calls = append(q.calls, p)
}

// next takes calls out that are to share a transaction.
func (q *queue) next() []*pending {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, entries := 0, 0
	for _, p := range q.calls {
		if entries += len(p.entries); n > 0 && entries > mostTogether {
			break
		}
		n++
	}
	next := slices.Clone(q.calls[:n])
	q.calls = slices.Delete(q.calls, 0, n)
	return next
}

// appendTogether adds the entries of calls in one transaction or, if that fails, of each in one of
// its own: one call's error is not another's.
func (s *entryStore) appendTogether(calls []*pending) {
	err := s.appendOnce(calls)
	for _, p := range calls {
		if err != nil && len(calls) > 1 {
			s.appendTogether([]*pending{p})
		} else {
			p.done, p.err = true, err
		}
	}
}

func (s *entryStore) appendOnce(calls []*pending) error {
	ctx := calls[0].ctx               // where it ends, the others are tried alone
	all := context.WithoutCancel(ctx) // a statement that can be interrupted costs a goroutine
	var w *writer
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		w = s.writer(tx)
		for _, p := range calls {
			p.out = store.Outcome{}
			if err := w.addAll(all, p); err != nil {
				return err
			}
		}
		if err := w.recount(all); err != nil {
			return err
		}
		return w.index(all, w.fresh, &s.vocabulary)
	})
	if err != nil {
		s.vocabulary.Forget()
		return fmt.Errorf("append entries: %w", err)
	}
	w.committed()
	return nil
}

// addAll adds the entries of a call, until that ends. ctx never does.
func (w *writer) addAll(ctx context.Context, p *pending) error {
	for _, e := range p.entries {
		if err := p.ctx.Err(); err != nil {
			return err
		}
		added, err := w.add(ctx, e, &p.out)
		if err == nil && added {
			err = w.settle(ctx, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writer returns a writer of entries in a transaction.
func (s *entryStore) writer(tx *sql.Tx) *writer {
	w := newWriter(tx, &s.rooms, &s.users, s.tops, func(ctx context.Context, text string) (*sql.Stmt, error) {
		kept, err := s.Prepared(ctx, text)
		if err != nil {
			return nil, err
		}
		return tx.StmtContext(ctx, kept), nil
	})
	w.threads, w.roomCache = true, &s.roomCache
	return w
}

// PutRead implements store.Store.
func (s *inboxStore) PutRead(ctx context.Context, room, user string, seq uint64) (uint64, error) {
	var largest int64
	var rooms, users numbering
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		rooms, users = numbering{of: &s.rooms, tx: tx}, numbering{of: &s.users, tx: tx}
		roomN, err := rooms.number(ctx, room)
		if err != nil {
			return err
		}
		userN, err := users.number(ctx, user)
		if err != nil {
			return err
		}
		return tx.QueryRowContext(ctx,
			`INSERT INTO reads (user, room, seq) VALUES (?, ?, ?) ON CONFLICT (user, room) DO UPDATE SET seq = max(seq, excluded.seq) RETURNING seq`,
			userN, roomN, int64(seq)).Scan(&largest)
	})
	if err != nil {
		return 0, fmt.Errorf("remember a read position: %w", err)
	}
	s.rooms.learn(rooms.fresh)
	s.users.learn(users.fresh)
	return uint64(largest), nil
}

func (s *file) transaction(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer s.roomCache.settle(tx)
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
