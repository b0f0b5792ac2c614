package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"hubbub.internal/services/history/store"
)

// roomTerms is how many rooms a search names to the index at most. Of more the index has to look
// each up before the first message is found; then those of other rooms are passed over instead.
const roomTerms = 8

const (
	matches = `SELECT f.rowid, d.room, d.twin FROM found f CROSS JOIN documents d ON d.n = f.rowid WHERE f.found MATCH ? AND f.rowid < ? ORDER BY f.rowid DESC`
	atPlace = all + `WHERE room = ? AND kind IN (0, 2) AND seq = ? AND twin = ?`

	completions = `SELECT word FROM (SELECT word, n FROM vocabulary WHERE word >= ? AND word < ? LIMIT ?) ORDER BY n DESC, word LIMIT ?`
	// maxCompleted is how many words are looked at for those that begin so.
	maxCompleted = 20_000
)

// expression returns a search as FTS5 takes it
// (https://sqlite.org/fts5.html#full_text_query_syntax).
func expression(q store.Search, rooms []int64) string {
	var b strings.Builder
	either := func(terms []string) {
		b.WriteByte('(')
		for i, t := range terms {
			if i > 0 {
				b.WriteString(" OR ")
			}
			b.WriteByte('"')
			b.WriteString(plain(t))
			b.WriteByte('"')
		}
		b.WriteByte(')')
	}
	b.WriteByte('(')
	for i, terms := range q.All {
		if i > 0 {
			b.WriteString(" AND ")
		}
		either(terms)
	}
	if len(rooms) <= roomTerms || len(q.All) == 0 {
		if len(q.All) > 0 {
			b.WriteString(" AND ")
		}
		terms := make([]string, len(rooms))
		for i, n := range rooms {
			terms[i] = store.RoomTerm(n)
		}
		either(terms)
	}
	b.WriteByte(')')
	if len(q.None) > 0 {
		b.WriteString(" NOT ")
		either(q.None)
	}
	return b.String()
}

// Search implements store.Searches.
func (s *searchStore) Search(ctx context.Context, q store.Search) (store.Found, error) {
	found, err := s.search(ctx, q)
	if err != nil {
		return store.Found{}, fmt.Errorf("search: %w", err)
	}
	return found, nil
}

func (s *searchStore) search(ctx context.Context, q store.Search) (found store.Found, err error) {
	before := int64(math.MaxInt64)
	if q.After != "" {
		if before, err = strconv.ParseInt(q.After, 10, 64); err != nil {
			before = 0 // no search has returned it
		}
	}
	var rooms []int64
	wanted := make(map[int64]bool, len(q.Rooms))
	for _, room := range q.Rooms {
		n, ok, err := s.rooms.number(ctx, kept{s.file}, room)
		if err != nil {
			return found, err
		}
		if ok && !wanted[n] {
			rooms, wanted[n] = append(rooms, n), true
		}
	}
	for _, terms := range q.All {
		if len(terms) == 0 {
			return found, ctx.Err()
		}
	}
	if len(rooms) == 0 || q.Limit <= 0 {
		return found, ctx.Err()
	}
	hits, next, err := s.hits(ctx, expression(q, rooms), before, wanted, q.Limit)
	if err != nil {
		return found, err
	}
	for _, h := range hits {
		entries, err := s.list(ctx, "found messages", kept{s.file}, atPlace, h.room, h.number/slots, h.twin)
		if err != nil {
			return found, err
		}
		for _, e := range entries { // it may be gone
			found.Entries = append(found.Entries, e)
			found.Places = append(found.Places, strconv.FormatInt(h.number, 10))
		}
	}
	if next > 0 {
		found.Next = strconv.FormatInt(next, 10)
	}
	return found, nil
}

// hit is a document that was found.
type hit struct{ number, room, twin int64 }

// hits returns the first documents that an expression finds in rooms, and where it goes on; 0: not
// at all.
func (s *searchStore) hits(ctx context.Context, expression string, before int64, rooms map[int64]bool, limit int) (found []hit, next int64, err error) {
	rows, err := kept{s.file}.QueryContext(ctx, matches, expression, before)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for scanned := 0; ; scanned++ {
		if len(found) == limit || scanned == store.MaxScanned {
			return found, next, nil
		}
		if !rows.Next() {
			return found, 0, rows.Err()
		}
		var h hit
		if err := rows.Scan(&h.number, &h.room, &h.twin); err != nil {
			return nil, 0, err
		}
		if next = h.number; rooms[h.room] {
			found = append(found, h)
		}
	}
}

// PutTerms implements store.Searches.
func (s *searchStore) PutTerms(ctx context.Context, all []store.Terms) error {
	var documents []document
	for _, t := range all {
		n, ok, err := s.find(ctx, t.Room, t.Name.Sender)
		if err != nil {
			return fmt.Errorf("put terms: %w", err)
		}
		if !ok {
			continue
		}
		place, err := rows(ctx, kept{s.file}, byID+`WHERE room = ? AND id = ? AND sender = ? AND kind IN (0, 2)`, n.room, packID(t.Name.ID), n.sender)
		if err != nil {
			return fmt.Errorf("put terms: %w", err)
		}
		for _, r := range place {
			documents = append(documents, document{r.room, r.seq, r.twin, t.Terms, false})
		}
	}
	if len(documents) == 0 {
		return ctx.Err()
	}
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		return s.entryStore.writer(tx).index(context.WithoutCancel(ctx), documents, &s.vocabulary)
	})
	if err != nil {
		s.vocabulary.Forget()
		return fmt.Errorf("put terms: %w", err)
	}
	return nil
}

// Completions implements store.Searches.
func (s *searchStore) Completions(ctx context.Context, prefix string, limit int) ([]string, error) {
	rows, err := kept{s.file}.QueryContext(ctx, completions, prefix, store.After(prefix), maxCompleted, limit)
	if err != nil {
		return nil, fmt.Errorf("words that begin so: %w", err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var word string
		if err := rows.Scan(&word); err != nil {
			return nil, fmt.Errorf("words that begin so: %w", err)
		}
		all = append(all, word)
	}
	return all, rows.Err()
}

// Indexing implements store.Searches.
func (s *searchStore) Indexing(ctx context.Context) (i store.Indexing, err error) {
	rows, err := kept{s.file}.QueryContext(ctx, `SELECT version, room, seq, done FROM indexing`)
	if err != nil {
		return i, fmt.Errorf("how far the index is: %w", err)
	}
	defer rows.Close()
	var seq int64
	if rows.Next() {
		err = rows.Scan(&i.Version, &i.Room, &seq, &i.Done)
	}
	i.Seq = uint64(seq)
	return i, errors.Join(err, rows.Err())
}

// ClaimIndexing implements store.Searches.
func (s *searchStore) ClaimIndexing(ctx context.Context, now, until int64) (bool, error) {
	n, err := s.changed(ctx, "claim the index", `UPDATE indexing SET lease = ? WHERE lease < ?`, until, now)
	return n > 0, err
}

// SaveIndexing implements store.Searches.
func (s *searchStore) SaveIndexing(ctx context.Context, i store.Indexing) error {
	_, err := s.changed(ctx, "save the index", `UPDATE indexing SET version = ?, room = ?, seq = ?, done = ?, lease = 0`, i.Version, i.Room, int64(i.Seq), i.Done)
	return err
}
