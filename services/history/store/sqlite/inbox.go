package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/history/store"
)

// news finds what is new to a user (?2) in rooms (?1, a JSON array of pairs: the number of a room,
// and the Seq that crowded has for the user), one row for each room and for each of the messages
// that its last Seq has. The conditions in its subqueries are ranges of indexes. What it counts
// ends with what is shown, and what it passes over with ?3. newsFull is 100 where so many messages
// are new and none of them is the user's. To pass over rows costs a fraction of looking at who sent
// each. LIMIT -1 lets SQLite read each pair once, and not at each use.
const (
	newsBegin = `SELECT j.key, r.seq, e.seq, e.sender, e.id, e.data,
	(SELECT max(seq) FROM entries WHERE room = j.room AND kind = 1), (SELECT max(seq) FROM entries WHERE room = j.room AND kind = 2), (SELECT seq FROM removed WHERE room = j.room),
	CASE WHEN r.seq < e.seq THEN CASE WHEN r.seq < j.crowded THEN 100 ELSE `
	newsFull = `CASE WHEN NOT EXISTS (SELECT 1 FROM entries INDEXED BY entries_by_sender WHERE sender = ?2 AND kind <> 1 AND room = j.room AND seq > r.seq)
		THEN (SELECT 100 FROM entries INDEXED BY entries_there WHERE room = j.room AND kind = 0 AND gone = 0 AND seq > r.seq ORDER BY seq LIMIT 1 OFFSET 99) END`
	newsCount = `(SELECT count(*) FROM (SELECT 1 FROM (
		SELECT sender FROM entries INDEXED BY entries_there WHERE room = j.room AND kind = 0 AND gone = 0 AND seq > r.seq ORDER BY seq LIMIT ?3) WHERE `
	newsMiddle = ` LIMIT 100))`
	newsFirst  = ` END END,
	CASE WHEN r.seq < e.seq THEN (SELECT seq FROM (
		SELECT seq, sender FROM entries INDEXED BY entries_there WHERE room = j.room AND kind = 0 AND gone = 0 AND seq > r.seq ORDER BY seq LIMIT ?3) WHERE `
	newsMentions = ` LIMIT 1) END,
	CASE WHEN r.seq < e.seq OR r.seq < (SELECT max(seq) FROM entries WHERE room = j.room AND kind = 2) THEN (SELECT count(*) || ' ' || min(seq) || ' ' || sum(answer) || ' ' || coalesce(min(CASE WHEN answer THEN seq END), 0) || ' ' || max(seq) FROM mentions WHERE user IN (0, ?2) AND room = j.room AND seq > r.seq AND `
	newsEnd = `) END
	FROM (SELECT key, value ->> 0 AS room, value ->> 1 AS crowded FROM json_each(?1) LIMIT -1) j LEFT JOIN reads r ON r.user = ?2 AND r.room = j.room
	LEFT JOIN entries e ON e.room = j.room AND e.kind = 0 AND e.seq = (SELECT max(seq) FROM entries WHERE room = j.room AND kind = 0)
	ORDER BY j.key, e.twin`
	others     = `sender <> ?2`
	notHidden  = `sender <> ?2 AND sender NOT IN (SELECT value FROM json_each(?4))`
	newsPlain  = newsBegin + `coalesce(` + newsFull + `, ` + newsCount + others + newsMiddle + `)` + newsFirst + others + newsMentions + others + newsEnd
	newsHiding = newsBegin + newsCount + notHidden + newsMiddle + newsFirst + notHidden + newsMentions + notHidden + newsEnd
)

// unreadScan is how many messages are looked at to count those that are unread.
const unreadScan = chat.MaxUnread + 1 + store.MaxOwn

// Inbox implements store.Inboxes.
func (s *inboxStore) Inbox(ctx context.Context, user string, rooms, hidden []string) ([]store.Inbox, error) {
	all, err := s.inbox(ctx, user, rooms, hidden)
	if err != nil {
		return nil, fmt.Errorf("what is new: %w", err)
	}
	return all, nil
}

// newsRow is a row of news.
type newsRow struct {
	key                                                       int
	read, last, from, other, answered, removed, unread, first sql.NullInt64
	id                                                        any
	mentions                                                  sql.NullString
	data                                                      []byte
}

func (s *inboxStore) inbox(ctx context.Context, user string, rooms, hidden []string) ([]store.Inbox, error) {
	q := newsQuery{text: newsPlain, rooms: rooms}
	for i, room := range rooms {
		n, ok, err := s.rooms.number(ctx, kept{s.file}, room)
		if err != nil {
			return nil, err
		}
		if ok {
			q.numbers, q.at = append(q.numbers, n), append(q.at, i)
		}
	}
	// one without a number has neither read nor said anything
	userN, _, err := s.users.number(ctx, kept{s.file}, user)
	if err != nil {
		return nil, err
	}
	q.args = []any{userN, unreadScan}
	var hiddenN []int64
	for _, who := range hidden {
		n, ok, err := s.users.number(ctx, kept{s.file}, who)
		if err != nil {
			return nil, err
		}
		if ok {
			hiddenN = append(hiddenN, n)
		}
	}
	passed := append([]int64{userN}, hiddenN...)
	slices.Sort(passed)
	if len(hiddenN) > 0 {
		q.text, q.args = newsHiding, append(q.args, sqlitedb.List(hiddenN))
	}
	var all []store.Inbox
	err = s.crowded.ask(q.numbers, passed, func(before []int64) (map[int64]crowd, error) {
		if all, err = s.news(ctx, q, before); err != nil {
			return nil, err
		}
		unknown := make(map[int64]int64)
		for i, n := range q.numbers {
			if in := &all[q.at[i]]; in.More && int64(in.Read) >= before[i] {
				unknown[n] = int64(in.Read) + 1
			}
		}
		if len(unknown) == 0 {
			return nil, nil
		}
		return s.senders(ctx, unknown)
	})
	return all, err
}

// crowdSenders names who sent the first ?2 messages from Seqs on (?1, a JSON array of pairs: the
// number of a room, and a Seq).
const crowdSenders = `SELECT j.value ->> 0, j.value ->> 1, (SELECT json_group_array(sender) FROM (
	SELECT sender FROM entries INDEXED BY entries_there WHERE room = j.value ->> 0 AND kind = 0 AND gone = 0 AND seq >= j.value ->> 1 ORDER BY seq LIMIT ?2))
	FROM json_each(?1) j`

// senders reads who sent the first messages from Seqs on, of newCrowds of the rooms.
func (s *inboxStore) senders(ctx context.Context, from map[int64]int64) (map[int64]crowd, error) {
	var pairs [][2]int64
	for room, seq := range from { // in no order, so that each room has its turn
		if len(pairs) == newCrowds {
			break
		}
		pairs = append(pairs, [2]int64{room, seq})
	}
	found, err := kept{s.file}.QueryContext(ctx, crowdSenders, sqlitedb.List(pairs), crowdSize)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	crowds := make(map[int64]crowd, len(pairs))
	for found.Next() {
		var room int64
		var c crowd
		var senders []byte
		if err := found.Scan(&room, &c.from, &senders); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(senders, &c.senders); err != nil {
			return nil, err
		}
		slices.Sort(c.senders)
		crowds[room] = c
	}
	return crowds, found.Err()
}

// newsQuery asks for what is new in rooms.
type newsQuery struct {
	text    string
	args    []any // behind the rooms
	rooms   []string
	numbers []int64 // of the rooms that have one
	at      []int   // their places in rooms
}

// news asks for what is new. before is what crowded has for the rooms that have numbers.
func (s *inboxStore) news(ctx context.Context, q newsQuery, before []int64) ([]store.Inbox, error) {
	all := make([]store.Inbox, len(q.rooms))
	for i, room := range q.rooms {
		all[i].Room = room
	}
	if len(q.numbers) == 0 {
		return all, nil
	}
	pairs := make([][2]int64, len(before))
	for i, n := range q.numbers {
		pairs[i] = [2]int64{n, before[i]}
	}
	found, err := kept{s.file}.QueryContext(ctx, q.text, append([]any{sqlitedb.List(pairs)}, q.args...)...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	senders := make(map[int]int64, len(pairs))
	var row newsRow
	for found.Next() {
		i, sender, err := row.scan(found, all, q.at)
		if err != nil {
			return nil, err
		}
		if sender != 0 {
			senders[i] = sender
		}
	}
	if err := found.Err(); err != nil {
		return nil, err
	}
	_ = found.Close()
	for i, n := range senders {
		e := all[i].Last
		if e.Sender, err = s.users.id(ctx, kept{s.file}, n); err != nil {
			return nil, err
		}
		e.Data = unpack(e.Data, chat.TypeMsg, e.Room, e.ID, e.Sender)
	}
	return all, nil
}

// scan takes a row, and returns for which room it is, and who sent its last message; 0: nobody.
func (r *newsRow) scan(found *sql.Rows, all []store.Inbox, at []int) (place int, sender int64, err error) {
	if err := found.Scan(&r.key, &r.read, &r.last, &r.from, &r.id, &r.data, &r.other, &r.answered, &r.removed, &r.unread, &r.first, &r.mentions); err != nil {
		return 0, 0, err
	}
	in := &all[at[r.key]]
	in.Known, in.Read, in.Through = r.read.Valid, uint64(r.read.Int64), uint64(max(r.last.Int64, r.other.Int64, r.answered.Int64, r.removed.Int64))
	in.Unread, in.FirstUnread = int(r.unread.Int64), uint64(r.first.Int64)
	if r.mentions.Valid {
		var answers int
		var firstAnswer uint64
		if _, err := fmt.Sscan(r.mentions.String, &in.Mentions, &in.FirstMention, &answers, &firstAnswer, &in.LastMention); err != nil {
			return 0, 0, err
		}
		in.AddAnswers(answers, firstAnswer)
	}
	in.More = in.Unread > chat.MaxUnread
	in.Unread = min(in.Unread, chat.MaxUnread)
	if r.last.Valid {
		in.Last = &store.Entry{Room: in.Room, Seq: uint64(r.last.Int64), ID: unpackID(r.id), Type: chat.TypeMsg, Data: r.data}
	}
	return at[r.key], r.from.Int64, nil
}

// BeginRead implements store.Inboxes.
func (s *inboxStore) BeginRead(ctx context.Context, room, user string, at, from uint64) error {
	return s.write(ctx, "begin a read position", func(ctx context.Context, tx *sql.Tx, rooms, users *numbering) error {
		roomN, userN, err := both(ctx, rooms, users, room, user)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO reads (user, room, seq, began) VALUES (?, ?, ?, ?)
			ON CONFLICT (user, room) DO UPDATE SET seq = max(seq, excluded.seq), began = excluded.began WHERE began < excluded.began`,
			userN, roomN, int64(from), int64(at))
		return err
	})
}

// MoveReadBack implements store.Inboxes.
func (s *inboxStore) MoveReadBack(ctx context.Context, room, user string, seq uint64) error {
	return s.write(ctx, "take back a read position", func(ctx context.Context, tx *sql.Tx, rooms, users *numbering) error {
		roomN, userN, err := both(ctx, rooms, users, room, user)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO reads (user, room, seq) VALUES (?, ?, ?) ON CONFLICT (user, room) DO UPDATE SET seq = min(seq, excluded.seq)`,
			userN, roomN, int64(seq))
		return err
	})
}

// PutReads implements store.Inboxes.
func (s *inboxStore) PutReads(ctx context.Context, user string, reads map[string]uint64) error {
	return s.write(ctx, "remember read positions", func(ctx context.Context, tx *sql.Tx, rooms, users *numbering) error {
		for room, seq := range reads {
			roomN, userN, err := both(ctx, rooms, users, room, user)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO reads (user, room, seq) VALUES (?, ?, ?) ON CONFLICT (user, room) DO UPDATE SET seq = max(seq, excluded.seq)`,
				userN, roomN, int64(seq))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func both(ctx context.Context, rooms, users *numbering, room, user string) (roomN, userN int64, err error) {
	if roomN, err = rooms.number(ctx, room); err == nil {
		userN, err = users.number(ctx, user)
	}
	return roomN, userN, err
}

// write runs a transaction that numbers rooms and users.
func (s *file) write(ctx context.Context, what string, f func(ctx context.Context, tx *sql.Tx, rooms, users *numbering) error) error {
	var rooms, users numbering
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		rooms, users = numbering{of: &s.rooms, tx: tx}, numbering{of: &s.users, tx: tx}
		return f(ctx, tx, &rooms, &users)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	s.rooms.learn(rooms.fresh)
	s.users.learn(users.fresh)
	return nil
}
