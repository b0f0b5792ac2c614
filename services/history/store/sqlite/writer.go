package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"hubbub.internal/libs/chat"
	"hubbub.internal/services/history/store"
)

// The statements of a writer.
const (
	insert = `INSERT INTO entries (room, kind, seq, twin, sender, gone, past, id, type, author, target, slot, owner, done, data)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
	topOf   = `SELECT max(coalesce((SELECT max(seq) FROM entries WHERE room = ?1 AND kind = 0), 0), coalesce((SELECT max(seq) FROM entries WHERE room = ?1 AND kind = 1), 0), coalesce((SELECT max(seq) FROM entries WHERE room = ?1 AND kind = 2), 0))`
	seqOf   = `SELECT seq FROM entries INDEXED BY entries_by_id WHERE room = ? AND id = ? AND sender = ?`
	twinsAt = `SELECT max(twin) FROM entries WHERE room = ? AND kind IN (0, 1, 2) AND seq = ? HAVING count(*) > 0`
	// markPast marks all entries of a slot but the last. What is past already has a place of its
	// own in the index.
	markPast = `UPDATE entries INDEXED BY entries_by_target SET past = 1 WHERE room = ?1 AND target <> '' AND target = ?2 AND author = ?3 AND past = 0 AND slot = ?4 AND owner = ?5 AND seq < max(
		coalesce((SELECT max(seq) FROM entries INDEXED BY entries_by_target WHERE room = ?1 AND target <> '' AND target = ?2 AND author = ?3 AND past = 0 AND slot = ?4 AND owner = ?5), 0),
		coalesce((SELECT max(seq) FROM entries INDEXED BY entries_by_target WHERE room = ?1 AND target <> '' AND target = ?2 AND author = ?3 AND past = 1 AND slot = ?4 AND owner = ?5), 0))`
	setDone = `UPDATE entries SET gone = ?1, done = ?2 WHERE room = ?3 AND kind IN (0, 2) AND seq = ?4 AND twin = ?5`
	doneOf  = `SELECT seq, twin, gone, done FROM entries INDEXED BY entries_by_id WHERE room = ? AND id = ? AND sender = ? AND kind IN (0, 2)`
	// saidOf finds what is about a message, also what does not say its author.
	saidOf = byTarget + `WHERE room = ? AND target <> '' AND target = ? AND author IN (?, 0) AND past = 0`
	calls  = `SELECT count(*) FROM entries INDEXED BY entries_by_id WHERE room = ? AND id = ? AND kind <> 1`
)

// writes are the statements that are prepared when a file is opened.
var writes = []string{
	insert, topOf, seqOf, twinsAt, markPast, setDone, doneOf, saidOf, calls,
	putDocument, documentOf, dropNumber, putTerms, dropTerms, markUntidy, countOf, putCount,
}

// tops are the greatest Seqs of rooms, by number, or greater ones: an entry behind its room's is
// certain to be new, unless its name is taken.
type tops map[int64]int64

// writer adds entries in a transaction.
type writer struct {
	tx           *sql.Tx
	statement    func(ctx context.Context, text string) (*sql.Stmt, error)
	known        map[string]*sql.Stmt
	rooms, users numbering
	tops         tops
	fresh        []document        // messages that were added and are to be indexed
	threads      bool              // there are their tables
	roomCache    *roomCache        // not nil where there are threads
	touched      map[thread]uint64 // threads, and through which Seq they are counted now
}

func newWriter(tx *sql.Tx, rooms, users *numbers, tops tops, statement func(ctx context.Context, text string) (*sql.Stmt, error)) *writer {
	return &writer{
		tx: tx, statement: statement, known: make(map[string]*sql.Stmt), rooms: numbering{of: rooms, tx: tx}, users: numbering{of: users, tx: tx}, tops: tops,
	}
}

// prepared returns a statement of the transaction.
func (w *writer) prepared(ctx context.Context, text string) (*sql.Stmt, error) {
	if s := w.known[text]; s != nil {
		return s, nil
	}
	s, err := w.statement(ctx, text)
	if err == nil {
		w.known[text] = s
	}
	return s, err
}

func (w *writer) exec(ctx context.Context, text string, args ...any) (int64, error) {
	s, err := w.prepared(ctx, text) //nolint:sqlclosecheck // the end of the transaction closes it
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// QueryContext implements querier.
func (w *writer) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	s, err := w.prepared(ctx, text) //nolint:sqlclosecheck // the end of the transaction closes it
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// numbered are the numbers of what an entry names.
type numbered struct{ room, sender, author int64 }

func (w *writer) number(ctx context.Context, e store.Entry) (n numbered, err error) {
	if n.room, err = w.rooms.number(ctx, e.Room); err != nil {
		return n, err
	}
	if n.sender, err = w.users.number(ctx, e.Sender); err != nil {
		return n, err
	}
	if e.Author != "" {
		n.author, err = w.users.number(ctx, e.Author)
	}
	return n, err
}

// top returns the greatest Seq of a room.
func (w *writer) top(ctx context.Context, room int64) (int64, error) {
	if top, ok := w.tops[room]; ok {
		return top, nil
	}
	top, _, err := one[int64](ctx, w, topOf, room)
	if err != nil {
		return 0, err
	}
	if len(w.tops) >= maxKnown {
		clear(w.tops)
	}
	w.tops[room] = top
	return top, nil
}

// add adds an entry, if it is new, and tells out if it is something else.
func (w *writer) add(ctx context.Context, e store.Entry, out *store.Outcome) (added bool, err error) {
	n, err := w.number(ctx, e)
	if err != nil {
		return false, err
	}
	top, err := w.top(ctx, n.room)
	if err != nil {
		return false, err
	}
	if int64(e.Seq) > top {
		w.tops[n.room] = int64(e.Seq)
		if added, err := w.insert(ctx, e, n, 0, store.Done{}); added || err != nil {
			return added, err
		}
	}
	seq, taken, err := one[int64](ctx, w, seqOf, n.room, packID(e.ID), n.sender)
	if err != nil {
		return false, err
	}
	if taken {
		if uint64(seq) != e.Seq {
			out.Repeats = append(out.Repeats, store.Repeat{Entry: e, First: uint64(seq)})
		}
		return false, nil
	}
	// It comes late, or the log was rewound.
	twin, conflict, err := one[int64](ctx, w, twinsAt, n.room, int64(e.Seq))
	if err != nil {
		return false, err
	}
	if conflict {
		twin++
		out.Conflicts = append(out.Conflicts, e)
	}
	var done store.Done
	if e.Type == chat.TypeMsg {
		others, _, err := one[int64](ctx, w, calls, n.room, packID(e.ID))
		if err != nil {
			return false, err
		}
		if done, err = w.said(ctx, n.room, n.sender, e.ID, others == 0); err != nil {
			return false, err
		}
	}
	return w.insert(ctx, e, n, twin, done)
}

func (w *writer) insert(ctx context.Context, e store.Entry, n numbered, twin int64, done store.Done) (bool, error) {
	var target any = ""
	kind, slot, owner := kindMessage, "", int64(0)
	if e.OnlyInThread() {
		kind = kindAnswer
	}
	if e.Type != chat.TypeMsg {
		kind, target = kindOther, packID(e.Target)
		slot, owner = packSlot(e.Slot, e.Type, e.Sender, n.sender)
	}
	var memory [160]byte
	data := pack(e.Data, beginning(memory[:0], e.Type, e.Room, e.ID, e.Sender))
	if w.roomCache != nil {
		w.roomCache.change(w.tx, n.room, alters)
	}
	changed, err := w.exec(ctx, insert, n.room, kind, int64(e.Seq), twin, n.sender, done.Deleted, e.Past, packID(e.ID), e.Type, n.author, target, slot, owner, packDone(done), data)
	if err == nil && changed == 1 && kind != kindOther && len(e.Terms) > 0 {
		w.fresh = append(w.fresh, document{n.room, int64(e.Seq), twin, e.Terms, true})
	}
	if err == nil && changed == 1 && e.Type == chat.TypeMsg && e.Thread != (store.Name{}) {
		err = w.answers(ctx, e, n, kind, twin, done.Deleted)
	}
	return changed == 1, err
}

// settle marks what an entry that was just added has made past, and the entry itself if a later one
// has its slot, and does to its message what it says.
func (w *writer) settle(ctx context.Context, e store.Entry) error {
	if e.Slot != "" {
		n, err := w.number(ctx, e)
		if err != nil {
			return err
		}
		slot, owner := packSlot(e.Slot, e.Type, e.Sender, n.sender)
		if _, err := w.exec(ctx, markPast, n.room, packID(e.Target), n.author, slot, owner); err != nil {
			return err
		}
	}
	return w.do(ctx, e)
}

// do does to the message of an entry what that says. What is not there yet is seen to when it
// comes.
func (w *writer) do(ctx context.Context, e store.Entry) error {
	if !chat.About(e.Type) || e.Author == "" {
		return nil
	}
	n, err := w.number(ctx, e)
	if err != nil {
		return err
	}
	seq, twin, done, ok, err := w.done(ctx, n.room, packID(e.Target), n.author)
	if err != nil || !ok {
		return err
	}
	if e.Seq <= done.Through { // late
		if done, err = w.said(ctx, n.room, n.author, e.Target, false); err != nil {
			return err
		}
	} else if done.Add(e) != nil {
		return nil // it is none that this release understands
	}
	if _, err = w.exec(ctx, setDone, done.Deleted, packDone(done), n.room, seq, twin); err == nil && w.threads && done.Deleted {
		w.roomCache.change(w.tx, n.room, loses)
		err = w.lose(ctx, n.room, seq, twin, e.Seq)
	}
	return err
}

// done returns where a message is, and what was done to it.
func (w *writer) done(ctx context.Context, room int64, id any, sender int64) (seq, twin int64, done store.Done, ok bool, err error) {
	rows, err := w.QueryContext(ctx, doneOf, room, id, sender)
	if err != nil {
		return 0, 0, done, false, err
	}
	defer rows.Close()
	if ok = rows.Next(); ok {
		var gone bool
		var kept []byte
		err = rows.Scan(&seq, &twin, &gone, &kept)
		done = *unpackDone(kept, gone)
	}
	return seq, twin, done, ok, errors.Join(err, rows.Err())
}

// said returns what all entries about a message did to it. alone: what does not say its author is
// about it, too, since no other message has its id.
func (w *writer) said(ctx context.Context, room, sender int64, id string, alone bool) (done store.Done, err error) {
	found, err := rows(ctx, w, saidOf, room, packID(id), sender)
	if err != nil {
		return done, err
	}
	slices.SortFunc(found, func(a, b row) int { return cmp.Compare(a.seq, b.seq) })
	for _, r := range found {
		if !alone && r.author == 0 || !chat.About(r.kind) {
			continue
		}
		name, err := w.users.of.id(ctx, w.tx, r.sender)
		if err != nil {
			return done, err
		}
		e := store.Entry{Seq: uint64(r.seq), Sender: name, Type: r.kind, Slot: unpackSlot(r.slot, r.kind, name, r.owner)}
		if e.Data = unpack(r.data, r.kind, "", "", name); done.Add(e) != nil {
			continue // as in do
		}
	}
	return done, nil
}

// committed tells everybody what the transaction, which was committed, has numbered.
func (w *writer) committed() {
	w.rooms.of.learn(w.rooms.fresh)
	w.users.of.learn(w.users.fresh)
}
