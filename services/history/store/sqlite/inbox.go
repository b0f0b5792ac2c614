package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"hubbub.internal/libs/chat"
	"hubbub.internal/libs/sqlitedb"
	"hubbub.internal/services/history/store"
)

// news finds what is new to a user (?2) in rooms (?1, a JSON array of arrays: the number of a room,
// the Seq that roomCache has for the user, and where it knows them those of the newest message and
// of the newest in a thread alone), one row for each room and for each of the messages that its
// last Seq has. The conditions in its subqueries are ranges of indexes. What it counts ends with
// what is shown, and what it passes over with ?3. newsFull is 100 where so many messages are new
// and none of them is the user's. To pass over rows costs a fraction of looking at who sent each.
// LIMIT -1 lets SQLite read each array once, and not at each use.
const (
	newsBegin = `SELECT j.key, r.seq, e.seq, e.sender, e.id, e.data,
	CASE WHEN j.last IS NULL THEN (SELECT max(seq) FROM entries WHERE room = j.room AND kind = 1) END,
	CASE WHEN j.last IS NULL THEN (SELECT max(seq) FROM entries WHERE room = j.room AND kind = 2) END,
	CASE WHEN j.last IS NULL THEN (SELECT seq FROM removed WHERE room = j.room) END,
	CASE WHEN r.seq < coalesce(j.last, e.seq) THEN CASE WHEN r.seq < j.crowded THEN 100 ELSE `
	newsFull = `CASE WHEN NOT EXISTS (SELECT 1 FROM entries INDEXED BY entries_by_sender WHERE sender = ?2 AND kind <> 1 AND room = j.room AND seq > r.seq)
		THEN (SELECT 100 FROM entries INDEXED BY entries_there WHERE room = j.room AND kind = 0 AND gone = 0 AND seq > r.seq ORDER BY seq LIMIT 1 OFFSET 99) END`
	newsCount = `(SELECT count(*) FROM (SELECT 1 FROM (
		SELECT sender FROM entries INDEXED BY entries_there WHERE room = j.room AND kind = 0 AND gone = 0 AND seq > r.seq ORDER BY seq LIMIT ?3) WHERE `
	newsMiddle = ` LIMIT 100))`
	newsFirst  = ` END END,
	CASE WHEN r.seq < coalesce(j.last, e.seq) THEN (SELECT seq FROM (
		SELECT seq, sender FROM entries INDEXED BY entries_there WHERE room = j.room AND kind = 0 AND gone = 0 AND seq > r.seq ORDER BY seq LIMIT ?3) WHERE `
	newsMentions = ` LIMIT 1) END,
	CASE WHEN r.seq < coalesce(j.last, e.seq) OR r.seq < coalesce(j.answered, (SELECT max(seq) FROM entries WHERE room = j.room AND kind = 2)) THEN (SELECT count(*) || ' ' || min(seq) || ' ' || sum(answer) || ' ' || coalesce(min(CASE WHEN answer THEN seq END), 0) || ' ' || max(seq) FROM mentions WHERE user IN (0, ?2) AND room = j.room AND seq > r.seq AND `
	newsEnd = `) END
	FROM (SELECT key, value ->> 0 AS room, value ->> 1 AS crowded, value ->> 2 AS last, value ->> 3 AS answered FROM json_each(?1) LIMIT -1) j
	LEFT JOIN reads r ON r.user = ?2 AND r.room = j.room
	LEFT JOIN entries e ON e.room = j.room AND e.kind = 0 AND e.seq = CASE WHEN j.last IS NULL THEN (SELECT max(seq) FROM entries WHERE room = j.room AND kind = 0) END
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
	q := newsQuery{text: newsPlain}
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
	all := make([]store.Inbox, len(rooms))
	for i, room := range rooms {
		all[i].Room = room
	}
	if len(q.numbers) == 0 {
		return all, nil
	}
	err = s.roomCache.ask(q.numbers, passed, func(rooms []known) (map[int64]learned, error) {
		found, err := s.news(ctx, q, rooms, all)
		if err != nil {
			return nil, err
		}
		unknown := make(map[int64]int64)
		for _, k := range rooms {
			if in := &all[q.at[k.at]]; in.More && int64(in.Read) >= k.before {
				unknown[q.numbers[k.at]] = int64(in.Read) + 1
			}
		}
		if len(unknown) == 0 {
			return found, nil
		}
		return found, s.senders(ctx, unknown, found)
	})
	return all, err
}

// crowdSenders names who sent the first ?2 messages from Seqs on (?1, a JSON array of pairs: the
// number of a room, and a Seq).
const crowdSenders = `SELECT j.value ->> 0, j.value ->> 1, (SELECT json_group_array(sender) FROM (
	SELECT sender FROM entries INDEXED BY entries_there WHERE room = j.value ->> 0 AND kind = 0 AND gone = 0 AND seq >= j.value ->> 1 ORDER BY seq LIMIT ?2))
	FROM json_each(?1) j`

// senders reads who sent the first messages from Seqs on, of newCrowds of the rooms.
func (s *inboxStore) senders(ctx context.Context, from map[int64]int64, into map[int64]learned) error {
	var pairs [][2]int64
	for room, seq := range from { // in no order, so that each room has its turn
		if len(pairs) == newCrowds {
			break
		}
		pairs = append(pairs, [2]int64{room, seq})
	}
	found, err := kept{s.file}.QueryContext(ctx, crowdSenders, sqlitedb.List(pairs), crowdSize)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		var room int64
		var c crowd
		var senders []byte
		if err := found.Scan(&room, &c.from, &senders); err != nil {
			return err
		}
		if err := json.Unmarshal(senders, &c.senders); err != nil {
			return err
		}
		slices.Sort(c.senders)
		l := into[room]
		l.crowd = c
		into[room] = l
	}
	return found.Err()
}

// newsQuery asks for what is new in rooms.
type newsQuery struct {
	text    string
	args    []any   // behind the rooms
	numbers []int64 // of the rooms that have one
	at      []int   // their places among all rooms
}

// list names rooms as news wants them.
func (q newsQuery) list(rooms []known) []byte {
	list := make([]byte, 0, 64*len(rooms))
	for i, k := range rooms {
		list = append(list, "[,"[min(i, 1)], '[')
		list = strconv.AppendInt(list, q.numbers[k.at], 10)
		list = strconv.AppendInt(append(list, ','), k.before, 10)
		if k.end.known {
			last := int64(0)
			if k.end.last != nil {
				last = int64(k.end.last.Seq)
			}
			list = strconv.AppendInt(append(list, ','), last, 10)
			list = strconv.AppendInt(append(list, ','), k.end.answered, 10)
		}
		list = append(list, ']')
	}
	return append(list, ']')
}

// news asks for what is new in rooms, puts it into all, and returns what it learns of the rooms by
// their numbers.
func (s *inboxStore) news(ctx context.Context, q newsQuery, rooms []known, all []store.Inbox) (map[int64]learned, error) {
	found, err := kept{s.file}.QueryContext(ctx, q.text, append([]any{string(q.list(rooms))}, q.args...)...)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	learns := make(map[int64]learned)
	senders := make(map[int64]int64) // of the newest messages, by room
	var row newsRow
	for found.Next() {
		if err := row.scan(found); err != nil {
			return nil, err
		}
		k := rooms[row.key]
		room, in := q.numbers[k.at], &all[q.at[k.at]]
		if err := row.fill(in); err != nil {
			return nil, err
		}
		if !k.end.known {
			k.end = row.end(in.Room)
			learns[room] = learned{end: k.end}
			if k.end.last != nil {
				senders[room] = row.from.Int64
			}
		}
		in.Last, in.Through = k.end.last, k.end.through
	}
	if err := found.Err(); err != nil {
		return nil, err
	}
	_ = found.Close()
	for room, n := range senders {
		e := learns[room].end.last
		if e.Sender, err = s.users.id(ctx, kept{s.file}, n); err != nil {
			return nil, err
		}
		e.Data = unpack(e.Data, chat.TypeMsg, e.Room, e.ID, e.Sender)
	}
	for _, k := range rooms {
		if in := &all[q.at[k.at]]; in.Last != nil {
			last := *in.Last // callers may change theirs
			in.Last = &last
		}
	}
	return learns, nil
}

func (r *newsRow) scan(found *sql.Rows) error {
	return found.Scan(&r.key, &r.read, &r.last, &r.from, &r.id, &r.data, &r.other, &r.answered, &r.removed, &r.unread, &r.first, &r.mentions)
}

// fill tells what is new to the user.
func (r *newsRow) fill(in *store.Inbox) error {
	*in = store.Inbox{Room: in.Room, Known: r.read.Valid, Read: uint64(r.read.Int64), Unread: int(r.unread.Int64), FirstUnread: uint64(r.first.Int64)}
	if r.mentions.Valid {
		var answers int
		var firstAnswer uint64
		if _, err := fmt.Sscan(r.mentions.String, &in.Mentions, &in.FirstMention, &answers, &firstAnswer, &in.LastMention); err != nil {
			return err
		}
		in.AddAnswers(answers, firstAnswer)
	}
	in.More = in.Unread > chat.MaxUnread
	in.Unread = min(in.Unread, chat.MaxUnread)
	return nil
}

// end returns what a room has at its end. The message lacks its sender, and its data is packed.
func (r *newsRow) end(room string) roomEnd {
	end := roomEnd{known: true, answered: r.answered.Int64, through: uint64(max(r.last.Int64, r.other.Int64, r.answered.Int64, r.removed.Int64))}
	if r.last.Valid {
		end.last = &store.Entry{Room: room, Seq: uint64(r.last.Int64), ID: unpackID(r.id), Type: chat.TypeMsg, Data: r.data}
	}
	return end
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
