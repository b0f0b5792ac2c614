package sqlite

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"strings"

	"hubbub.internal/services/history/store"
)

const (
	// slots is how many messages with one seq, in all rooms, have a document.
	slots = 1 << 10

	putDocument = `INSERT INTO documents (n, room, twin) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	documentOf  = `SELECT n FROM documents WHERE n BETWEEN ?1 AND ?2 AND room = ?3 AND twin = ?4`
	dropNumber  = `DELETE FROM documents WHERE n = ?`
	putTerms    = `INSERT INTO found (rowid, terms) VALUES (?, ?)`
	dropTerms   = `DELETE FROM found WHERE rowid = ?`
	countOf     = `SELECT n FROM vocabulary WHERE word = ?`
	putCount    = `INSERT INTO vocabulary (word, n) VALUES (?, ?) ON CONFLICT (word) DO UPDATE SET n = max(n, excluded.n)`
)

// document is a message that is to be found by terms.
type document struct {
	room, seq, twin int64
	terms           []string
	fresh           bool // the transaction has added the message: the index does not have it
}

// firstDocument returns the least number that a message with a seq has in the index.
func firstDocument(seq int64) int64 { return seq * slots }

// index puts documents into the index instead of what they have there. They are written in their
// order: FTS5 begins a new segment whenever a number is less than the one before.
func (w *writer) index(ctx context.Context, all []document, counts *store.Vocabulary) error {
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b document) int { return cmp.Compare(a.seq, b.seq) })
	terms, dropped := make([][]string, 0, len(all)), false
	for _, d := range all {
		number, fresh, err := w.numberDocument(ctx, d)
		if err != nil {
			return err
		}
		if number == 0 {
			continue
		}
		if !fresh {
			if _, err := w.exec(ctx, dropTerms, number); err != nil {
				return err
			}
			dropped = true
		}
		if len(d.terms) == 0 {
			if _, err := w.exec(ctx, dropNumber, number); err != nil {
				return err
			}
			continue
		}
		if _, err := w.exec(ctx, putTerms, number, indexed(d)); err != nil {
			return err
		}
		terms = append(terms, d.terms)
	}
	if dropped {
		if _, err := w.exec(ctx, markUntidy); err != nil {
			return err
		}
	}
	changed, err := counts.Count(terms, func(words []string) (map[string]int64, error) {
		known := make(map[string]int64)
		for _, word := range words {
			n, ok, err := one[int64](ctx, w, countOf, word)
			if err != nil {
				return nil, err
			}
			if ok {
				known[word] = n
			}
		}
		return known, nil
	})
	if err != nil {
		return err
	}
	for word, n := range changed {
		if _, err := w.exec(ctx, putCount, word, n); err != nil {
			return err
		}
	}
	return nil
}

// numberDocument returns the number of a message in the index, and whether it is new there; 0: it
// is not there, and has no terms, or more messages than there are slots have its seq.
func (w *writer) numberDocument(ctx context.Context, d document) (number int64, fresh bool, err error) {
	first := firstDocument(d.seq)
	if len(d.terms) > 0 {
		// Mostly it is new, and nobody else has its seq.
		if changed, err := w.exec(ctx, putDocument, first, d.room, d.twin); err != nil {
			return 0, false, err
		} else if changed == 1 && d.fresh {
			return first, true, nil
		} else if changed == 1 {
			// Whoever had that number may have been removed: the message may have another one.
			number, known, err := one[int64](ctx, w, documentOf, first+1, first+slots-1, d.room, d.twin)
			if err != nil || !known {
				return first, true, err
			}
			_, err = w.exec(ctx, dropNumber, first)
			return number, false, err
		}
	}
	number, known, err := one[int64](ctx, w, documentOf, first, first+slots-1, d.room, d.twin)
	if err != nil || known || len(d.terms) == 0 {
		return number, false, err
	}
	for slot := range int64(slots) {
		if changed, err := w.exec(ctx, putDocument, first+slot, d.room, d.twin); err != nil || changed == 1 {
			return first + slot, true, err
		}
	}
	return 0, false, nil
}

// indexed returns the terms of a document as FTS5 is given them.
func indexed(d document) string {
	var b strings.Builder
	b.WriteString(store.RoomTerm(d.room))
	for _, t := range d.terms {
		b.WriteByte(' ')
		b.WriteString(plain(t))
	}
	return b.String()
}

// plain returns a term as it is kept: FTS5's tokenizer ascii cuts at every character of ASCII that
// is no letter or digit, and takes capitals for small letters.
func plain(term string) string {
	if isPlain(term) {
		return term
	}
	var b strings.Builder
	for i := range len(term) {
		if c := term[i]; isPlain(term[i : i+1]) {
			b.WriteByte(c)
		} else {
			b.WriteString("\ue001")
			b.WriteString(hex.EncodeToString([]byte{c}))
		}
	}
	return b.String()
}

func isPlain(term string) bool {
	for i := range len(term) {
		if c := term[i]; c < 0x80 && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
