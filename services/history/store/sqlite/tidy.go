package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
)

const (
	// tidyPages is how many pages of the index one step merges, about 4 KiB each.
	tidyPages = 500
	// tidyWords is how many words one step looks for in the index.
	tidyWords = 500

	markUntidy = `UPDATE indexing SET untidy = 1 WHERE n = 1 AND untidy <> 1`
	beginTidy  = `UPDATE indexing SET untidy = 2 WHERE n = 1 AND (untidy <> 0 OR ?)`
	endTidy    = `UPDATE indexing SET untidy = 0 WHERE n = 1 AND untidy = 2`
	// merge works on so many pages. A negative number of them puts all parts of the index together
	// first, to be merged into one (https://sqlite.org/fts5.html#the_merge_command).
	merge     = `INSERT INTO found (found, rank) VALUES ('merge', ?)`
	nextWords = `SELECT word FROM vocabulary WHERE word > ? ORDER BY word LIMIT ?`
	hasTerm   = `SELECT 1 FROM found_terms WHERE term = ?`
	dropWord  = `DELETE FROM vocabulary WHERE word = ?`
)

// tidying is how far the index is tidied. A process that ends begins anew.
type tidying struct {
	mu     sync.Mutex
	begun  bool
	merged bool
	word   string // through which the vocabulary is looked at
}

// Tidy implements store.Searches. FTS5 writes into its index that a document is gone, and drops
// what it has of it when it merges the part with it: so all parts are merged into one, step by
// step. Then the vocabulary loses the words that the index has no more, and the log of writes what
// it had.
func (s *searchStore) Tidy(ctx context.Context, _ int64, all bool) (more bool, err error) {
	s.tidying.mu.Lock()
	defer s.tidying.mu.Unlock()
	t := &s.tidying
	switch {
	case !t.begun:
		n, err := s.changed(ctx, "begin to tidy the index", beginTidy, all)
		if err != nil || n == 0 {
			return false, err
		}
		t.begun, t.merged, t.word = true, false, ""
		return true, s.mergeSome(ctx, -tidyPages)
	case !t.merged:
		return true, s.mergeSome(ctx, tidyPages)
	}
	done, err := s.dropWords(ctx)
	if err != nil || !done {
		return true, err
	}
	t.begun = false
	if _, err := s.changed(ctx, "end to tidy the index", endTidy); err != nil {
		return false, err
	}
	// Where somebody reads just now, the next writes write over what it had.
	if _, err := s.Write.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return false, fmt.Errorf("empty the log of writes: %w", err)
	}
	return false, nil
}

func (s *searchStore) mergeSome(ctx context.Context, pages int) error {
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		var before, after int64
		if err := tx.QueryRowContext(ctx, `SELECT total_changes()`).Scan(&before); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, merge, pages); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT total_changes()`).Scan(&after); err != nil {
			return err
		}
		s.tidying.merged = after-before < 2
		return nil
	})
	if err != nil {
		return fmt.Errorf("merge the index: %w", err)
	}
	return nil
}

// dropWords drops the next words that the index does not have, and reports whether all were looked
// at.
func (s *searchStore) dropWords(ctx context.Context) (done bool, err error) {
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		words, err := nextWordsOf(ctx, tx, s.tidying.word)
		if err != nil {
			return err
		}
		for _, word := range words {
			_, there, err := one[int64](ctx, tx, hasTerm, plain(word))
			if err != nil {
				return err
			}
			if there {
				continue
			}
			if _, err := tx.ExecContext(ctx, dropWord, word); err != nil {
				return err
			}
			s.vocabulary.Forget()
		}
		if done = len(words) < tidyWords; len(words) > 0 {
			s.tidying.word = words[len(words)-1]
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("drop words that nobody uses any more: %w", err)
	}
	return done, nil
}

func nextWordsOf(ctx context.Context, tx *sql.Tx, after string) (words []string, err error) {
	rows, err := tx.QueryContext(ctx, nextWords, after, tidyWords)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var word string
		if err := rows.Scan(&word); err != nil {
			return nil, err
		}
		words = append(words, word)
	}
	return words, rows.Err()
}
